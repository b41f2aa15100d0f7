//! What every trial of a server begins and ends with.

use crate::{
    book::Book,
    questions::Questions,
    server::{Resources, Server},
};
use std::{net::Ipv4Addr, path::Path, time::Duration};
use tokio::time::{sleep, timeout};

/// A server that has answered everything once, so that it holds what it needs for that.
pub(crate) struct Trial {
    pub(crate) server: Server,
    pub(crate) book: Book,
    pub(crate) questions: Questions,
    /// What it held before it was treated badly.
    pub(crate) start: Resources,
}

impl Trial {
    pub(crate) async fn start(program: &Path, flags: &[String]) -> Result<Self, String> {
        let server = Server::start(program, flags).await?;
        let book = Book::default();
        let questions = Questions::new(Ipv4Addr::new(127, 0, 1, 100), server.address, book.clone());
        questions.all().await;
        let start = server.at_rest().await?;
        Ok(Self { server, book, questions, start })
    }

    /// The server must end cleanly, and nothing in the book may be broken; how many requests were answered.
    pub(crate) async fn end(self) -> Result<u64, String> {
        self.server.stop().await?;
        self.book.verdict()?;
        Ok(self.book.counts().requests)
    }
}

/// Waits for `condition`, but no longer than `limit`.
pub(crate) async fn until(
    limit: Duration,
    else_say: &str,
    condition: impl Fn() -> bool,
) -> Result<(), String> {
    let wait = async {
        while !condition() {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(limit, wait).await.map_err(|_| format!("{else_say} within {limit:?}"))
}
