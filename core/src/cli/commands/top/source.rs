//! The state of a server, asked for again and again on one connection.

use crate::{
    cli::{Failure, TopArgs, commands::watch::explain},
    net::{
        client::{Connection, Timeouts, broken, proxy},
        token::Token,
        url::HttpUrl,
    },
    watch::{refused, request},
};
use bytes::Bytes;
use eyelet_hal::{Error, ErrorKind, Result};
use http_body_util::BodyExt as _;
use hyper::{Response, StatusCode, body::Incoming};
use serde_json::Value;
use std::time::Duration;
use tokio::time::timeout;

/// How long a server may take for all of its answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// In bytes: a server of 10000 viewers has some 1.5 MB to say.
const LONGEST: usize = 2 << 20;

/// A server, and the connection to it while there is one.
pub(super) struct Source {
    url: HttpUrl,
    token: Option<Token>,
    connection: Option<Connection>,
}

impl Source {
    pub(super) fn new(args: &TopArgs) -> std::result::Result<Self, Failure> {
        let mut url = args.url.0.clone();
        args.roots.trust(&mut url)?;
        if let Some(proxy) = proxy::choose(&url, None, |name| std::env::var(name).ok())? {
            url.set_proxy(proxy);
        }
        Ok(Self { url, token: args.token.token()?, connection: None })
    }

    /// The server's address, for people.
    pub(super) fn shown(&self) -> String {
        let url = self.url.to_string();
        url.strip_suffix("state").unwrap_or(&url).to_owned()
    }

    /// The state now: a JSON object.
    pub(super) async fn state(mut self) -> (Self, Result<Value>) {
        let state = timeout(PATIENCE, self.ask()).await.unwrap_or_else(|_| {
            let error = self.url.error(ErrorKind::TimedOut, format!("no whole answer within {PATIENCE:?}"));
            Err(error.with_remedy("is the server stuck?"))
        });
        (self, state.map_err(explain))
    }

    async fn ask(&mut self) -> Result<Value> {
        let (connection, answer) = self.answer().await?;
        let (head, mut body) = answer.into_parts();
        if head.status != StatusCode::OK {
            return Err(refused(&self.url, &head, body, PATIENCE, "is it an eyelet server?").await);
        }
        let mut text = Vec::new();
        while let Some(frame) = body.frame().await {
            text.extend_from_slice(
                &frame.map_err(|e| broken(&self.url, e))?.into_data().unwrap_or_else(|_| Bytes::new()),
            );
            if text.len() > LONGEST {
                return Err(self.no_state("is longer than 2 MiB"));
            }
        }
        let state = serde_json::from_slice::<Value>(&text).map_err(|_| self.no_state("is not JSON"))?;
        if !state["source"].is_object() {
            return Err(self.no_state("has no source"));
        }
        self.connection = Some(connection);
        Ok(state)
    }

    /// The head of an answer, on the connection that is there or on a new one.
    async fn answer(&mut self) -> Result<(Connection, Response<Incoming>)> {
        let request = || request(&self.url, self.token.as_ref());
        if let Some(mut kept) = self.connection.take() {
            match kept.send(request()?).await {
                Ok(answer) => return Ok((kept, answer)),
                // Closed while it was idle.
                Err(no_answer) if no_answer.unheard => {}
                Err(no_answer) => return Err(broken(&self.url, no_answer.error)),
            }
        }
        let mut connection = Connection::open(&self.url, &Timeouts::default()).await?;
        let answer =
            connection.send(request()?).await.map_err(|no_answer| broken(&self.url, no_answer.error))?;
        Ok((connection, answer))
    }

    fn no_state(&self, why: &str) -> Error {
        let error = self.url.error(ErrorKind::Unsupported, format!("its answer {why}"));
        error.with_remedy("is it an eyelet server?")
    }
}
