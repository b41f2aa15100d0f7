//! What happens when there is no room.

use crate::memory::Memory;
use eyelet_core::{
    RunId,
    feed::Label,
    metrics::SpoolCounters,
    spool::{Folder, NotTaken, OVERHEAD, Options, Spool, WhenFull},
};
use eyelet_hal::ErrorKind;
use proptest::prelude::*;
use std::{fs, time::Duration};

const LEN: u64 = 1000;

fn label(sequence: u64) -> Label {
    Label { run: RunId::new(1), sequence, captured_at: Duration::from_secs(sequence) }
}

fn options(max_bytes: u64, when_full: WhenFull) -> Options {
    let mut options = Options::new(max_bytes);
    options.when_full = when_full;
    options
}

/// Room for so many pictures.
fn spool(disk: &Memory, pictures: u64, when_full: WhenFull) -> (Spool<Memory>, SpoolCounters) {
    let counters = SpoolCounters::default();
    let options = options(pictures * (LEN + OVERHEAD), when_full);
    (Spool::open(disk.clone(), options, counters.clone()).unwrap(), counters)
}

fn put(spool: &mut Spool<Memory>, sequence: u64) -> Result<(), NotTaken> {
    spool.put(&[sequence as u8; LEN as usize], &label(sequence))
}

fn drain(spool: &mut Spool<Memory>) -> Vec<u64> {
    std::iter::from_fn(|| {
        let stored = spool.oldest().unwrap()?;
        spool.sent(stored.number);
        Some(stored.label.sequence)
    })
    .collect()
}

#[test]
fn oldest_makes_room_but_not_the_one_being_sent() {
    let (mut spool, counters) = spool(&Memory::default(), 3, WhenFull::DropOldest);
    for sequence in 0..5 {
        put(&mut spool, sequence).unwrap();
    }
    assert_eq!((counters.taken.get(), counters.dropped.get(), counters.pictures.get()), (5, 2, 3));
    let under_way = spool.oldest().unwrap().unwrap();
    assert_eq!(under_way.label.sequence, 2);
    put(&mut spool, 5).unwrap();
    put(&mut spool, 6).unwrap();
    assert_eq!(spool.oldest().unwrap().unwrap().number, under_way.number);
    spool.sent(under_way.number);
    assert_eq!(drain(&mut spool), [5, 6]);
    assert_eq!((counters.dropped.get(), counters.missed.get(), counters.upload_dropped.get()), (4, 0, 4));
    assert_eq!(counters.bytes.get(), 0);
}

#[test]
fn full_spool_with_hold_keeps_what_is_there() {
    let (mut spool, counters) = spool(&Memory::default(), 3, WhenFull::Hold);
    for sequence in 0..5 {
        assert_eq!(put(&mut spool, sequence).is_ok(), sequence < 3);
    }
    assert!(matches!(put(&mut spool, 5), Err(NotTaken::Full)));
    let stored = spool.oldest().unwrap().unwrap();
    spool.sent(stored.number);
    put(&mut spool, 6).unwrap();
    assert_eq!(drain(&mut spool), [1, 2, 6]);
    assert_eq!((counters.taken.get(), counters.dropped.get(), counters.missed.get()), (4, 0, 3));
    assert_eq!(counters.upload_dropped.get(), 3);
}

#[test]
fn picture_larger_than_the_spool_costs_no_other() {
    let (mut spool, counters) = spool(&Memory::default(), 2, WhenFull::DropOldest);
    put(&mut spool, 0).unwrap();
    let error = spool.put(&[0; 3 * LEN as usize], &label(1)).unwrap_err();
    assert!(matches!(error, NotTaken::TooLarge));
    assert_eq!(error.to_string(), "a picture is larger than the whole spool may be");
    assert_eq!(drain(&mut spool), [0]);
    assert_eq!((counters.dropped.get(), counters.missed.get()), (0, 1));
}

#[test]
fn pictures_set_aside_make_room_first() {
    let disk = Memory::default();
    for when_full in [WhenFull::DropOldest, WhenFull::Hold] {
        let (mut spool, counters) = spool(&disk, 3, when_full);
        for sequence in 0..3 {
            put(&mut spool, sequence).unwrap();
        }
        let refused = spool.oldest().unwrap().unwrap();
        spool.refused(refused.number);
        assert_eq!(disk.names().iter().filter(|name| name.ends_with(".refused.jpg")).count(), 1);
        put(&mut spool, 3).unwrap();
        assert_eq!((counters.refused.get(), counters.dropped.get()), (1, 0));
        assert_eq!(disk.names().iter().filter(|name| name.ends_with(".refused.jpg")).count(), 0);
        assert_eq!(drain(&mut spool), [1, 2, 3]);
    }
}

#[test]
fn refused_picture_is_sent_again_after_renaming() {
    let dir = tempfile::tempdir().unwrap();
    let open = || {
        let folder = Folder::open(dir.path().join("spool")).unwrap();
        Spool::open(folder, Options::default(), SpoolCounters::default()).unwrap()
    };
    let mut spool = open();
    spool.put(b"one", &label(1)).unwrap();
    let stored = spool.oldest().unwrap().unwrap();
    spool.refused(stored.number);
    drop(spool);
    let path = dir.path().join("spool/00000000000000000000");
    fs::rename(path.with_extension("refused.jpg"), path.with_extension("jpg")).unwrap();
    let mut spool = open();
    spool.put(b"two", &label(2)).unwrap();
    assert_eq!(spool.oldest().unwrap().unwrap().label, label(1));
}

proptest! {
    /// A disk that is full at any operation, any number of times.
    #[test]
    fn disk_without_room_loses_only_what_is_counted(
        when in 0..60u32, times in 1..30u32, drop_oldest: bool, puts in 1..20u64
    ) {
        let disk = Memory::default();
        let when_full = if drop_oldest { WhenFull::DropOldest } else { WhenFull::Hold };
        let (mut spool, counters) = spool(&disk, 1000, when_full);
        disk.full(when, times);
        let mut taken = Vec::new();
        for sequence in 0..puts {
            match put(&mut spool, sequence) {
                Ok(()) => taken.push(sequence),
                Err(NotTaken::Disk(e)) => prop_assert_eq!(e.kind(), std::io::ErrorKind::StorageFull),
                Err(other) => prop_assert!(false, "{}", other),
            }
        }
        prop_assert!(disk.names().iter().all(|name| !name.ends_with(".part")));
        prop_assert_eq!(disk.bytes(), counters.bytes.get() as u64);
        let dropped = counters.dropped.get();
        prop_assert_eq!(dropped == 0 || drop_oldest, true);
        prop_assert_eq!(counters.taken.get() + counters.missed.get(), puts);
        let kept = taken.split_off(dropped as usize);
        prop_assert_eq!(drain(&mut spool), kept);
    }
}

#[test]
fn second_process_on_a_folder_is_refused_in_one_line() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("spool");
    let first = Folder::open(&path).unwrap();
    let error = Folder::open(&path).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Busy);
    let why = "another process spools there; stop it, or name another folder";
    assert_eq!(error.to_string(), format!("cannot spool in {}: {why}", path.display()));
    drop(first);
    Folder::open(&path).unwrap();
    let error = Folder::open(path.join("lock")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().ends_with("it is a file; name a folder"));
}

/// A folder of somebody else's under the next name stopped it for ever, and behind the highest number of all it began with 0
/// again.
#[test]
fn names_already_taken_are_skipped() {
    let dir = tempfile::tempdir().unwrap();
    let names = ["00000000000000000001.part", "00000000000000000003.jpg", "18446744073709551614.jpg"];
    for name in names {
        fs::create_dir_all(dir.path().join(name).join("full")).unwrap();
    }
    fs::write(dir.path().join("18446744073709551615.jpg"), b"holiday").unwrap();
    std::os::unix::fs::symlink("18446744073709551615.jpg", dir.path().join("00000000000000000004.part"))
        .unwrap();
    let open = || {
        let counters = SpoolCounters::default();
        Spool::open(Folder::open(dir.path()).unwrap(), Options::default(), counters).unwrap()
    };
    let mut spool = open();
    for sequence in 0..5 {
        spool.put(&[7; 100], &label(sequence)).unwrap();
    }
    assert!(spool.trouble().is_none());
    drop(spool);
    let mut spool = open();
    spool.put(&[7; 100], &label(5)).unwrap();
    let mut sent = Vec::new();
    while let Some(stored) = spool.oldest().unwrap() {
        sent.push((stored.number, stored.label.sequence));
        spool.sent(stored.number);
    }
    assert_eq!(sent, [(0, 0), (2, 1), (4, 2), (5, 3), (6, 4), (7, 5)]);
    assert!(names.iter().all(|name| dir.path().join(name).join("full").exists()));
    assert_eq!(fs::read(dir.path().join("18446744073709551615.jpg")).unwrap(), b"holiday");
}

#[test]
fn temporary_files_of_a_crash_are_removed_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["00000000000000000007.part", "holiday.jpg", "7.part"] {
        fs::write(dir.path().join(name), b"x").unwrap();
    }
    let counters = SpoolCounters::default();
    let spool = Spool::open(Folder::open(dir.path()).unwrap(), Options::default(), counters).unwrap();
    assert!(spool.is_empty());
    let mut names: Vec<_> =
        fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names, ["7.part", "holiday.jpg", "lock"]);
}
