//! `doctor`: what there is, what is missing, and the remedy.

use super::{Devices, DoctorArgs, Outcome, Output};
use serde::Serialize;
use std::fmt;

/// What a binary finds on its machine.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Findings {
    /// The cameras.
    pub cameras: Vec<Camera>,
    /// The encoders, best first; `auto` takes the first.
    pub encoders: Vec<String>,
    /// What is missing.
    pub problems: Vec<Problem>,
}

/// One camera.
#[derive(Clone, Debug, Serialize)]
pub struct Camera {
    /// What `--camera` takes.
    pub name: String,
    /// What people call it.
    pub description: String,
    /// Formats, sizes and rates, one line each.
    pub formats: Vec<String>,
    /// Controls, one line each.
    pub controls: Vec<String>,
}

/// Something missing.
#[derive(Clone, Debug, Serialize)]
pub struct Problem {
    /// What.
    pub what: String,
    /// What to do about it.
    pub remedy: String,
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for camera in &self.cameras {
            writeln!(f, "camera   {}  {}", camera.name, camera.description)?;
            for line in camera.formats.iter().chain(&camera.controls) {
                writeln!(f, "           {line}")?;
            }
        }
        for encoder in &self.encoders {
            writeln!(f, "encoder  {encoder}")?;
        }
        for problem in &self.problems {
            writeln!(f, "missing  {}; {}", problem.what, problem.remedy)?;
        }
        if self.problems.is_empty() {
            writeln!(f, "nothing is missing")?;
        }
        Ok(())
    }
}

pub(super) fn run<D: Devices>(args: &DoctorArgs<D::Flags>, output: &Output) -> Outcome {
    let findings = D::doctor(&args.own);
    if args.json {
        // Strings always serialise.
        output.print(&serde_json::to_string_pretty(&findings).unwrap_or_default());
    } else {
        output.print(findings.to_string().trim_end());
    }
    Ok(())
}
