//! The request path: whatever a peer sends, the server answers or closes, and goes on serving.
//!
//! The first byte says where the bytes are split into two writes.
#![no_main]

use bytes::Bytes;
use eyelet_core::{
    Hub,
    feed::{Label, Picture, PictureKind, RunId},
    http::{self, Server},
};
use eyelet_hal::{clock::{Clock, SystemClock}, PixelFormat, StreamFormat};
use libfuzzer_sys::fuzz_target;
use std::{cell::RefCell, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    runtime::{Builder, Runtime},
    time::{sleep, timeout},
};

/// What a request has to be answered in, before the peer's side is closed.
const MOMENT: Duration = Duration::from_millis(1);

/// Only a hang takes this long: the server waits for nothing once the peer's side is closed.
const HANG: Duration = Duration::from_secs(8);

struct Machine {
    runtime: Runtime,
    address: SocketAddr,
}

thread_local! {
    static MACHINE: RefCell<Machine> = RefCell::new(Machine::new());
}

impl Machine {
    fn new() -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        let address = runtime.block_on(async {
            let hub = Hub::default();
            hub.status.connected("fuzz", StreamFormat::new(PixelFormat::Grey, 4, 2).expect("not zero"));
            let listener = http::listen("127.0.0.1:0".parse().expect("an address")).expect("a port");
            let address = listener.local_addr().expect("its address");
            let listener = TcpListener::from_std(listener).expect("a listener");
            tokio::spawn(Server::new(hub.clone(), Arc::new(SystemClock)).run(listener));
            tokio::spawn(async move {
                for sequence in 0.. {
                    let jpeg = Bytes::from_static(b"\xff\xd8\xff\xd9");
                    let captured_at = SystemClock.unix();
                    hub.feed.publish(Picture {
                        jpeg,
                        label: Label { run: RunId::new(0), sequence, captured_at },
                        kind: PictureKind::Live,
                    });
                    sleep(MOMENT).await;
                }
            });
            address
        });
        Self { runtime, address }
    }

    fn exchange(&self, bytes: &[u8], split: usize) -> Vec<u8> {
        let exchange = async {
            let mut socket = TcpStream::connect(self.address).await.expect("a connection");
            socket.set_nodelay(true).expect("an option");
            let mut answer = Vec::new();
            // The server may close as soon as it has read enough.
            let _ = socket.write_all(&bytes[..split]).await;
            if split < bytes.len() {
                tokio::task::yield_now().await;
                let _ = socket.write_all(&bytes[split..]).await;
            }
            let _ = timeout(MOMENT, socket.read_buf(&mut answer)).await;
            let _ = socket.shutdown().await;
            // A client that has closed its side still gets the stream: there is no end to wait for then.
            while !is_stream(&answer) && socket.read_buf(&mut answer).await.is_ok_and(|read| read > 0) {}
            answer
        };
        self.runtime.block_on(async { timeout(HANG, exchange).await }).expect("the connection hangs")
    }
}

fn is_stream(answer: &[u8]) -> bool {
    let boundary = b"\r\n--frame\r\n";
    answer.windows(boundary.len()).any(|window| window == boundary)
}

fuzz_target!(|bytes: &[u8]| {
    let Some((&split, bytes)) = bytes.split_first() else { return };
    MACHINE.with_borrow(|machine| {
        let answer = machine.exchange(bytes, usize::from(split).min(bytes.len()));
        assert!(
            answer.is_empty() || answer.starts_with(b"HTTP/1."),
            "{:?}",
            answer.escape_ascii().to_string()
        );
        if split == 0 {
            let good = machine.exchange(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 0);
            assert!(good.ends_with(b"\r\n\r\nok\n"), "{:?}", good.escape_ascii().to_string());
        }
    });
});
