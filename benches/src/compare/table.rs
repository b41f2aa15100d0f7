//! What was measured, in Markdown.

use super::{Case, Comparison, Reports, Server, server::FPS};
use crate::load::{Report, Tail, Used};
use std::fmt::{self, Write};

/// Medians over the rounds of one server in one case.
struct Row<'a>(&'a [Report]);

impl Row<'_> {
    fn median(&self, value: impl Fn(&Report) -> f64) -> f64 {
        median(self.0.iter().map(value).collect())
    }

    fn server(&self, value: impl Fn(&Used) -> f64) -> f64 {
        self.median(|report| report.server.as_ref().map_or(f64::NAN, &value))
    }

    fn tail(&self, tail: impl Fn(&Report) -> Option<Tail>, value: impl Fn(&Tail) -> f64) -> f64 {
        self.median(|report| tail(report).as_ref().map_or(f64::NAN, &value))
    }

    fn sum(&self, value: impl Fn(&Report) -> u64) -> u64 {
        self.0.iter().map(value).sum()
    }

    /// Of each round, so that what the machine did in it cancels out.
    fn ratio(&self, floor: &Self) -> f64 {
        let cost = |report: &Report| report.server.map_or(f64::NAN, |used| used.cpu_seconds_per_gb);
        median(self.0.iter().zip(floor.0).map(|(mine, floor)| cost(mine) / cost(floor)).collect())
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.retain(|value| value.is_finite());
    values.sort_unstable_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        count if count % 2 == 1 => values[count / 2],
        count => (values[count / 2 - 1] + values[count / 2]) / 2.0,
    }
}

/// A number, or a dash where there is none.
struct Number(f64, usize);

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(value, decimals) = *self;
        if value.is_finite() { write!(f, "{value:.decimals$}") } else { f.write_str("-") }
    }
}

/// All tables.
pub fn tables(comparison: &Comparison, reports: &Reports) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = fan_out(&mut out, comparison, reports);
    let _ = slow(&mut out, comparison, reports);
    let _ = idle(&mut out, comparison, reports);
    let _ = targets(&mut out, comparison, reports);
    out
}

fn fan_out(out: &mut String, comparison: &Comparison, reports: &Reports) -> fmt::Result {
    writeln!(out, "### Fan-out\n")?;
    writeln!(
        out,
        "| viewers | server | CPU s/GB | x floor | fps min / median | MB/s | latency p50 / p99, ms | \
         first picture p50 / p99, ms | bad / disorder / missed / lost | peak RSS, MB | switches/s | threads |"
    )?;
    writeln!(out, "|---:|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|")?;
    for (&(case, index), rounds) in reports {
        let Case::Viewers(viewers) = case else { continue };
        let row = Row(rounds);
        let ratio = reports.get(&(case, 0)).map_or(f64::NAN, |floor| row.ratio(&Row(floor)));
        let latency = |report: &Report| report.latency_ms;
        let first = |report: &Report| report.first_picture_ms;
        writeln!(
            out,
            "| {viewers} | {} | {} | {} | {} / {} | {} | {} / {} | {} / {} | {} / {} / {} / {} | {} | {} | {} |",
            comparison.servers[index].name,
            Number(row.server(|used| used.cpu_seconds_per_gb), 3),
            Number(ratio, 2),
            Number(row.median(|report| report.fps.min), 1),
            Number(row.median(|report| report.fps.median), 1),
            Number(row.median(|report| report.mb_per_second), 1),
            Number(row.tail(latency, |tail| tail.p50), 2),
            Number(row.tail(latency, |tail| tail.p99), 2),
            Number(row.tail(first, |tail| tail.p50), 1),
            Number(row.tail(first, |tail| tail.p99), 1),
            row.sum(|report| report.bad),
            row.sum(|report| report.disorder),
            row.sum(|report| report.missed),
            row.sum(|report| report.lost.values().sum::<usize>() as u64),
            Number(row.server(|used| used.resident_mb_peak), 1),
            Number(row.server(|used| used.switches_per_second), 0),
            Number(row.server(|used| used.threads as f64), 0),
        )?;
    }
    writeln!(out)
}

fn slow(out: &mut String, comparison: &Comparison, reports: &Reports) -> fmt::Result {
    if comparison.slow.is_zero() {
        return Ok(());
    }
    let seconds = comparison.slow.as_secs_f64();
    writeln!(out, "### One viewer at 100 kB/s among 8, {seconds:.0} s\n")?;
    writeln!(
        out,
        "| server | the 8: fps min / median | the 8: latency p50 / p99, ms | slow: fps | slow: age p50 / max, s | \
         RSS begin / end, MB |"
    )?;
    writeln!(out, "|---|---:|---:|---:|---:|---:|")?;
    for (&(_, index), rounds) in reports.iter().filter(|((case, _), _)| *case == Case::Slow) {
        let row = Row(rounds);
        let latency = |report: &Report| report.latency_ms;
        let age = |report: &Report| report.slow.as_ref().and_then(|slow| slow.age_ms);
        writeln!(
            out,
            "| {} | {} / {} | {} / {} | {} | {} / {} | {} / {} |",
            comparison.servers[index].name,
            Number(row.median(|report| report.fps.min), 1),
            Number(row.median(|report| report.fps.median), 1),
            Number(row.tail(latency, |tail| tail.p50), 2),
            Number(row.tail(latency, |tail| tail.p99), 2),
            Number(row.median(|report| report.slow.as_ref().map_or(f64::NAN, |slow| slow.fps.median)), 2),
            Number(row.tail(age, |tail| tail.p50) / 1e3, 2),
            Number(row.tail(age, |tail| tail.max) / 1e3, 2),
            Number(row.server(|used| used.resident_mb_begin), 1),
            Number(row.server(|used| used.resident_mb), 1),
        )?;
    }
    writeln!(out)
}

fn idle(out: &mut String, comparison: &Comparison, reports: &Reports) -> fmt::Result {
    writeln!(out, "### No viewers\n")?;
    writeln!(out, "| server | CPU, % of a core | switches/s | RSS, MB |")?;
    writeln!(out, "|---|---:|---:|---:|")?;
    for (&(_, index), rounds) in reports.iter().filter(|((case, _), _)| *case == Case::Idle) {
        let row = Row(rounds);
        writeln!(
            out,
            "| {} | {} | {} | {} |",
            comparison.servers[index].name,
            Number(row.server(|used| used.cpu_percent), 3),
            Number(row.server(|used| used.switches_per_second), 0),
            Number(row.server(|used| used.resident_mb), 1),
        )?;
    }
    writeln!(out)
}

/// The targets for eyelet, and what was measured.
fn targets(out: &mut String, comparison: &Comparison, reports: &Reports) -> fmt::Result {
    if !comparison.servers.iter().any(Server::is_eyelet) {
        return Ok(());
    }
    writeln!(out, "### Targets\n")?;
    writeln!(out, "| server | what | at most | measured | met |")?;
    writeln!(out, "|---|---|---:|---:|---|")?;
    let held = folder_bytes(comparison) / 1e6;
    let eyelets = comparison.servers.iter().enumerate().filter(|(_, server)| server.is_eyelet());
    for (index, server) in eyelets {
        let row = |case| reports.get(&(case, index)).map(|rounds| Row(rounds));
        let of = |case, value: &dyn Fn(&Row<'_>) -> f64| row(case).map_or(f64::NAN, |row| value(&row));
        let ratio = |case| {
            let floor = reports.get(&(case, 0)).map(|rounds| Row(rounds));
            floor.map_or(f64::NAN, |floor| of(case, &|row| row.ratio(&floor)))
        };
        let cost = |case| of(case, &|row| row.server(|used| used.cpu_seconds_per_gb));
        let latency =
            |case, value: &dyn Fn(&Tail) -> f64| of(case, &|row| row.tail(|report| report.latency_ms, value));
        let first = of(Case::Viewers(64), &|row| row.tail(|report| report.first_picture_ms, |tail| tail.p99));
        let memory = of(Case::Viewers(64), &|row| row.server(|used| used.resident_mb_peak)) - held;
        let age = |row: &Row<'_>| {
            row.tail(|report| report.slow.as_ref().and_then(|slow| slow.age_ms), |tail| tail.max) / 1e3
        };
        let fps = of(Case::Slow, &|row| row.median(|report| report.fps.min));
        let idle = of(Case::Idle, &|row| row.server(|used| used.cpu_percent));
        let latency_at_1 = latency(Case::Viewers(1), &|tail| tail.p99 / tail.p50);
        let at_most = [
            ("CPU s/GB at 64 viewers, x floor", 0.65, ratio(Case::Viewers(64))),
            ("latency p50 at 8 viewers, ms", 0.3, latency(Case::Viewers(8), &|tail| tail.p50)),
            ("latency at 1 viewer, p99 / p50 (on an idle machine)", 2.0, latency_at_1),
            ("first picture p99 of 64 at once, ms", 50.0, first),
            ("peak RSS at 64 viewers beyond the pictures, MB", 6.0, memory),
            ("CPU without viewers, % of a core", 0.1, idle),
            (
                "CPU s/GB at 1000 viewers, x that at 64",
                1.2,
                cost(Case::Viewers(1000)) / cost(Case::Viewers(64)),
            ),
            ("age of the slow viewer's pictures, max, s", 1.2, of(Case::Slow, &age)),
            ("fps lost by the 8 beside the slow one", 0.1, f64::from(FPS) - fps),
        ];
        for (what, target, measured) in at_most {
            let met = match measured {
                measured if measured.is_nan() => "not measured",
                measured if measured <= target => "yes",
                _ => "**no**",
            };
            writeln!(out, "| {} | {what} | {target} | {} | {met} |", server.name, Number(measured, 3))?;
        }
    }
    Ok(())
}

fn folder_bytes(comparison: &Comparison) -> f64 {
    let files = std::fs::read_dir(&comparison.pictures).into_iter().flatten();
    files.filter_map(|file| Some(file.ok()?.metadata().ok()?.len() as f64)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn median_skips_nan_and_number_prints_a_dash_for_it() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), 2.5);
        assert_eq!(median(vec![f64::NAN, 1.0]), 1.0);
        assert!(median(vec![]).is_nan());
        assert_eq!(Number(f64::NAN, 2).to_string(), "-");
        assert_eq!(Number(0.456, 2).to_string(), "0.46");
    }
}
