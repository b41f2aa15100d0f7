//! `--auth-file`, `--token` and `--token-file`: who has access, and a warning if anyone has. `--trusted-proxy` and
//! `--access-log`: which clients there are.

use crate::{
    cli::{Failure, Output, failure::with_flag},
    http::{Access, AccessLog, CredentialSources, Server, Token, TrustedProxy},
    net::explain::Explain,
};
use clap::Args;
use std::{net::SocketAddr, path::PathBuf};

/// The source of the token when no flag gives one; unlike arguments, no other user can see it.
const VARIABLE: &str = "EYELET_TOKEN";

/// A token, which `serve` requires and `watch` sends.
#[derive(Clone, Debug, Args)]
pub struct TokenArgs {
    /// A secret that grants access: `Authorization: Bearer TOKEN` or `?token=TOKEN`
    #[arg(long, value_name = "TOKEN", conflicts_with = "token_file")]
    pub token: Option<Secret>,
    /// The same, read from a file
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
}

/// Who may access `serve`.
#[derive(Clone, Debug, Args)]
pub struct AccessArgs {
    /// Users with access, one `user:hash` per line, as `htpasswd -B` writes them
    #[arg(long, value_name = "FILE")]
    pub auth_file: Option<PathBuf>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub token: TokenArgs,
}

/// Proxies in front of `serve`, and the access log.
#[derive(Clone, Debug, Args)]
pub struct ClientArgs {
    /// A proxy whose `X-Forwarded-For` is trusted: an address, a network such as 10.0.0.0/8, or unix; repeatable
    #[arg(long, value_name = "NET")]
    pub trusted_proxy: Vec<TrustedProxy>,
    /// Log each request to this file, or - for stdout
    #[arg(long, value_name = "FILE")]
    pub access_log: Option<PathBuf>,
}

impl ClientArgs {
    /// Configures the server from the flags.
    pub(in crate::cli) fn set(&self, server: &mut Server, output: &Output) -> Result<(), Failure> {
        server.proxies = self.trusted_proxy.clone().into();
        server.access_log =
            match &self.access_log {
                None => None,
                Some(path) if path.as_os_str() == "-" => {
                    let lines = output.lines().cloned().map(AccessLog::from);
                    Some(lines.ok_or_else(|| {
                        Failure::runtime("cannot log to stdout: no thread; raise ulimit -u")
                    })?)
                }
                Some(path) => Some(AccessLog::append(path).map_err(|e| Failure::of_file(e, "--access-log"))?),
            };
        Ok(())
    }
}

/// An argument that `Debug` does not show. It is validated later, since clap's errors would show it.
#[derive(Clone)]
pub struct Secret(pub(in crate::cli) String);

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl TokenArgs {
    /// The token from the flag or the environment, but not from the file.
    fn given(&self) -> Result<Option<Token>, Failure> {
        let given = match &self.token {
            Some(Secret(text)) => Some(text.clone()),
            None if self.token_file.is_some() => None,
            None => std::env::var(VARIABLE).ok().filter(|text| !text.is_empty()),
        };
        Ok(given.as_deref().map(Token::new).transpose()?)
    }

    /// The token, from any source.
    pub(in crate::cli) fn token(&self) -> Result<Option<Token>, Failure> {
        match &self.token_file {
            Some(file) => Ok(Some(Token::read(file).map_err(|e| Failure::of_file(e, "--token-file"))?)),
            None => self.given(),
        }
    }
}

impl AccessArgs {
    /// Who has access.
    pub(in crate::cli) fn access(&self) -> Result<Access, Failure> {
        let (users, token) = (self.auth_file.clone(), self.token.given()?);
        let sources = CredentialSources {
            users,
            token,
            token_file: self.token.token_file.clone(),
            explain_users: Explain(|e| with_flag(e, "--auth-file")),
            explain_token: Explain(|e| with_flag(e, "--token-file")),
        };
        // A file may be right by the next start, as `Failure::of_file` says.
        Access::only(sources).map_err(|e| Failure::runtime(e.to_string()))
    }
}

/// Warns about open access and about cleartext credentials: a camera that anyone can see must not be an oversight.
pub(in crate::cli) fn warn_of_open_access(
    server: &Server,
    controlled: bool,
    mut bound: impl Iterator<Item = SocketAddr>,
) {
    let Some(address) = bound.find(|address| !address.ip().to_canonical().is_loopback()) else { return };
    if server.access.is_open() {
        let can = if controlled { "watch and change the picture" } else { "watch" };
        tracing::warn!(
            "anyone who can reach {address} can {can}; restrict access with --auth-file or --token-file"
        );
    } else if server.scheme() == "http" {
        tracing::warn!(
            "passwords and tokens for {address} travel in clear text; encrypt them with --tls-cert"
        );
    }
}
