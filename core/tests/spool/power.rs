//! Whatever is pulled, nothing that was taken is lost, and the order holds.

use crate::memory::Memory;
use eyelet_core::{
    RunId,
    feed::Label,
    metrics::SpoolCounters,
    spool::{MAX_REPEATS, Options, Spool},
};
use proptest::prelude::*;
use std::{collections::BTreeSet, time::Duration};

/// What a run of the program does.
#[derive(Clone, Copy, Debug)]
enum Step {
    Put,
    /// The server gets the oldest picture and confirms it; with `false` its answer is lost, and it is not removed.
    Send(bool),
}

#[derive(Clone, Copy, Debug)]
enum End {
    PowerCut,
    Kill,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![3 => Just(Step::Put), 2 => Just(Step::Send(true)), 1 => Just(Step::Send(false))]
}

pub(crate) fn picture(n: u64) -> (Vec<u8>, Label) {
    let label = Label { run: RunId::new(n / 1000), sequence: n, captured_at: Duration::from_millis(n) };
    (format!("picture {n}").repeat(1 + n as usize % 5).into_bytes(), label)
}

fn open(disk: &Memory, counters: &SpoolCounters) -> std::io::Result<Spool<Memory>> {
    Spool::open(disk.clone(), Options::default(), counters.clone())
}

/// What a server that saw these pictures finds: each at first after the one before it, and how many came again.
#[derive(Debug, Default)]
pub(crate) struct Server {
    pub(crate) seen: BTreeSet<u64>,
    repeats: u32,
}

impl Server {
    pub(crate) fn receive(&mut self, jpeg: &[u8], label: &Label) -> Result<(), TestCaseError> {
        let (want, whole) = picture(label.sequence);
        prop_assert_eq!((jpeg, label), (&want[..], &whole), "not what was put in");
        if self.seen.contains(&label.sequence) {
            self.repeats += 1;
            return Ok(());
        }
        prop_assert!(
            self.seen.last() < Some(&label.sequence),
            "{} after {:?}",
            label.sequence,
            self.seen.last()
        );
        self.seen.insert(label.sequence);
        Ok(())
    }
}

proptest! {
    #[test]
    fn power_cut_loses_nothing_that_was_taken(
        lives in prop::collection::vec(
            (prop::collection::vec(step(), 0..120), prop::option::weighted(0.9, 0..400u32), prop::bool::weighted(0.7)),
            1..6,
        ),
        seed: u64,
    ) {
        let mut rng = fastrand::Rng::with_seed(seed);
        let (disk, mut server) = (Memory::default(), Server::default());
        let (mut next, mut taken) = (0, BTreeSet::new());
        for (steps, fuse, power) in lives {
            let end = if power { End::PowerCut } else { End::Kill };
            if let Some(fuse) = fuse {
                disk.fuse(fuse);
            }
            let counters = SpoolCounters::default();
            // Fails when the fuse burns before it is open.
            if let Ok(mut spool) = open(&disk, &counters) {
                for step in steps {
                    match step {
                        Step::Put => {
                            let (jpeg, label) = picture(next);
                            if spool.put(&jpeg, &label).is_ok() {
                                taken.insert(next);
                            }
                            next += 1;
                        }
                        Step::Send(answered) => if let Ok(Some(stored)) = spool.oldest() {
                            server.receive(&stored.jpeg, &stored.label)?;
                            if answered {
                                spool.sent(stored.number);
                            }
                        }
                    }
                }
            }
            match end {
                End::PowerCut => disk.power_cut(&mut rng),
                End::Kill => disk.killed(),
            }
        }
        // The last life has nothing to fear: all that is left goes.
        let counters = SpoolCounters::default();
        let mut spool = open(&disk, &counters).unwrap();
        while let Some(stored) = spool.oldest().unwrap() {
            server.receive(&stored.jpeg, &stored.label)?;
            spool.sent(stored.number);
        }
        let lost: Vec<_> = taken.difference(&server.seen).collect();
        prop_assert!(lost.is_empty(), "{:?} were lost of {:?}", lost, taken);
        prop_assert_eq!(disk.names(), Vec::<String>::new(), "nothing is left behind");
    }

    /// One power cut, every answer heard: only what was removed since the last wait for names comes again.
    #[test]
    fn power_cut_repeats_no_more_than_promised(
        puts in 1..150u64, sends in 0..150u64, more in 0..3u64, seed: u64
    ) {
        let mut rng = fastrand::Rng::with_seed(seed);
        let (disk, mut server) = (Memory::default(), Server::default());
        let mut spool = open(&disk, &SpoolCounters::default()).unwrap();
        for n in 0..puts {
            spool.put(&picture(n).0, &picture(n).1).unwrap();
        }
        for _ in 0..sends.min(puts) {
            let stored = spool.oldest().unwrap().unwrap();
            server.receive(&stored.jpeg, &stored.label)?;
            spool.sent(stored.number);
        }
        for n in puts..puts + more {
            spool.put(&picture(n).0, &picture(n).1).unwrap();
        }
        // One more is under way, and its answer is never heard.
        if let Some(stored) = spool.oldest().unwrap() {
            server.receive(&stored.jpeg, &stored.label)?;
        }
        drop(spool);
        disk.power_cut(&mut rng);
        let mut spool = open(&disk, &SpoolCounters::default()).unwrap();
        while let Some(stored) = spool.oldest().unwrap() {
            server.receive(&stored.jpeg, &stored.label)?;
            spool.sent(stored.number);
        }
        prop_assert_eq!(server.seen.len() as u64, puts + more);
        let most = if more > 0 { 1 } else { MAX_REPEATS };
        prop_assert!(server.repeats <= most, "{} came again", server.repeats);
    }
}

#[test]
fn flipped_bit_costs_one_picture_and_not_the_queue() {
    let (disk, mut rng) = (Memory::default(), fastrand::Rng::with_seed(1));
    for n in 0..200 {
        let counters = SpoolCounters::default();
        let mut spool = open(&disk, &counters).unwrap();
        for m in 0..3 {
            let (jpeg, label) = picture(3 * n + m);
            spool.put(&jpeg, &label).unwrap();
        }
        let waiting: Vec<_> = disk.names().into_iter().filter(|name| !name.contains("damaged")).collect();
        assert!(disk.flip_bit(&waiting[1], &mut rng));
        for m in [0, 2] {
            let stored = spool.oldest().unwrap().unwrap();
            let (jpeg, label) = picture(3 * n + m);
            assert_eq!((&stored.jpeg[..], stored.label), (&jpeg[..], label));
            spool.sent(stored.number);
        }
        assert!(spool.oldest().unwrap().is_none());
        assert_eq!((counters.damaged.get(), counters.pictures.get()), (1, 0));
    }
    assert_eq!(disk.names().len(), 200, "they are there to be looked at");
    assert!(disk.names().iter().all(|name| name.ends_with(".damaged.jpg")));
}
