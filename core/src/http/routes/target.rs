//! Which route a path and a query name, and of which camera.

use super::Routes;
use crate::feed::CameraName;

/// What is at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route {
    Page,
    Stream,
    Snapshot,
    State,
    Events,
    #[cfg(feature = "control")]
    Control,
    #[cfg(feature = "metrics")]
    Metrics,
    Health,
    /// One of the application's own, and where its handlers begin.
    Custom(usize),
}

/// Every path that is answered, for documentation.
pub const ROUTES: &[&str] = &[
    "/",
    "/stream",
    "/snapshot",
    "/snapshot.jpg",
    "/?action=stream",
    "/?action=stream_0",
    "/?action=snapshot",
    "/?action=snapshot_0",
    "/state",
    "/events",
    #[cfg(feature = "control")]
    "/control",
    #[cfg(feature = "metrics")]
    "/metrics",
    "/healthz",
];

/// A route, and the camera that the path names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) route: Route,
    /// Its index; none where the path names no camera.
    pub(super) camera: Option<usize>,
}

impl Target {
    /// Where this path and query lead, on a server of cameras with these names; `None` if nowhere.
    pub(super) fn find<'a>(
        path: &str,
        query: &str,
        cameras: impl Iterator<Item = Option<&'a CameraName>>,
        custom: &Routes,
    ) -> Option<Self> {
        let mut cameras = cameras.enumerate();
        if path == "/" {
            return match parameter(query, "action") {
                Some(action) => Self::action(action, cameras.count()),
                None => Some(Self { route: Route::Page, camera: None }),
            };
        }
        if let Some(route) = Route::find(path) {
            return Some(Self { route, camera: None });
        }
        if let Some(index) = custom.find(path) {
            return Some(Self { route: Route::Custom(index), camera: None });
        }
        let (first, rest) = path.strip_prefix('/')?.split_once('/')?;
        let (camera, _) = cameras.find(|(_, name)| name.is_some_and(|name| name.as_str() == first))?;
        let route = if rest.is_empty() { Some(Route::Page) } else { Route::find(&path[first.len() + 1..]) };
        Some(Self { route: route?, camera: Some(camera) })
    }

    /// mjpg-streamer's addresses: `stream` and `snapshot` are the first camera's, `stream_1` is the second's. An action that
    /// does not exist here is no page, which would hide that.
    fn action(action: &str, cameras: usize) -> Option<Self> {
        let (name, number) = action.split_once('_').unwrap_or((action, "0"));
        let route = match name {
            "stream" => Route::Stream,
            "snapshot" => Route::Snapshot,
            _ => return None,
        };
        let camera = (0..cameras).find(|camera| camera.to_string() == number)?;
        Some(Self { route, camera: Some(camera) })
    }
}

impl Route {
    /// That of a path, except of `/`.
    pub(super) fn find(path: &str) -> Option<Self> {
        Some(match path {
            "/stream" => Self::Stream,
            "/snapshot" | "/snapshot.jpg" => Self::Snapshot,
            "/state" => Self::State,
            "/events" => Self::Events,
            #[cfg(feature = "control")]
            "/control" => Self::Control,
            #[cfg(feature = "metrics")]
            "/metrics" => Self::Metrics,
            "/healthz" => Self::Health,
            _ => return None,
        })
    }

    /// Whether its requests are more than `GET` and `HEAD`.
    pub(super) fn may_take_body(self) -> bool {
        match self {
            Self::Custom(_) => true,
            #[cfg(feature = "control")]
            Self::Control => true,
            _ => false,
        }
    }
}

/// The value of `name` in a query; the last one wins.
pub(super) fn parameter<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    query
        .split('&')
        .rev()
        .find_map(|pair| pair.split_once('=').filter(|&(key, _)| key == name).map(|(_, v)| v))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(path: &str, query: &str, names: &[Option<&str>]) -> Option<(Route, Option<usize>)> {
        let names: Vec<Option<CameraName>> =
            names.iter().map(|name| name.map(|name| name.parse().unwrap())).collect();
        let target = Target::find(path, query, names.iter().map(Option::as_ref), &Routes::default());
        target.map(|Target { route, camera }| (route, camera))
    }

    #[test]
    fn listed_routes_are_all_found() {
        for route in ROUTES {
            let (path, query) = route.split_once('?').unwrap_or((route, ""));
            let (found, _) = find(path, query, &[None]).unwrap();
            assert_eq!(found == Route::Page, *route == "/", "{route}");
        }
    }

    #[test]
    fn mjpg_streamer_addresses_are_found() {
        let action = |query: &str| find("/", query, &[None]);
        assert_eq!(action("action=stream"), Some((Route::Stream, Some(0))));
        assert_eq!(action("action=snapshot&t=1"), Some((Route::Snapshot, Some(0))));
        assert_eq!(action("action=stream_0"), Some((Route::Stream, Some(0))));
        assert_eq!(action("a=1&action=snapshot_0"), Some((Route::Snapshot, Some(0))));
        assert_eq!(action("t=1"), Some((Route::Page, None)));
        for other in ["", "stream_1", "snapshot_1", "stream_", "stream_00", "command", "Stream", "take"] {
            assert_eq!(action(&format!("action={other}")), None, "{other}");
        }
        assert_eq!(find("/stream", "whatever", &[None]), Some((Route::Stream, None)));
        for path in ["/streamXYZ", "//stream", "/favicon.ico", "", "/stream/"] {
            assert_eq!(find(path, "", &[None]), None, "{path}");
        }
    }

    #[test]
    fn routes_below_a_cameras_name_are_its_own() {
        let find = |path, query| find(path, query, &[Some("front"), Some("back")]);
        assert_eq!(find("/back/", ""), Some((Route::Page, Some(1))));
        assert_eq!(find("/back/stream", ""), Some((Route::Stream, Some(1))));
        assert_eq!(find("/front/snapshot.jpg", ""), Some((Route::Snapshot, Some(0))));
        assert_eq!(find("/back/state", ""), Some((Route::State, Some(1))));
        assert_eq!(find("/back/healthz", ""), Some((Route::Health, Some(1))));
        assert_eq!(find("/stream", ""), Some((Route::Stream, None)));
        assert_eq!(find("/", "action=snapshot_1"), Some((Route::Snapshot, Some(1))));
        for (path, query) in [
            ("/side/stream", ""),
            ("/back", ""),
            ("/back//stream", ""),
            ("/back/back/", ""),
            ("/", "action=stream_2"),
        ] {
            assert_eq!(find(path, query), None, "{path}?{query}");
        }
    }

    #[test]
    fn repeated_parameter_has_its_last_value() {
        assert_eq!(parameter("fps=1&fps=2", "fps"), Some("2"));
        assert_eq!(parameter("xfps=1&fps", "fps"), None);
    }
}
