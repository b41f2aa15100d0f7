//! The upload that needs no async: one call, one picture.

use super::{Client, PostMeta, Response, Timeouts};
use bytes::Bytes;
use eyelet_hal::{Error, ErrorKind, Result};
use tokio::runtime::{self, Handle, Runtime};

/// Posts pictures and waits for each answer, as `requests.post(url, data=jpeg)` does, but over one kept-alive
/// connection.
///
/// ```no_run
/// use eyelet_core::upload::Uploader;
/// # fn main() -> eyelet_hal::Result<()> {
/// let mut uploader = Uploader::new("http://192.168.0.2:8080/upload")?;
/// let response = uploader.post(std::fs::read("picture.jpg").unwrap())?;
/// println!("{} {}", response.status(), response.text());
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Uploader {
    client: Client,
    /// There until dropped.
    runtime: Option<Runtime>,
}

impl Uploader {
    /// An uploader to `url`, with the default [`Timeouts`]; connects with the first picture.
    ///
    /// # Errors
    /// `InvalidInput` when `url` is not the address of a server.
    pub fn new(url: &str) -> Result<Self> {
        Self::with_timeouts(url, Timeouts::default())
    }

    /// An uploader with these timeouts.
    ///
    /// # Errors
    /// `InvalidInput` when `url` is not the address of a server.
    pub fn with_timeouts(url: &str, timeouts: Timeouts) -> Result<Self> {
        Self::over(Client::with_timeouts(url.parse()?, timeouts))
    }

    /// An uploader to an address that is more than a text: with a proxy, or with certificates of its own.
    ///
    /// # Errors
    /// `Other` when the system has no sockets or timers to give.
    pub fn to(url: super::UploadUrl) -> Result<Self> {
        Self::over(Client::new(url))
    }

    fn over(client: Client) -> Result<Self> {
        let runtime = runtime::Builder::new_current_thread().enable_io().enable_time().build();
        let runtime = runtime.map_err(|e| {
            let why = format!("no sockets or timers are left: {e}");
            client.url().0.error(ErrorKind::Other, why).with_source(e)
        })?;
        Ok(Self { client, runtime: Some(runtime) })
    }

    /// Posts a picture and blocks until the server has answered; any status is an answer.
    ///
    /// # Errors
    /// As [`Client::post`]; `Unsupported` when called from async code, which it would block.
    pub fn post(&mut self, picture: impl Into<Bytes>) -> Result<Response> {
        self.post_with(picture, &PostMeta::default())
    }

    /// [`post`](Self::post), with what is known of the picture.
    ///
    /// # Errors
    /// As [`post`](Self::post).
    pub fn post_with(&mut self, picture: impl Into<Bytes>, meta: &PostMeta) -> Result<Response> {
        let unusable = || {
            let what = "cannot upload from async code with Uploader, which blocks";
            Error::new(ErrorKind::Unsupported, what).with_remedy("use upload::Client")
        };
        if Handle::try_current().is_ok() {
            return Err(unusable());
        }
        let runtime = self.runtime.as_ref().ok_or_else(unusable)?;
        runtime.block_on(self.client.post(picture.into(), meta))
    }
}

impl Drop for Uploader {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // A plain drop would wait for a name that is still being resolved, and panic in async code.
            runtime.shutdown_background();
        }
    }
}
