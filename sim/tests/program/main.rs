//! `eyelet-sim` as a process of its own: what it prints and logs, what signals, limits and blocked outputs do to it.

mod activation;
mod blocked_output;
mod generated;
mod limits;
mod messages;
mod rests;
mod secrets;
mod signals;
mod support;
mod top;
mod version;
mod watchdog;
