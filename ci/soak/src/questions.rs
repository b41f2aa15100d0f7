//! Everything but the stream, requested at random: snapshots, state, metrics, the page.

use crate::{
    book::{Book, Span},
    http::get,
    viewer::now,
};
use fastrand::Rng;
use serde_json::Value;
use std::{
    cell::RefCell,
    net::{Ipv4Addr, SocketAddr},
    rc::Rc,
    time::Duration,
};
use tokio::time::{Instant, sleep_until};
use zune_jpeg::{
    JpegDecoder,
    zune_core::{bytestream::ZCursor, options::DecoderOptions},
};

const ROUTES: [&str; 8] = [
    "/snapshot",
    "/snapshot.jpg",
    "/?action=snapshot",
    "/state",
    "/metrics",
    "/healthz",
    "/",
    "/no/such/page",
];

/// Asks one thing after another.
#[derive(Clone, Debug)]
pub(crate) struct Questions {
    pub(crate) address: Ipv4Addr,
    pub(crate) server: SocketAddr,
    pub(crate) book: Book,
    /// When and why the answer was that there is no picture: only an outage explains that.
    pub(crate) refused: Rc<RefCell<Vec<(Span, String)>>>,
}

impl Questions {
    pub(crate) fn new(address: Ipv4Addr, server: SocketAddr, book: Book) -> Self {
        Self { address, server, book, refused: Rc::default() }
    }

    /// Sends requests at random until `end`.
    pub(crate) async fn run(self, mut rng: Rng, end: Instant) {
        while Instant::now() < end {
            self.ask(ROUTES[rng.usize(..ROUTES.len())]).await;
            sleep_until(end.min(Instant::now() + Duration::from_millis(rng.u64(..300)))).await;
        }
    }

    /// Each of them once.
    pub(crate) async fn all(&self) {
        for route in ROUTES {
            self.ask(route).await;
        }
    }

    async fn ask(&self, route: &str) {
        self.book.counts().requests += 1;
        let from = now();
        let right = match get(self.address, self.server, route).await {
            Err(error) => Err(error.to_string()),
            Ok((503, body)) if route.contains("snapshot") || route == "/healthz" => {
                let why = format!("{route}: {}", String::from_utf8_lossy(&body).trim_end());
                self.refused.borrow_mut().push((Span { from, to: now() }, why));
                Ok(())
            }
            Ok((404, _)) if route == "/no/such/page" => Ok(()),
            Ok((200, body)) => is_right(route, &body),
            Ok((status, _)) => Err(format!("status {status}")),
        };
        if let Err(why) = right {
            self.book.broken(format!("GET {route}: {why}"));
        }
    }

    /// A number of `/metrics`.
    pub(crate) async fn metric(&self, name: &str) -> Result<u64, String> {
        let (_, body) = get(self.address, self.server, "/metrics").await.map_err(|e| e.to_string())?;
        let text = String::from_utf8_lossy(&body);
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok());
        value.ok_or_else(|| format!("no {name} in /metrics"))
    }
}

fn is_right(route: &str, body: &[u8]) -> Result<(), String> {
    match route {
        "/state" => {
            let state: Value = serde_json::from_slice(body).map_err(|e| e.to_string())?;
            let there = state["viewers"].is_array() && state["frames"]["captured"].is_u64();
            there.then_some(()).ok_or_else(|| format!("not the state: {state}"))
        }
        "/metrics" => body.ends_with(b"# EOF\n").then_some(()).ok_or_else(|| "no end".to_owned()),
        "/healthz" => (body == b"ok\n").then_some(()).ok_or_else(|| "not ok".to_owned()),
        "/" => body.starts_with(b"<!").then_some(()).ok_or_else(|| "no page".to_owned()),
        _ => {
            let options = DecoderOptions::default().set_strict_mode(true);
            let mut decoder = JpegDecoder::new_with_options(ZCursor::new(body), options);
            decoder.decode().map_err(|e| format!("{e:?}"))?;
            let size = decoder.info().map(|info| (info.width, info.height));
            (size == Some((640, 480))).then_some(()).ok_or_else(|| format!("a picture of {size:?}"))
        }
    }
}
