//! What the kernel accounts to the server's process.

use serde::Serialize;
use std::{fs, io, time::Duration};

/// What a process had used at some moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Usage {
    cpu: Duration,
    switches: u64,
    threads: usize,
    resident: u64,
    peak: u64,
}

/// What a process used between two moments.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Used {
    /// Seconds of processor time, user and system, of all threads.
    pub cpu_seconds: f64,
    /// Share of one core.
    pub cpu_percent: f64,
    /// Processor seconds for each 10^9 bytes that the viewers received.
    pub cpu_seconds_per_gb: f64,
    /// Context switches a second.
    pub switches_per_second: f64,
    /// Threads at the end.
    pub threads: usize,
    /// Resident memory at the beginning, in 10^6 bytes.
    pub resident_mb_begin: f64,
    /// At the end.
    pub resident_mb: f64,
    /// The most it ever was.
    pub resident_mb_peak: f64,
}

impl Usage {
    /// Of the process `pid`, now.
    pub(super) fn of(pid: u32) -> io::Result<Self> {
        let mut usage = Self { cpu: Duration::ZERO, switches: 0, threads: 0, resident: 0, peak: 0 };
        let unseen = |e: io::Error| io::Error::new(e.kind(), format!("process {pid}: {e}"));
        for task in fs::read_dir(format!("/proc/{pid}/task")).map_err(unseen)? {
            let task = task?.path();
            // A thread that has just ended has no files any more.
            let Ok(status) = fs::read_to_string(task.join("status")) else { continue };
            let Ok(scheduled) = fs::read_to_string(task.join("schedstat")) else { continue };
            usage.threads += 1;
            usage.switches += field(&status, "voluntary_ctxt_switches:");
            usage.switches += field(&status, "nonvoluntary_ctxt_switches:");
            let nanos = scheduled.split(' ').next().and_then(|nanos| nanos.parse().ok());
            usage.cpu += Duration::from_nanos(nanos.unwrap_or_default());
            usage.resident = field(&status, "VmRSS:") << 10;
            usage.peak = field(&status, "VmHWM:") << 10;
        }
        Ok(usage)
    }

    /// What was used since, while viewers received `bytes`.
    pub(super) fn until(&self, later: &Self, elapsed: Duration, bytes: u64) -> Used {
        let mb = |bytes: u64| bytes as f64 / 1e6;
        let cpu = later.cpu.saturating_sub(self.cpu).as_secs_f64();
        Used {
            cpu_seconds: cpu,
            cpu_percent: cpu / elapsed.as_secs_f64() * 100.0,
            cpu_seconds_per_gb: cpu / (bytes as f64 / 1e9),
            switches_per_second: later.switches.saturating_sub(self.switches) as f64 / elapsed.as_secs_f64(),
            threads: later.threads,
            resident_mb_begin: mb(self.resident),
            resident_mb: mb(later.resident),
            resident_mb_peak: mb(later.peak),
        }
    }
}

/// The number in the line that begins with `name`, or 0.
fn field(status: &str, name: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|rest| rest.split_ascii_whitespace().next()?.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usage_of_a_busy_process_grows() {
        let pid = std::process::id();
        let before = Usage::of(pid).unwrap();
        let mut sum = 0u64;
        let after = loop {
            sum = (0..1_000_000u64).fold(sum, |sum, n| std::hint::black_box(sum.wrapping_add(n)));
            let now = Usage::of(pid).unwrap();
            if now.cpu > before.cpu {
                break now;
            }
        };
        assert!(after.resident > 0 && after.peak >= after.resident && after.threads > 0);
        let used = before.until(&after, Duration::from_secs(2), 1_000_000_000);
        assert_eq!(used.cpu_seconds, used.cpu_seconds_per_gb);
        assert_eq!(used.cpu_seconds * 50.0, used.cpu_percent);
    }

    #[test]
    fn field_is_found_by_its_whole_name() {
        let status = "nonvoluntary_ctxt_switches:\t5\nvoluntary_ctxt_switches:\t17\nVmRSS:\t  2048 kB\n";
        assert_eq!(field(status, "voluntary_ctxt_switches:"), 17);
        assert_eq!(field(status, "VmRSS:"), 2048);
        assert_eq!(field(status, "VmHWM:"), 0);
    }
}
