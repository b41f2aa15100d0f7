//! `serve`: the camera, streamed until stopped.

use super::status_line;
use crate::{
    app::Builder,
    cli::{
        Failure, Outcome, Output, Platform, ServeArgs, Signals, runtime,
        setup::{access, listeners, pipeline, upload},
        signals::{self, Request},
        watchdog::Watchdogs,
    },
    feed::Hub,
    http::{Listener, Page, Server},
    net::secret_file,
};
use eyelet_hal::clock::{Clock, SystemClock};
use std::{path::Path, sync::Arc, time::Duration};

pub(super) fn run<D: Platform>(args: &ServeArgs<D::Flags>, output: &Output) -> Outcome {
    output.log(&args.camera.log)?;
    let runtime = runtime()?;
    let mut signals = Signals::watch(&runtime)?;
    if let Some(all) = args.max_connections.filter(|&all| all <= args.max_viewers) {
        let viewers = args.max_viewers;
        return Err(Failure::Usage(format!(
            "--max-connections {all} leaves no connection beside --max-viewers {viewers}; raise the first or lower the second"
        )));
    }
    if args.control.save_control.is_some() && !args.control.allow_control {
        let what = "--save-control has nothing to save; let clients change something with --allow-control";
        return Err(Failure::Usage(what.to_owned()));
    }
    let budget = args.budget.budget(args.camera.quality)?;
    let page = match &args.html {
        Some(path) => Page::new(html(path)?),
        None => Page::default(),
    };
    let access = args.access.access()?;
    let listeners = {
        let _context = runtime.enter();
        listeners::listen(args, D::BIND)?
    };

    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let mut server = Server::new(Hub::default(), Arc::clone(&clock));
    let file = args.html.as_deref();
    let cameras = pipeline::pipelines::<D>(&args.camera, &clock, &mut || match signals.pending(&runtime) {
        None => Ok(()),
        Some(request) => requested(request, file, &page),
    })?;
    let (mut pipelines, mut hubs) = (Vec::new(), Vec::new());
    for (name, hub, pipeline) in cameras {
        hubs.push(hub.clone());
        pipelines.push(pipeline);
        match name {
            Some(name) if hubs.len() > 1 => server.others.push((name, hub)),
            name => (server.name, server.hub) = (name, hub),
        }
    }
    let sender = upload::prepare(args.upload.clone(), &args.upload_flags, &server.hub)?;
    server.page = page.clone();
    server.base_path = args.base_path.clone();
    server.max_viewers = args.max_viewers;
    server.limits.connections = args.max_connections;
    server.limits.connections_per_address = args.max_connections_per_address;
    server.origins = args.allow_origin.clone().into();
    let mut watchdogs = Watchdogs::open(args.watchdog.as_deref())?;
    server.access = access;
    server.version = D::VERSION;
    args.clients.set(&mut server, output)?;
    args.tls.secure(&mut server)?;
    access::warn_of_open_access(
        &server,
        args.control.allow_control,
        listeners.iter().filter_map(Listener::bound),
    );

    let access_log = server.access_log.clone();
    let builder = pipelines.into_iter().fold(Builder::from(server), Builder::pipeline);
    let builder = listeners.into_iter().fold(builder, Builder::listener);
    let builder = if args.control.allow_control { builder.allow_control() } else { builder };
    let builder = args.control.save_control.iter().fold(builder, Builder::save_control);
    let builder = budget.into_iter().fold(builder, Builder::budget);
    let mut eyelet = {
        let _context = runtime.enter();
        sender.into_iter().fold(builder, Builder::upload).open()?
    };
    eyelet.start_cameras()?;
    let outcome = runtime.block_on(async {
        for address in eyelet.addresses() {
            output.announce(&format!("streaming on {address}"));
        }
        watchdogs.ready();
        tokio::select! {
            ended = eyelet.serve() => ended.map_err(Failure::from),
            () = status_line::show(&hubs, &*clock, output) => Ok(()),
            () = watchdogs.run(&hubs, &*clock) => Ok(()),
            outcome = requests(&mut signals, file, &page) => outcome,
        }
    });
    output.status("");
    watchdogs.stopping(|| drop(eyelet));
    // Does not wait for a lookup of an upload server's name that may still be under way.
    runtime.shutdown_background();
    if let Some(log) = access_log {
        // The last lines; a file that blocks is not waited for.
        let _ = log.flush(Duration::from_secs(1));
    }
    outcome
}

fn html(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|e| {
        Failure::runtime(format!("cannot read {}: {e}; name a readable file (--html)", path.display()))
    })
}

fn html_again(path: &Path) -> Result<Vec<u8>, Failure> {
    secret_file::quick_to_read(path).map_err(|e| Failure::runtime(e.to_string()))?;
    html(path)
}

/// Acts on signals until one of them ends the program.
async fn requests(signals: &mut Signals, file: Option<&Path>, page: &Page) -> Outcome {
    loop {
        requested(signals.next().await, file, page)?;
    }
}

/// Acts on one signal.
///
/// # Errors
/// If it ends the program.
fn requested(request: Request, file: Option<&Path>, page: &Page) -> Outcome {
    match request {
        Request::Stop => return Err(Failure::Stopped),
        Request::Fail(name) => return Err(signals::failed(name)),
        // Users, tokens and certificates are checked for changes whenever they are used.
        Request::Reload => match file.map(html_again).transpose() {
            Ok(new) => {
                if let Some(new) = new {
                    page.set(new);
                }
                tracing::info!("files reloaded");
            }
            Err(failure) => tracing::warn!("{failure}; keeping the previous page"),
        },
    }
    Ok(())
}
