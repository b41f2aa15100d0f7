//! Software JPEG encoders.
