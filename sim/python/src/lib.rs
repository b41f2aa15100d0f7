//! The native part of the Python package `maix`: pixels, cameras and the server, without the interpreter's lock.
//!
//! Names, defaults and enumerations of MaixPy are Python's part, in `python/maix`. What is here takes numbers and gives
//! back [`Picture`](picture::Picture)s. No thread of Rust ever calls Python, so that neither fork nor the end of the interpreter
//! waits for one.

mod camera;
mod canvas;
mod convert;
mod error;
mod format;
mod lettering;
mod picture;
mod process;
mod raster;
mod resample;
mod shapes;
mod source;
mod streamer;
mod turn;

use pyo3::prelude::*;

#[pymodule]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<picture::Picture>()?;
    module.add_class::<source::Source>()?;
    module.add_class::<camera::Camera>()?;
    module.add_class::<streamer::Streamer>()?;
    module.add_function(wrap_pyfunction!(lettering::string_size, module)?)?;
    module.add("SCENES", eyelet_sim::scene::Scene::ALL.map(|scene| scene.name()).to_vec())?;
    module.add("HAS_V4L2", cfg!(feature = "v4l2"))
}
