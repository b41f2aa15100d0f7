//! A file system that is really full: `ci/verbs/spool.sh` mounts a small one and names it in `EYELET_FULL_DISK`.

use eyelet_core::{
    RunId,
    feed::Label,
    metrics::SpoolCounters,
    spool::{Folder, NotTaken, Options, Spool, WhenFull},
};
use std::{env, fs, io, path::Path, time::Duration};

const PICTURES: u64 = 100;
const LEN: usize = 10_000;

#[test]
#[allow(clippy::print_stdout)] // figures
fn full_disk_loses_only_what_is_counted() {
    let Some(dir) = env::var_os("EYELET_FULL_DISK") else {
        println!("SKIPPED: EYELET_FULL_DISK names no small file system; ci/check.sh spool does");
        return;
    };
    for (when_full, name) in [(WhenFull::DropOldest, "drop-oldest"), (WhenFull::Hold, "hold")] {
        let dir = Path::new(&dir).join(name);
        let (mut spool, counters) = open(&dir, when_full);
        let mut kept: Vec<u64> = Vec::new();
        for sequence in 0..PICTURES {
            let label = Label { run: RunId::new(1), sequence, captured_at: Duration::ZERO };
            match spool.put(&[sequence as u8; LEN], &label) {
                Ok(()) => kept.push(sequence),
                Err(NotTaken::Disk(e)) => assert_eq!(e.kind(), io::ErrorKind::StorageFull, "{e}"),
                Err(other) => panic!("{other}"),
            }
        }
        let (taken, dropped, missed) = (counters.taken.get(), counters.dropped.get(), counters.missed.get());
        println!("{name}: {PICTURES} pictures: {taken} taken, {dropped} dropped, {missed} missed");
        assert_eq!(taken + missed, PICTURES);
        match when_full {
            WhenFull::DropOldest => assert!(dropped > 0 && missed == 0),
            WhenFull::Hold => assert!(dropped == 0 && missed > 0),
        }
        // As after a crash: what is there is what was counted, whole and in order.
        drop(spool);
        let (mut spool, counters) = open(&dir, when_full);
        for sequence in kept.split_off(dropped as usize) {
            let stored = spool.oldest().unwrap().unwrap();
            assert_eq!((stored.label.sequence, &stored.jpeg[..]), (sequence, &[sequence as u8; LEN][..]));
            spool.sent(stored.number);
        }
        assert!(spool.oldest().unwrap().is_none() && counters.damaged.get() == 0);
        drop(spool);
        fs::remove_dir_all(&dir).unwrap();
    }
}

fn open(dir: &Path, when_full: WhenFull) -> (Spool, SpoolCounters) {
    let (mut options, counters) = (Options::default(), SpoolCounters::default());
    options.when_full = when_full;
    (Spool::open(Folder::open(dir).unwrap(), options, counters.clone()).unwrap(), counters)
}
