//! Synthetic cameras.
