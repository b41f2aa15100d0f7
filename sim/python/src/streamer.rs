//! The streaming server of Python's.

use crate::{
    error::raised, error::refused, format::Format, picture::Picture, process::Maker, raster::Raster,
};
use eyelet_core::JpegStreamer;
use eyelet_hal::{Quality, Result};
use pyo3::prelude::*;
use std::sync::{Mutex, PoisonError};

/// MaixPy's quality where a program gives none.
const QUALITY: u8 = 95;

/// A server that shows browsers what a program writes. Its thread never calls Python.
#[pyclass(frozen, module = "maix._native")]
pub(crate) struct Streamer {
    maker: Maker,
    /// Locked only by a thread that has let go of the interpreter. Gone only while it is dropped.
    streamer: Mutex<Option<JpegStreamer>>,
}

#[pymethods]
impl Streamer {
    #[new]
    fn new(py: Python<'_>, host: &str, port: u16, clients: usize) -> PyResult<Self> {
        let streamer = py.detach(|| JpegStreamer::new(host, port, clients)).map_err(raised)?;
        Ok(Self { maker: Maker::this(), streamer: Mutex::new(Some(streamer)) })
    }

    fn start(&self, py: Python<'_>) -> PyResult<()> {
        self.with(py, JpegStreamer::start)
    }

    fn stop(&self, py: Python<'_>) -> PyResult<()> {
        self.with(py, |streamer| {
            streamer.stop();
            Ok(())
        })
    }

    /// Shows this picture from now on. A picture that is no JPEG yet is made one.
    fn write(&self, py: Python<'_>, picture: &Picture) -> PyResult<()> {
        let raster = picture.raster(py)?;
        self.with(py, move |streamer| streamer.write(jpeg(raster)?))
    }

    fn set_html(&self, py: Python<'_>, html: String) -> PyResult<()> {
        self.with(py, |streamer| {
            streamer.set_html(html);
            Ok(())
        })
    }

    /// The address that a browser can open, and the port.
    fn address(&self, py: Python<'_>) -> PyResult<(String, u16)> {
        self.with(py, |streamer| Ok((streamer.host(), streamer.port())))
    }
}

/// The picture's file.
fn jpeg(raster: Raster) -> Result<bytes::Bytes> {
    let raster = if raster.format == Format::Jpeg {
        raster
    } else {
        raster.to(Format::Jpeg, Quality::new(QUALITY).unwrap_or_default())?
    };
    Ok(match std::sync::Arc::try_unwrap(raster.bytes) {
        Ok(bytes) => bytes.into(),
        Err(shared) => bytes::Bytes::copy_from_slice(&shared),
    })
}

impl Streamer {
    fn with<T: Send>(
        &self,
        py: Python<'_>,
        act: impl FnOnce(&mut JpegStreamer) -> Result<T> + Send,
    ) -> PyResult<T> {
        self.maker.check("server").map_err(raised)?;
        py.detach(|| {
            let mut lock = self.streamer.lock().unwrap_or_else(PoisonError::into_inner);
            act(lock.as_mut().ok_or_else(|| refused("the server is gone"))?)
        })
        .map_err(raised)
    }
}

impl Drop for Streamer {
    fn drop(&mut self) {
        // A forked child has no thread of the server to wait for.
        if !self.maker.is_here() {
            let streamer = self.streamer.get_mut().unwrap_or_else(PoisonError::into_inner);
            std::mem::forget(streamer.take());
        }
    }
}
