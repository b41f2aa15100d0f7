//! The counters of a build without Prometheus: as many of its functions as are used.

use std::sync::{
    Arc,
    atomic::{AtomicI64, AtomicU64, Ordering::Relaxed},
};

/// Counts up.
#[derive(Clone, Debug, Default)]
pub struct Counter(Arc<AtomicU64>);

impl Counter {
    /// Adds one; the result is what it was before.
    pub fn inc(&self) -> u64 {
        self.inc_by(1)
    }

    /// Adds `n`; the result is what it was before.
    pub fn inc_by(&self, n: u64) -> u64 {
        self.0.fetch_add(n, Relaxed)
    }

    /// Its value.
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// Counts up and down; `A` holds an `N`.
#[derive(Debug)]
pub struct Gauge<N = i64, A = AtomicI64>(Arc<A>, std::marker::PhantomData<N>);

impl<N, A> Clone for Gauge<N, A> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0), std::marker::PhantomData)
    }
}

impl<N, A: Default> Default for Gauge<N, A> {
    fn default() -> Self {
        Self(Arc::default(), std::marker::PhantomData)
    }
}

impl Gauge {
    /// Adds one; the result is what it was before.
    pub fn inc(&self) -> i64 {
        self.0.fetch_add(1, Relaxed)
    }

    /// Takes one away; the result is what it was before.
    pub fn dec(&self) -> i64 {
        self.0.fetch_sub(1, Relaxed)
    }

    /// Sets it; the result is what it was before.
    pub fn set(&self, value: i64) -> i64 {
        self.0.swap(value, Relaxed)
    }

    /// Its value.
    pub fn get(&self) -> i64 {
        self.0.load(Relaxed)
    }
}

impl Gauge<f64, AtomicU64> {
    /// Sets it; the result is what it was before.
    pub fn set(&self, value: f64) -> f64 {
        f64::from_bits(self.0.swap(value.to_bits(), Relaxed))
    }

    /// Its value.
    pub fn get(&self) -> f64 {
        f64::from_bits(self.0.load(Relaxed))
    }
}

/// How often a time was how long: only Prometheus asks.
#[derive(Clone, Debug)]
pub struct Histogram(());

impl Histogram {
    /// `buckets` are not kept.
    pub fn new(buckets: impl IntoIterator<Item = f64>) -> Self {
        drop(buckets);
        Self(())
    }

    /// Does nothing.
    pub fn observe(&self, seconds: f64) {
        let _ = seconds;
    }
}
