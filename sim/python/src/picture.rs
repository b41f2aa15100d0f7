//! A picture of Python's: bytes that threads share, and that Python may look at.

use crate::{
    canvas::Canvas,
    convert,
    error::{raised, refused},
    format::Format,
    raster::{self, Raster},
    resample::Method,
};
use eyelet_hal::{Quality, Result};
use pyo3::{
    prelude::*,
    types::{PyByteArray, PyBytes, PyMemoryView, PySlice},
};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A picture. Whoever looks at its bytes keeps them alive.
#[pyclass(frozen, module = "maix._native")]
pub(crate) struct Picture {
    width: usize,
    height: usize,
    format: Format,
    /// Locked only for a moment, while the thread has the interpreter, and never while Python runs: nothing can wait for it.
    storage: Mutex<Storage>,
}

/// Where the bytes are.
enum Storage {
    /// Python has never seen them: they can be read without the interpreter, and whoever changes them while another thread
    /// reads changes a copy.
    Own(Arc<Vec<u8>>),
    /// In an object of Python that others may change: it is read and written as a whole, by Python.
    Shared(Py<PyMemoryView>),
}

impl Picture {
    fn of(raster: Raster) -> Self {
        let Raster { width, height, format, bytes } = raster;
        Self { width, height, format, storage: Mutex::new(Storage::Own(bytes)) }
    }

    fn storage(&self) -> MutexGuard<'_, Storage> {
        self.storage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The object of Python's, if there is one.
    fn shared(&self, py: Python<'_>) -> Option<Py<PyMemoryView>> {
        match &*self.storage() {
            Storage::Own(_) => None,
            Storage::Shared(view) => Some(view.clone_ref(py)),
        }
    }

    /// The picture as it is now.
    pub(crate) fn raster(&self, py: Python<'_>) -> PyResult<Raster> {
        let (width, height, format) = (self.width, self.height, self.format);
        let view = match &*self.storage() {
            Storage::Own(bytes) => return Ok(Raster { width, height, format, bytes: Arc::clone(bytes) }),
            Storage::Shared(view) => view.clone_ref(py),
        };
        let bytes: Vec<u8> = view.bind(py).call_method0("tobytes")?.extract()?;
        Raster::new(width, height, format, bytes).map_err(raised)
    }

    /// The shape alone.
    fn shape(&self) -> Raster {
        Raster { width: self.width, height: self.height, format: self.format, bytes: Arc::default() }
    }

    /// Changes the bytes.
    fn edit<T>(&self, py: Python<'_>, change: impl FnOnce(&mut [u8]) -> Result<T>) -> PyResult<T> {
        let view = match &mut *self.storage() {
            Storage::Own(bytes) => return change(Arc::make_mut(bytes).as_mut_slice()).map_err(raised),
            Storage::Shared(view) => view.clone_ref(py),
        };
        let view = view.bind(py);
        let mut bytes = self.raster(py)?.bytes.to_vec();
        let done = change(&mut bytes).map_err(raised)?;
        if view.getattr("readonly")?.extract()? {
            *self.storage() = Storage::Own(Arc::new(bytes));
        } else {
            view.set_item(PySlice::full(py), PyBytes::new(py, &bytes))?;
        }
        Ok(done)
    }

    fn draw(&self, py: Python<'_>, color: [u8; 4], shape: impl FnOnce(&mut Canvas<'_>)) -> PyResult<()> {
        let raster = self.shape();
        self.edit(py, |bytes| {
            shape(&mut Canvas::new(&raster, bytes, color)?);
            Ok(())
        })
    }

    /// Another picture, made while other threads have the interpreter.
    fn made(&self, py: Python<'_>, make: impl FnOnce(Raster) -> Result<Raster> + Send) -> PyResult<Self> {
        let raster = self.raster(py)?;
        py.detach(|| make(raster)).map(Self::of).map_err(raised)
    }
}

impl From<Raster> for Picture {
    fn from(raster: Raster) -> Self {
        Self::of(raster)
    }
}

#[pymethods]
impl Picture {
    /// A black picture.
    #[new]
    fn new(width: usize, height: usize, format: u8) -> PyResult<Self> {
        let black = || -> Result<Raster> {
            let format = Format::numbered(format)?;
            if format.is_compressed() {
                return Err(refused("a compressed picture needs its bytes").with_remedy("use from_bytes()"));
            }
            let len = raster::len(width, height, format)?;
            Raster::new(width, height, format, vec![0; len])
        };
        black().map(Self::of).map_err(raised)
    }

    /// A picture of these bytes: of a copy, or of the object's own, which then stay alive.
    #[staticmethod]
    fn from_bytes(size: (usize, usize), format: u8, data: &Bound<'_, PyAny>, copy: bool) -> PyResult<Self> {
        let (width, height) = size;
        let format = Format::numbered(format).map_err(raised)?;
        let view = PyMemoryView::from(data)?;
        let len: usize = view.getattr("nbytes")?.extract()?;
        raster::check(width, height, format, len).map_err(raised)?;
        let storage = if copy || !view.getattr("c_contiguous")?.extract::<bool>()? {
            Storage::Own(Arc::new(view.call_method0("tobytes")?.extract()?))
        } else {
            let flat = view.call_method1("cast", ("B",))?;
            Storage::Shared(flat.cast_into::<PyMemoryView>()?.unbind())
        };
        Ok(Self { width, height, format, storage: Mutex::new(storage) })
    }

    /// The picture in a JPEG or PNG file, as it is.
    #[staticmethod]
    fn from_file(py: Python<'_>, file: &[u8]) -> PyResult<Self> {
        py.detach(|| {
            let (width, height, format) = convert::identify(file)?;
            Raster::new(width, height, format, file.to_vec())
        })
        .map(Self::of)
        .map_err(raised)
    }

    #[getter]
    fn width(&self) -> usize {
        self.width
    }

    #[getter]
    fn height(&self) -> usize {
        self.height
    }

    #[getter]
    fn format(&self) -> u8 {
        self.format.number()
    }

    #[getter]
    fn channels(&self) -> usize {
        self.format.channels().unwrap_or(1)
    }

    /// Bytes of the picture.
    fn __len__(&self, py: Python<'_>) -> PyResult<usize> {
        match self.shared(py) {
            Some(view) => view.bind(py).getattr("nbytes")?.extract(),
            None => Ok(self.raster(py)?.bytes.len()),
        }
    }

    /// A copy of the bytes.
    fn tobytes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        match self.shared(py) {
            Some(view) => Ok(view.bind(py).call_method0("tobytes")?.cast_into()?),
            None => Ok(PyBytes::new(py, &self.raster(py)?.bytes)),
        }
    }

    /// The bytes themselves: changes show on both sides, and they live as long as somebody looks at them. Those of a file
    /// are read-only. Each view is one of its own, which may be released.
    fn view<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyMemoryView>> {
        loop {
            let bytes = match &*self.storage() {
                Storage::Own(bytes) => Arc::clone(bytes),
                Storage::Shared(view) => return PyMemoryView::from(view.bind(py)),
            };
            let object = if self.format.is_compressed() {
                PyBytes::new(py, &bytes).into_any()
            } else {
                PyByteArray::new(py, &bytes).into_any()
            };
            let view = PyMemoryView::from(&object)?;
            let mut storage = self.storage();
            // Another thread may have run while Python made the object.
            if matches!(&*storage, Storage::Own(now) if Arc::ptr_eq(now, &bytes)) {
                *storage = Storage::Shared(view.unbind());
            }
        }
    }

    /// The same picture in another format.
    fn to(&self, py: Python<'_>, format: u8, quality: u8) -> PyResult<Self> {
        let format = Format::numbered(format).map_err(raised)?;
        let quality = Quality::new(quality)
            .ok_or_else(|| refused(format!("{quality} is no quality")).with_remedy("use 51 to 100"))
            .map_err(raised)?;
        self.made(py, move |raster| raster.to(format, quality))
    }

    fn copy(&self, py: Python<'_>) -> PyResult<Self> {
        self.raster(py).map(Self::of)
    }

    fn crop(&self, py: Python<'_>, x: usize, y: usize, width: usize, height: usize) -> PyResult<Self> {
        self.made(py, move |raster| raster.cropped(x, y, width, height))
    }

    fn resize(&self, py: Python<'_>, width: usize, height: usize, fit: i32, method: u8) -> PyResult<Self> {
        let method = Method::numbered(method).map_err(raised)?;
        self.made(py, move |raster| raster.resized(width, height, fit, method))
    }

    fn flip(&self, py: Python<'_>, rows: bool, columns: bool) -> PyResult<Self> {
        self.made(py, move |raster| raster.flipped(rows, columns))
    }

    fn rotate(
        &self,
        py: Python<'_>,
        degrees: f64,
        width: usize,
        height: usize,
        method: u8,
    ) -> PyResult<Self> {
        let method = Method::numbered(method).map_err(raised)?;
        self.made(py, move |raster| raster.rotated(degrees, (width, height), method))
    }

    /// The bytes of one pixel.
    fn pixel(&self, py: Python<'_>, x: usize, y: usize) -> PyResult<Vec<u8>> {
        let raster = self.raster(py)?;
        let one = raster.cropped(x, y, 1, 1).map_err(raised)?;
        Ok(one.bytes.to_vec())
    }

    fn set_pixel(&self, py: Python<'_>, x: usize, y: usize, pixel: Vec<u8>) -> PyResult<()> {
        let (width, height) = (self.width, self.height);
        let channels = self.shape().channels("set pixels of").map_err(raised)?;
        self.edit(py, |bytes| {
            if x >= width || y >= height || pixel.len() != channels {
                return Err(refused(format!("({x}, {y}) = {pixel:?} is no pixel of this picture")));
            }
            let at = (y * width + x) * channels;
            bytes[at..at + channels].copy_from_slice(&pixel);
            Ok(())
        })
    }

    /// Every byte turned round.
    fn invert(&self, py: Python<'_>) -> PyResult<()> {
        self.shape().channels("invert").map_err(raised)?;
        self.edit(py, |bytes| {
            bytes.iter_mut().for_each(|byte| *byte = !*byte);
            Ok(())
        })
    }

    /// Every byte 0.
    fn clear(&self, py: Python<'_>) -> PyResult<()> {
        self.shape().channels("clear").map_err(raised)?;
        self.edit(py, |bytes| {
            bytes.fill(0);
            Ok(())
        })
    }

    fn draw_rect(
        &self,
        py: Python<'_>,
        at: (i64, i64),
        size: (i64, i64),
        color: [u8; 4],
        thickness: i64,
    ) -> PyResult<()> {
        self.draw(py, color, |canvas| canvas.rect(at, size, thickness))
    }

    fn draw_path(
        &self,
        py: Python<'_>,
        points: Vec<(f64, f64)>,
        color: [u8; 4],
        thickness: i64,
    ) -> PyResult<()> {
        self.draw(py, color, |canvas| match thickness {
            ..0 => canvas.area(&points),
            _ => canvas.path(&points, thickness),
        })
    }

    fn draw_circle(
        &self,
        py: Python<'_>,
        middle: (f64, f64),
        radius: f64,
        color: [u8; 4],
        thickness: i64,
    ) -> PyResult<()> {
        self.draw(py, color, |canvas| canvas.circle(middle, radius, thickness))
    }

    #[allow(clippy::too_many_arguments)]
    fn draw_ellipse(
        &self,
        py: Python<'_>,
        middle: (f64, f64),
        axes: (f64, f64),
        angle: f64,
        arc: (f64, f64),
        color: [u8; 4],
        thickness: i64,
    ) -> PyResult<()> {
        self.draw(py, color, |canvas| canvas.ellipse(middle, axes, angle, arc, thickness))
    }

    #[allow(clippy::too_many_arguments)]
    fn draw_string(
        &self,
        py: Python<'_>,
        at: (i64, i64),
        text: &str,
        color: [u8; 4],
        scale: f64,
        wrap: bool,
        space: i64,
    ) -> PyResult<()> {
        self.draw(py, color, |canvas| canvas.text(at, text, scale, wrap, space))
    }

    /// Draws another picture, mixed by its transparency.
    fn draw_image(&self, py: Python<'_>, x: i64, y: i64, picture: &Self) -> PyResult<()> {
        let other = picture.raster(py)?;
        let channels = other.channels("draw").map_err(raised)?;
        self.draw(py, [0; 4], |canvas| {
            for (row, top) in other.bytes.chunks_exact(other.width * channels).zip(y..) {
                for (pixel, left) in row.chunks_exact(channels).zip(x..) {
                    let color = convert::load(pixel, other.format);
                    canvas.mix(left, top, color, (u32::from(color[3]) * 257) >> 8);
                }
            }
        })
    }
}
