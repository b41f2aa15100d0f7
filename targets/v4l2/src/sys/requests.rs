//! The ioctls, each with the structure that it exchanges.

use super::structures::*;
use core::{ffi::c_int, fmt, marker::PhantomData};
use rustix::ioctl::{Opcode, opcode};

/// The number of an ioctl whose argument points to a `T`. The size of `T` is a part of the number, so that the kernel
/// reads and writes that many bytes.
pub(crate) struct Request<T> {
    opcode: Opcode,
    argument: PhantomData<T>,
}

impl<T> Request<T> {
    /// The argument is filled by the kernel.
    const fn read(number: u8) -> Self {
        Self { opcode: opcode::read::<T>(b'V', number), argument: PhantomData }
    }

    /// The argument is read by the kernel.
    const fn write(number: u8) -> Self {
        Self { opcode: opcode::write::<T>(b'V', number), argument: PhantomData }
    }

    /// Both.
    const fn read_write(number: u8) -> Self {
        Self { opcode: opcode::read_write::<T>(b'V', number), argument: PhantomData }
    }

    /// The second argument of `ioctl`.
    pub(crate) const fn opcode(&self) -> Opcode {
        self.opcode
    }
}

impl<T> Clone for Request<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Request<T> {}

impl<T> fmt::Debug for Request<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ioctl {:#010x}", self.opcode)
    }
}

pub(crate) const VIDIOC_QUERYCAP: Request<v4l2_capability> = Request::read(0);
pub(crate) const VIDIOC_ENUM_FMT: Request<v4l2_fmtdesc> = Request::read_write(2);
pub(crate) const VIDIOC_G_FMT: Request<v4l2_format> = Request::read_write(4);
pub(crate) const VIDIOC_S_FMT: Request<v4l2_format> = Request::read_write(5);
pub(crate) const VIDIOC_REQBUFS: Request<v4l2_requestbuffers> = Request::read_write(8);
pub(crate) const VIDIOC_QUERYBUF: Request<v4l2_buffer> = Request::read_write(9);
pub(crate) const VIDIOC_QBUF: Request<v4l2_buffer> = Request::read_write(15);
pub(crate) const VIDIOC_EXPBUF: Request<v4l2_exportbuffer> = Request::read_write(16);
pub(crate) const VIDIOC_DQBUF: Request<v4l2_buffer> = Request::read_write(17);
pub(crate) const VIDIOC_STREAMON: Request<c_int> = Request::write(18);
pub(crate) const VIDIOC_STREAMOFF: Request<c_int> = Request::write(19);
pub(crate) const VIDIOC_G_PARM: Request<v4l2_streamparm> = Request::read_write(21);
pub(crate) const VIDIOC_S_PARM: Request<v4l2_streamparm> = Request::read_write(22);
pub(crate) const VIDIOC_QUERYMENU: Request<v4l2_querymenu> = Request::read_write(37);
pub(crate) const VIDIOC_G_EXT_CTRLS: Request<v4l2_ext_controls> = Request::read_write(71);
pub(crate) const VIDIOC_S_EXT_CTRLS: Request<v4l2_ext_controls> = Request::read_write(72);
pub(crate) const VIDIOC_ENUM_FRAMESIZES: Request<v4l2_frmsizeenum> = Request::read_write(74);
pub(crate) const VIDIOC_ENUM_FRAMEINTERVALS: Request<v4l2_frmivalenum> = Request::read_write(75);
pub(crate) const VIDIOC_QUERY_EXT_CTRL: Request<v4l2_query_ext_ctrl> = Request::read_write(103);
