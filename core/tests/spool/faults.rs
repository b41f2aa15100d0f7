//! Disks whose operations fail, at any moment, for any reason, with or without having come to pass.

use crate::{
    memory::Memory,
    power::{Server, picture},
};
use bytes::Bytes;
use eyelet_core::{
    feed::{Feed, Picture, PictureKind},
    metrics::SpoolCounters,
    spool::{Disk, Keeper, Listed, Options, Spool, WhenFull},
};
use proptest::prelude::*;
use rustix::io::Errno;
use std::{
    collections::BTreeSet,
    io,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

const ERRORS: [Errno; 13] = [
    Errno::IO,
    Errno::STALE,
    Errno::ACCESS,
    Errno::PERM,
    Errno::NOSPC,
    Errno::DQUOT,
    Errno::MFILE,
    Errno::NFILE,
    Errno::NOMEM,
    Errno::ROFS,
    Errno::TIMEDOUT,
    Errno::INTR,
    Errno::NODEV,
];

/// A disk that fails at random, with a seed.
#[derive(Clone, Debug)]
struct Faulty {
    disk: Memory,
    chance: Arc<Mutex<(fastrand::Rng, f64)>>,
}

impl Faulty {
    fn new(seed: u64) -> Self {
        let chance = Arc::new(Mutex::new((fastrand::Rng::with_seed(seed), 0.0)));
        Self { disk: Memory::default(), chance }
    }

    fn fail(&self, chance: f64) {
        self.chance.lock().unwrap().1 = chance;
    }

    /// Half of what fails has come to pass all the same, as happens over a network.
    fn does<T>(&mut self, operation: impl FnOnce(&mut Memory) -> io::Result<T>) -> io::Result<T> {
        let (fails, done, errno) = {
            let (rng, chance) = &mut *self.chance.lock().unwrap();
            (rng.f64() < *chance, rng.bool(), *rng.choice(&ERRORS).unwrap())
        };
        if fails {
            if done {
                let _ = operation(&mut self.disk);
            }
            return Err(errno.into());
        }
        operation(&mut self.disk)
    }
}

impl Disk for Faulty {
    type File = usize;

    fn list(&mut self) -> io::Result<Vec<Listed>> {
        self.does(Memory::list)
    }

    fn create(&mut self, name: &str) -> io::Result<usize> {
        self.does(|disk| disk.create(name))
    }

    fn write(&mut self, file: &mut usize, bytes: &[u8]) -> io::Result<()> {
        self.does(|disk| disk.write(file, bytes))
    }

    fn sync(&mut self, file: &mut usize) -> io::Result<()> {
        self.does(|disk| disk.sync(file))
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        self.does(|disk| disk.rename(from, to))
    }

    fn sync_folder(&mut self) -> io::Result<()> {
        self.does(Memory::sync_folder)
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        self.does(|disk| disk.remove(name))
    }

    fn read(&mut self, name: &str) -> io::Result<Vec<u8>> {
        let lies = {
            let (rng, chance) = &mut *self.chance.lock().unwrap();
            rng.f64() < *chance / 4.0
        };
        if lies {
            return Err(io::ErrorKind::NotFound.into());
        }
        self.does(|disk| disk.read(name))
    }
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Put,
    Send,
    Refuse,
    Tidy,
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => Just(Step::Put),
        5 => Just(Step::Send),
        1 => Just(Step::Refuse),
        1 => Just(Step::Tidy),
        1 => Just(Step::Restart),
    ]
}

fn open(disk: &Faulty, counters: &SpoolCounters) -> io::Result<Spool<Faulty>> {
    let mut options = Options::default();
    options.when_full = WhenFull::Hold;
    Spool::open(disk.clone(), options, counters.clone())
}

proptest! {
    #[test]
    fn any_sequence_of_disk_errors_loses_and_reorders_nothing(
        steps in prop::collection::vec(step(), 0..150), percent in 1..80u32, seed: u64
    ) {
        let disk = Faulty::new(seed);
        let counters = SpoolCounters::default();
        let (mut server, mut refused) = (Server::default(), BTreeSet::new());
        let (mut next, mut taken) = (0, BTreeSet::new());
        let mut spool = open(&disk, &counters).unwrap();
        disk.fail(f64::from(percent) / 100.0);
        for step in steps {
            match step {
                Step::Put => {
                    let (jpeg, label) = picture(next);
                    // Tried again a few times, as a keeper does for ever.
                    if (0..3).any(|_| spool.put(&jpeg, &label).is_ok()) {
                        taken.insert(next);
                    }
                    next += 1;
                }
                Step::Send => if let Ok(Some(stored)) = spool.oldest() {
                    // After a restart one comes again that could not be set aside, and one that was not taken but
                    // could not be removed.
                    let sequence = stored.label.sequence;
                    if taken.contains(&sequence) && !refused.contains(&sequence) {
                        server.receive(&stored.jpeg, &stored.label)?;
                    }
                    spool.sent(stored.number);
                }
                Step::Refuse => if let Ok(Some(stored)) = spool.oldest() {
                    refused.insert(stored.label.sequence);
                    spool.refused(stored.number);
                }
                Step::Tidy => spool.tidy(),
                Step::Restart => {
                    drop(spool);
                    spool = loop {
                        if let Ok(spool) = open(&disk, &counters) {
                            break spool;
                        }
                    };
                }
            }
        }
        disk.fail(0.0);
        spool.tidy();
        prop_assert!(spool.trouble().is_none());
        // What went although its removal seemed to fail may still be counted.
        let on_disk = disk.disk.bytes() - unfinished(&disk.disk);
        prop_assert!(counters.bytes.get() as u64 >= on_disk, "{} of {}", counters.bytes.get(), on_disk);
        while let Some(stored) = spool.oldest().unwrap() {
            let sequence = stored.label.sequence;
            if taken.contains(&sequence) && !refused.contains(&sequence) {
                server.receive(&stored.jpeg, &stored.label)?;
            }
            spool.sent(stored.number);
        }
        prop_assert_eq!((counters.damaged.get(), counters.dropped.get()), (0, 0));
        let had: BTreeSet<_> = server.seen.union(&refused).copied().collect();
        let lost: Vec<_> = taken.difference(&had).collect();
        prop_assert!(lost.is_empty(), "{:?} were lost of {:?}", lost, taken);
        drop(spool);
        drop(open(&disk, &counters).unwrap());
        let left = disk.disk.names();
        prop_assert!(left.iter().all(|name| name.ends_with(".refused.jpg")), "{:?}", left);
    }
}

/// What a put that failed has left is written over by the next, and removed by the next start: one file at most.
fn unfinished(disk: &Memory) -> u64 {
    let mut disk = disk.clone();
    let files = disk.list().unwrap();
    files.iter().filter(|file| file.name.ends_with(".part")).map(|file| file.len).sum()
}

fn live(sequence: u64) -> Picture {
    let (jpeg, label) = picture(sequence);
    Picture { jpeg: Bytes::from(jpeg), label, kind: PictureKind::Live }
}

/// One second of errors once cost every picture that waited.
#[tokio::test]
async fn keeper_waits_until_the_disk_works_again() {
    let (disk, feed, counters) = (Faulty::new(1), Feed::new(), SpoolCounters::default());
    let spool = open(&disk, &counters).unwrap();
    let keeper = Keeper::start(spool, feed.queue(100)).unwrap();
    (0..10).for_each(|sequence| feed.publish(live(sequence)));
    let first = keeper.oldest().await;
    assert_eq!(first.label.sequence, 0);
    wait_for(|| counters.taken.get() == 10);
    disk.fail(1.0);
    keeper.sent(first.number);
    wait_for(|| counters.pictures.get() == 9);
    (10..20).for_each(|sequence| feed.publish(live(sequence)));
    let waits = tokio::time::timeout(Duration::from_millis(1500), keeper.oldest()).await;
    assert!(waits.is_err(), "nothing can be read");
    disk.fail(0.0);
    for sequence in 1..20 {
        let stored = keeper.oldest().await;
        assert_eq!(stored.label.sequence, sequence);
        keeper.sent(stored.number);
    }
    drop(keeper);
    let missed = (counters.missed.get(), counters.damaged.get(), counters.dropped.get());
    assert_eq!((counters.taken.get(), missed, counters.bytes.get()), (20, (0, 0, 0), 0));
    assert_eq!(disk.disk.names(), Vec::<String>::new());
}

#[test]
fn removed_file_does_not_stop_the_queue() {
    let (disk, counters) = (Faulty::new(1), SpoolCounters::default());
    let mut spool = open(&disk, &counters).unwrap();
    for n in 0..3 {
        let (jpeg, label) = picture(n);
        spool.put(&jpeg, &label).unwrap();
    }
    disk.disk.clone().remove("00000000000000000000.jpg").unwrap();
    assert_eq!(spool.oldest().unwrap().unwrap().label.sequence, 1);
    assert_eq!((counters.dropped.get(), counters.pictures.get(), counters.damaged.get()), (1, 2, 0));
}

fn wait_for(what: impl Fn() -> bool) {
    let start = Instant::now();
    while !what() {
        assert!(start.elapsed() < Duration::from_secs(30));
        std::thread::sleep(Duration::from_millis(1));
    }
}
