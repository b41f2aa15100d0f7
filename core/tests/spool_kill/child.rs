//! One life: a camera, a spool and an upload, as `eyelet` has them, and a word for each picture that was taken.

use crate::killer::Killer;
use eyelet_core::{
    Backoff, RunId,
    feed::{Feed, Label, Picture, PictureKind},
    metrics::Metrics,
    spool::{Folder, Keeper, Options, QUEUE_DEPTH, Spool},
    upload::{Client, Sender, Timeouts},
};
use std::{
    io::{self, Write},
    thread,
    time::Duration,
};

pub(crate) fn picture(life: u64, sequence: u64) -> String {
    format!("picture {sequence} of life {life}").repeat(1 + (sequence % 4) as usize)
}

/// Runs until it is killed, or with `drain` takes no pictures and ends when the spool is empty.
pub(crate) fn run(arguments: &[String]) {
    let [dir, address, life, end] = arguments else { panic!("{arguments:?}") };
    let life = life.parse().unwrap();
    let (feed, metrics) = (Feed::new(), Metrics::new());
    let disk = Killer::new(Folder::open(dir).unwrap(), end.parse().ok());
    let spool = Spool::open(disk, Options::default(), metrics.spool.clone()).unwrap();
    let keeper = Keeper::start(spool, feed.queue(QUEUE_DEPTH)).unwrap();
    let mut timeouts = Timeouts::default();
    timeouts.progress = Duration::from_millis(20);
    timeouts.response = Duration::from_millis(20);
    let client = Client::with_timeouts(format!("http://{address}/upload").parse().unwrap(), timeouts);
    let backoff =
        Backoff::with_limits(Duration::from_micros(50), Duration::from_millis(1), fastrand::Rng::new());
    let sender = Sender::spooled(client, backoff, metrics.upload.clone(), keeper);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    if end == "drain" {
        let empty = async {
            while metrics.spool.pictures.get() > 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        return runtime.block_on(async {
            tokio::select! {
                _ = sender.run() => {}
                () = empty => {}
            }
        });
    }
    thread::spawn(move || runtime.block_on(sender.run()));
    for sequence in 0.. {
        let jpeg = picture(life, sequence).into();
        let captured_at = Duration::from_millis(sequence);
        feed.publish(Picture {
            jpeg,
            label: Label { run: RunId::new(life), sequence, captured_at },
            kind: PictureKind::Live,
        });
        while metrics.spool.taken.get() <= sequence {
            thread::sleep(Duration::from_micros(20));
        }
        let mut out = io::stdout().lock();
        writeln!(out, "{sequence}").and_then(|()| out.flush()).unwrap();
    }
}
