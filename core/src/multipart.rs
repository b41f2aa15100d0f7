//! A reader of `multipart/x-mixed-replace` streams.
