//! Pictures to draw on.
