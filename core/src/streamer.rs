//! `JpegStreamer`: MaixPy's streaming server.
