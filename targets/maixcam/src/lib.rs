//! eyelet on the Sipeed MaixCAM.

pub mod venc;
