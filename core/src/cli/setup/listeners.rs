//! `--bind`, `--unix-mode` and `--unix-group`: where `serve` listens.

use crate::{
    cli::{Failure, ServeArgs, failure::with_flag},
    http::{Bind, Listener, UnixPermissions},
    net::explain::Explain,
};
use std::net::SocketAddr;

/// Listens on the sockets that systemd passes and on those that the flags name, or else on the default address.
pub(in crate::cli) fn listen<F: clap::Args>(
    args: &ServeArgs<F>,
    default: SocketAddr,
) -> Result<Vec<Listener>, Failure> {
    let mut permissions =
        UnixPermissions { group: args.unix_group.map(|group| group.0), ..Default::default() };
    if let Some(mode) = args.unix_mode {
        permissions.mode = mode.0;
    }
    let unix = args.bind.iter().any(|bind| matches!(bind, Bind::Unix(_)));
    if permissions != UnixPermissions::default() && !unix {
        return Err(Failure::Usage(
            "--unix-mode and --unix-group are for --bind unix:PATH; add one, or omit them (systemd sockets have SocketMode= and SocketGroup=)"
                .to_owned(),
        ));
    }
    let mut listeners = Listener::inherited()?;
    for bind in &args.bind {
        listeners.push(match bind {
            Bind::Unix(path) => {
                let explain =
                    [Explain(|e| with_flag(e, "--bind")), Explain(|e| with_flag(e, "--unix-group"))];
                Listener::bind_unix_with(path, permissions, explain)?
            }
            tcp => Listener::bind(tcp).map_err(|e| Failure::of_flag(e, "--bind"))?,
        });
    }
    if listeners.is_empty() {
        listeners.push(Listener::bind(&default.into()).map_err(|e| Failure::of_flag(e, "--bind"))?);
    }
    Ok(listeners)
}
