//! `doctor`: what there is, what is missing, and the remedy.

use super::{Devices, DoctorArgs, Failure, Outcome, Output, capture};
use eyelet_hal::{
    PixelFormat, StreamFormat,
    conformance::{self, CameraExpectations, EncoderExpectations, Report},
};
use serde::Serialize;
use std::{fmt, time::Duration};

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
    output.log(&args.camera.log)?;
    if args.conformance {
        return conform::<D>(args, output);
    }
    let findings = D::doctor(&args.camera.own);
    if args.json { print_json(&findings, output) } else { output.print(findings.to_string().trim_end()) }
}

/// One check of the contract, for JSON.
#[derive(Serialize)]
struct Check<'a> {
    name: &'a str,
    outcome: &'static str,
    reason: Option<&'a str>,
}

/// Runs the HAL's contract against the camera and the encoder that the flags name.
fn conform<D: Devices>(args: &DoctorArgs<D::Flags>, output: &Output) -> Outcome {
    let mut camera = capture::camera::<D>(&args.camera)?;
    let mut encoder = D::encoder(&args.camera.encoder, &args.camera.own)?;
    let supported = PixelFormat::ALL
        .into_iter()
        .filter(|&pixel| StreamFormat::new(pixel, 640, 480).is_some_and(|format| encoder.supports(format)));
    let expected = EncoderExpectations::supporting(supported.collect::<Vec<_>>());
    let reports = [
        conformance::camera(&mut *camera, &expected_of_camera(args.camera.fps.period())),
        conformance::encoder(&mut *encoder, &expected),
    ];
    if args.json {
        let report = |report: &Report| {
            let checks: Vec<_> = report.checks.iter().map(check).collect();
            serde_json::json!({ "subject": report.subject, "passed": report.passed(), "checks": checks })
        };
        print_json(&reports.each_ref().map(report), output)?;
    } else {
        for report in &reports {
            output.print(report.to_string().trim_end())?;
        }
    }
    match reports.iter().flat_map(Report::failures).count() {
        0 => Ok(()),
        failed => Err(Failure::runtime(format!(
            "{failed} checks of the contract failed: see above; what is wrong is the driver or its implementation"
        ))),
    }
}

/// What a camera of this period is held to: the usual, but no more than a minute of frames.
fn expected_of_camera(period: Duration) -> CameraExpectations {
    let mut expected = CameraExpectations::default();
    expected.frame_timeout = expected.frame_timeout.max(period.saturating_mul(3));
    let in_a_minute = (60.0 / period.as_secs_f64().max(0.001)) as u32;
    expected.frames = expected.frames.min(in_a_minute.max(8));
    expected
}

fn check(check: &conformance::Check) -> Check<'_> {
    let (outcome, reason) = match &check.outcome {
        conformance::Outcome::Passed => ("passed", None),
        conformance::Outcome::Failed(reason) => ("failed", Some(reason.as_str())),
        conformance::Outcome::Skipped(reason) => ("skipped", Some(reason.as_str())),
    };
    Check { name: &check.name, outcome, reason }
}

fn print_json(value: &impl Serialize, output: &Output) -> Outcome {
    // Strings, numbers and lists always serialise.
    output.print(&serde_json::to_string_pretty(value).unwrap_or_default())
}
