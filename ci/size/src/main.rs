//! The least program that embeds eyelet, for its size: `ci/check.sh features`.

#![forbid(unsafe_code)]

use eyelet_core::{
    Eyelet,
    http::{Access, CredentialSources},
};
use eyelet_hal::clock::SystemClock;
use eyelet_v4l2::{V4l2Camera, V4l2Config};
use std::sync::Arc;

fn main() -> eyelet_hal::Result<()> {
    let mut sources = CredentialSources::default();
    sources.token_file = Some("app.token".into());
    #[cfg(feature = "passwords")]
    {
        sources.users = Some("app.users".into());
    }
    #[cfg(feature = "tls")]
    let tls = {
        use eyelet_core::http::ServerTls;
        ServerTls::open("app.crt".as_ref(), "app.key".as_ref(), Arc::new(SystemClock))?
    };
    Eyelet::builder()
        .camera(|| V4l2Camera::open(&V4l2Config::default(), Arc::new(SystemClock)))
        .access(Access::only(sources)?)
        .configure(|_server| {
            #[cfg(feature = "tls")]
            {
                _server.tls = Some(tls);
            }
        })
        .start()?
        .wait();
    Ok(())
}
