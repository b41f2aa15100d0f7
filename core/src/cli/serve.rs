//! `serve`: the camera, streamed until stopped.

use super::{Devices, Failure, Outcome, Output, ServeArgs, Signals, access, capture, status_line};
use crate::{
    addresses,
    clock::{Clock, SystemClock},
    http::{self, Page, Server},
    hub::Hub,
};
use std::sync::Arc;

pub(super) fn run<D: Devices>(args: &ServeArgs<D::Flags>, output: &Output) -> Outcome {
    output.log(&args.camera.log)?;
    let runtime = super::runtime()?;
    let mut signals = Signals::watch(&runtime)?;
    let page = match &args.html {
        Some(path) => Page::new(std::fs::read(path).map_err(|e| {
            Failure::runtime(format!("cannot read {}: {e}; name a readable file with --html", path.display()))
        })?),
        None => Page::default(),
    };
    let checked = |url| super::upload::checked(url, args.insecure_credentials, &args.roots);
    let upload = args.upload.as_ref().map(checked).transpose()?;
    let access = args.access.access()?;
    let listener = http::listen(args.bind.unwrap_or(D::BIND))?;
    let bound = listener.local_addr().map_err(|e| Failure::runtime(format!("cannot listen: {e}")))?;

    let hub = Hub::default();
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let pipeline = capture::pipeline::<D>(&args.camera, hub.clone(), Arc::clone(&clock))?;
    let mut server = Server::new(hub.clone(), Arc::clone(&clock));
    server.page = page;
    server.max_viewers = args.max_viewers;
    server.access = access;
    args.tls.secure(&mut server)?;

    access::warn_of_strangers(&server.access, args.tls.scheme(), &[bound]);
    let camera = pipeline.spawn()?;
    let outcome = runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener)
            .map_err(|e| Failure::runtime(format!("cannot listen: {e}")))?;
        for address in addresses::reachable(bound) {
            output.print(&format!("streaming on {}://{address}/", args.tls.scheme()));
        }
        tokio::select! {
            () = server.run(listener) => Ok(()),
            () = super::upload::beside(upload, &hub) => Ok(()),
            () = status_line::show(&hub, &*clock, output) => Ok(()),
            () = signals.stopped() => Ok(()),
        }
    });
    output.status("");
    drop(camera);
    // A look-up of an upload server's name may still be under way; nobody waits for it.
    runtime.shutdown_background();
    outcome
}
