//! eyelet on the Sipeed MaixCAM.

pub mod v4l2;
