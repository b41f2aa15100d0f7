//! Inputs gone wrong, for the program of this package and for the tests of its folder.

#![forbid(unsafe_code)]

pub mod mutation;
