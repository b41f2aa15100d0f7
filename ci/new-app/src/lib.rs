//! The application, with whatever camera it is given: the board's, or a simulated one that fails in tests.

use eyelet_core::{Eyelet, app::Builder};
use eyelet_hal::{CameraSource, Result};

/// Shows the camera that `open` opens: the page, `/stream`, `/snapshot` and the rest of eyelet's server.
///
/// `open` is called again whenever the camera was lost. The builder takes more: further cameras, an encoder, credentials,
/// an upload, a page of your own.
pub fn app<C: CameraSource + 'static>(open: impl FnMut() -> Result<C> + Send + 'static) -> Builder {
    Eyelet::builder().camera(open)
}
