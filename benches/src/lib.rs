//! Benches of eyelet; see `benches/`.
