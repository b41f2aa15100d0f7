//! The thread between the camera and the upload.

use crate::memory::Memory;
use bytes::Bytes;
use eyelet_core::{
    RunId,
    feed::{Feed, Label, Picture, PictureKind},
    metrics::SpoolCounters,
    spool::{Keeper, Options, Spool},
};
use std::time::Duration;

fn picture(sequence: u64) -> Picture {
    let jpeg = Bytes::from(format!("picture {sequence}"));
    Picture {
        jpeg,
        label: Label { run: RunId::new(1), sequence, captured_at: Duration::from_secs(sequence) },
        kind: PictureKind::Live,
    }
}

fn start(disk: &Memory, feed: &Feed, depth: usize) -> (Keeper, SpoolCounters) {
    let counters = SpoolCounters::default();
    let spool = Spool::open(disk.clone(), Options::default(), counters.clone()).unwrap();
    (Keeper::start(spool, feed.queue(depth)).unwrap(), counters)
}

#[tokio::test]
async fn pictures_pass_in_order_and_the_oldest_waits_until_it_is_sent() {
    let (disk, feed) = (Memory::default(), Feed::new());
    let (keeper, counters) = start(&disk, &feed, 100);
    for sequence in 1..=50 {
        feed.publish(picture(sequence));
    }
    let again = keeper.oldest().await.number;
    for sequence in 1..=50 {
        let stored = keeper.oldest().await;
        assert_eq!((stored.label.sequence, stored.label.run), (sequence, RunId::new(1)));
        assert_eq!(&stored.jpeg[..], format!("picture {sequence}").as_bytes());
        assert!(sequence > 1 || stored.number == again);
        assert_eq!(counters.oldest.get(), sequence as f64);
        keeper.sent(stored.number);
    }
    drop(keeper);
    assert_eq!((counters.taken.get(), counters.missed.get(), counters.pictures.get()), (50, 0, 0));
    assert!(!feed.wanted());
}

#[tokio::test]
async fn stop_keeps_what_has_already_come() {
    let (disk, feed) = (Memory::default(), Feed::new());
    let (keeper, counters) = start(&disk, &feed, 100);
    for sequence in 0..50 {
        feed.publish(picture(sequence));
    }
    drop(keeper);
    assert_eq!(counters.taken.get(), 50);
    let (keeper, _) = start(&disk, &feed, 1);
    assert_eq!(keeper.oldest().await.label.sequence, 0, "the next run finds them");
}

#[tokio::test]
async fn picture_that_cannot_be_read_now_is_not_damaged() {
    let (disk, feed) = (Memory::default(), Feed::new());
    disk.starve(1);
    let (keeper, counters) = start(&disk, &feed, 1);
    feed.publish(picture(7));
    assert_eq!(keeper.oldest().await.label.sequence, 7);
    assert_eq!((counters.damaged.get(), counters.pictures.get()), (0, 1));
}

#[test]
fn pictures_too_fast_for_the_disk_are_counted() {
    let (disk, feed) = (Memory::default(), Feed::new());
    let (keeper, counters) = start(&disk, &feed, 1);
    // The camera thread never waits, so most of these find the only place taken.
    for sequence in 0..10_000 {
        feed.publish(picture(sequence));
    }
    drop(keeper);
    assert_eq!(counters.taken.get() + counters.missed.get(), 10_000);
    assert_eq!(counters.upload_dropped.get(), counters.missed.get());
}
