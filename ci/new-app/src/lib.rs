//! The application: all but its camera, so that tests can give it one that fails.

use eyelet_core::{Eyelet, app::Builder};

/// Serves the page, `/stream`, `/snapshot` and the rest of eyelet's routes.
///
/// This is where your own code begins: the builder takes routes of yours, a page, credentials, an upload, and more.
pub fn app() -> Builder {
    Eyelet::builder()
}
