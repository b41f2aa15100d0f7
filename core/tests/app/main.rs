//! A camera server put together by a program: what its builder is given is what a client meets.

mod cameras;
mod errors;
mod routes;
mod serving;
mod signals;
mod support;
