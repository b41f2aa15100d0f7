//! `upload URL`.
use super::*;
pub(super) fn run<D: Devices>(_args: &UploadArgs<D::Flags>, _output: &Output) -> Outcome {
    todo!()
}
pub(super) async fn beside(_url: Option<crate::upload::UploadUrl>, _hub: &crate::Hub) {
    std::future::pending().await
}
