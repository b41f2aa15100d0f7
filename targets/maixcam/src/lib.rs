//! eyelet on the Sipeed MaixCAM.
