//! Arguments of `top`.

use super::ConfigArgs;
use crate::{
    cli::setup::{access::TokenArgs, tls::RootsArgs},
    http::ROUTES,
    net::url::{HttpUrl, Purpose},
};
use clap::Args;
use eyelet_hal::{Error, Result};
use std::str::FromStr;

/// `top`.
#[derive(Clone, Debug, Args)]
pub struct TopArgs {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub config: ConfigArgs,
    /// The server, such as http://192.168.0.7:8000/, or one of its cameras: http://192.168.0.7:8000/NAME/
    #[arg(value_name = "URL")]
    pub url: StateUrl,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub token: TokenArgs,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub roots: RootsArgs,
    /// Print the state as JSON, once
    #[arg(long)]
    pub json: bool,
}

/// Where a server's `/state` is: beside any of its routes that was named.
#[derive(Clone, Debug)]
pub struct StateUrl(pub(in crate::cli) HttpUrl);

impl FromStr for StateUrl {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let mut url = HttpUrl::parse(text, Purpose { verb: "show", path: "/" })?;
        // As for `watch`: over http others on the way can see the stream anyway.
        url.allow_unencrypted();
        let (path, query) = (url.target().path(), url.target().query());
        let folder = match path.rsplit_once('/') {
            Some((folder, last)) if is_route(last) => folder,
            _ => path,
        };
        let query = query.map(|query| format!("?{query}")).unwrap_or_default();
        let target = format!("{folder}/state{query}").parse();
        // It is a part of what was a target already.
        url.set_target(target.map_err(|e| url.error(eyelet_hal::ErrorKind::InvalidInput, e))?);
        Ok(Self(url))
    }
}

/// Whether a server has this route, beside which is its state.
fn is_route(last: &str) -> bool {
    ROUTES.iter().any(|route| route.strip_prefix('/') == Some(last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn state_is_beside_every_route_of_a_server_or_a_camera() {
        for (url, state) in [
            ("http://cam:8000", "/state"),
            ("http://cam:8000/", "/state"),
            ("http://cam:8000/stream?fps=5", "/state?fps=5"),
            ("http://cam:8000/state", "/state"),
            ("http://cam:8000/door/control", "/door/state"),
            ("http://cam:8000/door", "/door/state"),
            ("http://cam:8000/door/", "/door/state"),
            ("http://cam:8000/base/door/snapshot.jpg", "/base/door/state"),
            ("http://cam:8000/?token=x", "/state?token=x"),
        ] {
            let StateUrl(parsed) = url.parse().unwrap();
            assert_eq!(parsed.target().to_string(), state, "{url}");
        }
        let error = "cam:8000".parse::<StateUrl>().unwrap_err().to_string();
        assert_eq!(error, "cannot show \"cam:8000\": not an http address; write http://cam:8000/");
    }
}
