//! The HAL's contract.

use crate::support::Board;
use eyelet_hal::conformance::{CameraExpectations, camera};

#[test]
fn jpegs_keep_the_contract_of_cameras() {
    let board = Board::new();
    camera(&mut board.camera(""), &CameraExpectations::default()).assert_passed();
    board.until_empty();
    assert_eq!(board.log(), ["open 80 64 200 3", "close"]);
}
