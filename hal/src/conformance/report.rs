//! What came of the checks.

use crate::Error;
use std::fmt;

/// What came of one check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The promise is kept.
    Passed,
    /// It is not; what was seen instead.
    Failed(String),
    /// It could not be looked at; why.
    Skipped(String),
}

/// One promise of the contract and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Check {
    /// The promise, in a few words.
    pub name: String,
    /// What came of it.
    pub outcome: Outcome,
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.outcome {
            Outcome::Passed => write!(f, "ok      {}", self.name),
            Outcome::Failed(what) => write!(f, "FAILED  {}: {what}", self.name),
            Outcome::Skipped(why) => write!(f, "skipped {}: {why}", self.name),
        }
    }
}

/// Every check of one device. `Display` prints a line for each.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// The name of the device.
    pub subject: String,
    /// The checks, in the order they ran.
    pub checks: Vec<Check>,
    /// What was seen that is no promise, such as frames dropped on the way.
    pub remarks: Vec<String>,
}

impl Report {
    pub(super) fn new(subject: &str) -> Self {
        Self { subject: subject.to_owned(), checks: Vec::new(), remarks: Vec::new() }
    }

    pub(super) fn add(&mut self, name: impl Into<String>, outcome: Outcome) {
        self.checks.push(Check { name: name.into(), outcome });
    }

    /// Whether no check failed.
    pub fn passed(&self) -> bool {
        self.failures().next().is_none()
    }

    /// The checks that failed.
    pub fn failures(&self) -> impl Iterator<Item = &Check> {
        self.checks.iter().filter(|check| matches!(check.outcome, Outcome::Failed(_)))
    }

    /// For tests.
    ///
    /// # Panics
    /// If a check failed, with the whole report.
    #[track_caller]
    pub fn assert_passed(&self) {
        assert!(self.passed(), "does not conform\n{self}");
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.subject)?;
        match self.failures().count() {
            0 => write!(f, "conforms")?,
            failures => write!(f, "{failures} of {} checks failed", self.checks.len())?,
        }
        for check in &self.checks {
            write!(f, "\n  {check}")?;
        }
        for remark in &self.remarks {
            write!(f, "\n  note    {remark}")?;
        }
        Ok(())
    }
}

/// A check of many observations: the first one that is wrong decides.
#[derive(Debug, Default)]
pub(super) struct Watched {
    seen: u64,
    wrong: Option<String>,
}

impl Watched {
    pub(super) fn see(&mut self, outcome: Result<(), String>) {
        self.seen += 1;
        if let (None, Err(what)) = (&self.wrong, outcome) {
            self.wrong = Some(what);
        }
    }

    /// Whether there was nothing to look at.
    pub(super) fn is_unseen(&self) -> bool {
        self.seen == 0
    }

    /// `unseen` is the reason to give if there was nothing to look at.
    pub(super) fn outcome(self, unseen: &str) -> Outcome {
        match self {
            Self { wrong: Some(what), .. } => Outcome::Failed(what),
            Self { seen: 0, .. } => Outcome::Skipped(unseen.to_owned()),
            _ => Outcome::Passed,
        }
    }
}

/// An error with its kind.
pub(super) fn with_kind(error: &Error) -> String {
    format!("{:?} ({error})", error.kind())
}
