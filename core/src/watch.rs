//! A viewer that measures: fps, latency, gaps and damage of any MJPEG-over-HTTP stream.
