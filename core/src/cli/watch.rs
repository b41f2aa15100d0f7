//! `watch URL`.
use super::*;
pub(super) fn run(_args: &WatchArgs, _output: &Output) -> Outcome {
    todo!()
}
