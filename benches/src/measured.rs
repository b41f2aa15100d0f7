//! What criterion measured last, in Markdown.

use serde::{Deserialize, de::DeserializeOwned};
use std::{
    collections::BTreeMap,
    fmt::{self, Write},
    fs, io,
    path::Path,
};

/// One measurement.
#[derive(Clone, Debug, PartialEq)]
pub struct Measured {
    group: String,
    function: String,
    value: Option<String>,
    throughput: Option<Throughput>,
    /// Median of the time of one iteration, in nanoseconds.
    nanos: f64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Throughput {
    Bytes(u64),
    Elements(u64),
}

#[derive(Deserialize)]
struct Benchmark {
    group_id: String,
    function_id: Option<String>,
    value_str: Option<String>,
    throughput: Option<BTreeMap<String, u64>>,
}

#[derive(Deserialize)]
struct Estimates {
    median: Estimate,
}

#[derive(Deserialize)]
struct Estimate {
    point_estimate: f64,
}

/// Reads every measurement below criterion's folder.
///
/// # Errors
/// The system's; `InvalidData` if a file is not what criterion writes.
pub fn read(folder: &Path) -> io::Result<Vec<Measured>> {
    let mut measured = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.join("new/benchmark.json").exists() {
            let benchmark: Benchmark = json(&path.join("new/benchmark.json"))?;
            let estimates: Estimates = json(&path.join("new/estimates.json"))?;
            let throughput = benchmark.throughput.and_then(|of| match of.into_iter().next()? {
                (unit, count) if unit == "Bytes" => Some(Throughput::Bytes(count)),
                (unit, count) if unit == "Elements" => Some(Throughput::Elements(count)),
                _ => None,
            });
            measured.push(Measured {
                group: benchmark.group_id,
                function: benchmark.function_id.unwrap_or_default(),
                value: benchmark.value_str,
                throughput,
                nanos: estimates.median.point_estimate,
            });
        } else if path.is_dir() {
            measured.extend(read(&path)?);
        }
    }
    Ok(measured)
}

fn json<T: DeserializeOwned>(path: &Path) -> io::Result<T> {
    serde_json::from_slice(&fs::read(path)?)
        .map_err(|e| io::Error::new(io::ErrorKind::InvalidData, format!("{}: {e}", path.display())))
}

/// A table of the encoders, with ratios, and one of all the others.
pub fn tables(mut measured: Vec<Measured>) -> String {
    measured.sort_by_key(|one| (one.group.clone(), number(one), one.function.clone()));
    let (encode, others): (Vec<_>, Vec<_>) =
        measured.into_iter().partition(|one| one.group.starts_with("encode/"));
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = encoders(&mut out, &encode);
    let _ = flat(&mut out, &others);
    out
}

/// What sizes and counts sort by: the first number in the name.
fn number(one: &Measured) -> u64 {
    let name = one.value.as_deref().unwrap_or(&one.function);
    name.split(|c: char| !c.is_ascii_digit()).find_map(|digits| digits.parse().ok()).unwrap_or(0)
}

fn encoders(out: &mut String, measured: &[Measured]) -> fmt::Result {
    if measured.is_empty() {
        return Ok(());
    }
    let mut names: Vec<&str> = measured.iter().map(|one| &one.function[..]).collect();
    names.sort_unstable();
    names.dedup();
    writeln!(out, "### Encoding a frame, ms; in parentheses x jpeg-encoder's time\n")?;
    writeln!(out, "| format and size | {} |", names.join(" | "))?;
    writeln!(out, "|---|{}", "---:|".repeat(names.len()))?;
    let mut rows: Vec<(&str, &str)> = Vec::new();
    for one in measured {
        let row = (&one.group[..], one.value.as_deref().unwrap_or_default());
        if !rows.contains(&row) {
            rows.push(row);
        }
    }
    for (group, size) in rows {
        let of = |name: &str| {
            let mut of_row = measured.iter().filter(|one| one.group == group);
            of_row.find(|one| one.function == name && one.value.as_deref() == Some(size)).map(|one| one.nanos)
        };
        write!(out, "| {} {size} |", group.trim_start_matches("encode/"))?;
        for name in &names {
            match (of(name), of("jpeg-encoder")) {
                (Some(nanos), Some(reference)) => {
                    write!(out, " {:.3} ({:.2}) |", nanos / 1e6, nanos / reference)?;
                }
                (Some(nanos), None) => write!(out, " {:.3} |", nanos / 1e6)?,
                (None, _) => out.write_str(" - |")?,
            }
        }
        writeln!(out)?;
    }
    writeln!(out)
}

fn flat(out: &mut String, measured: &[Measured]) -> fmt::Result {
    writeln!(out, "### Pipeline, stream and upload\n")?;
    writeln!(out, "| bench | median, us | a second |")?;
    writeln!(out, "|---|---:|---:|")?;
    for one in measured {
        let names = [Some(&one.group[..]), Some(&one.function[..]), one.value.as_deref()];
        let name: Vec<&str> = names.into_iter().flatten().filter(|name| !name.is_empty()).collect();
        let per_second = |count: u64| count as f64 / one.nanos * 1e9;
        let rate = match one.throughput {
            Some(Throughput::Bytes(count)) => format!("{:.0} MB", per_second(count) / 1e6),
            Some(Throughput::Elements(count)) => format!("{:.0}", per_second(count)),
            None => "-".to_owned(),
        };
        writeln!(out, "| {} | {:.1} | {rate} |", name.join("/"), one.nanos / 1e3)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(dir: &Path, name: &str, benchmark: &str, nanos: f64) {
        let new = dir.join(name).join("new");
        fs::create_dir_all(&new).unwrap();
        fs::write(new.join("benchmark.json"), benchmark).unwrap();
        fs::write(new.join("estimates.json"), format!("{{\"median\":{{\"point_estimate\":{nanos}}}}}"))
            .unwrap();
    }

    #[test]
    fn criterion_results_become_tables() {
        let dir = tempfile::tempdir().unwrap();
        let encode = |name: &str| {
            format!(
                r#"{{"group_id":"encode/nv12","function_id":"{name}","value_str":"320x240","throughput":{{"Elements":76800}}}}"#
            )
        };
        write(dir.path(), "encode_nv12/a/320x240", &encode("a"), 250_000.0);
        write(dir.path(), "encode_nv12/b/320x240", &encode("jpeg-encoder"), 1_000_000.0);
        let stream =
            r#"{"group_id":"stream","function_id":null,"value_str":"8","throughput":{"Bytes":1000}}"#;
        write(dir.path(), "stream/8", stream, 2_000.0);
        let text = tables(read(dir.path()).unwrap());
        assert!(text.contains("| nv12 320x240 | 0.250 (0.25) | 1.000 (1.00) |"), "{text}");
        assert!(text.contains("| stream/8 | 2.0 | 500 MB |"), "{text}");
    }
}
