//! `doctor`: what there is, what is missing, and the remedy.

use super::{
    stoppable::{self, Stoppable, aside},
    trial,
};
use crate::cli::{
    CameraRequest, CameraSpec, DoctorArgs, Failure, Outcome, Output, Platform, Signals,
    args::picture,
    output::stdout_is_open,
    runtime,
    setup::pipeline::{self, Check},
};
use eyelet_hal::{
    Error, ErrorKind, PixelFormat, StreamFormat,
    conformance::{self, CameraExpectations, EncoderExpectations, Report},
};
use serde::Serialize;
use std::{fmt, time::Duration};

/// What a binary finds on its machine: lines for people (`Display`), and fields for programs (`Serialize`).
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
#[derive(Clone, Debug, Default, Serialize)]
pub struct Camera {
    /// What `--camera` takes.
    pub name: String,
    /// What people call it.
    pub description: String,
    /// Its formats.
    pub formats: Vec<Format>,
    /// Its controls, and what else can be set.
    pub controls: Vec<Control>,
    /// What else was found out about it.
    pub facts: Vec<Fact>,
    /// Whether a program has it that would suffer if it were opened now; it is not tried then.
    pub in_use: bool,
}

/// Something that was found out about a camera.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fact {
    /// What it is about, in one or two words.
    pub name: &'static str,
    /// What was found.
    pub value: String,
}

/// One format of a camera.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Format {
    /// What `--format` takes; `None` if eyelet cannot use it.
    pub name: Option<String>,
    /// Its four-character code in V4L2.
    pub fourcc: Option<String>,
    /// Its sizes; empty if they are not listed.
    pub sizes: Vec<Sizes>,
    /// The line for people; empty if the name is enough.
    #[serde(skip)]
    pub line: String,
}

/// Sizes from one to another, in pixels; a single size is both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Sizes {
    /// The smallest: width and height.
    pub min: (u32, u32),
    /// The largest.
    pub max: (u32, u32),
    /// From one to the next.
    pub step: (u32, u32),
}

/// Something that can be set.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Control {
    /// The name to set it by.
    pub name: String,
    /// `integer`, `boolean`, `menu`, `button` or `bitmask`.
    pub kind: &'static str,
    /// The smallest and the largest value, and from one to the next.
    pub min: i64,
    /// See `min`.
    pub max: i64,
    /// See `min`.
    pub step: u64,
    /// The value after plugging in.
    pub default: i64,
    /// The value now, if it can be read.
    pub value: Option<i64>,
    /// The values of a menu and their names.
    pub menu: Vec<(i64, String)>,
    /// Whether it can only be read.
    pub read_only: bool,
    /// Whether it has no effect now.
    pub inactive: bool,
    /// The line for people.
    #[serde(skip)]
    pub line: String,
}

/// Something missing.
#[derive(Clone, Debug, Serialize)]
pub struct Problem {
    /// Of which kind: `not-found`, `busy`, `permission-denied`, ...
    #[serde(serialize_with = "kebab")]
    pub kind: ErrorKind,
    /// The device, if it is about one.
    pub device: Option<String>,
    /// What.
    pub what: String,
    /// What to do about it.
    pub remedy: String,
}

impl Problem {
    /// That a camera cannot be used, or something that is asked of all.
    fn of(error: &Error, device: Option<&str>) -> Self {
        Self {
            kind: error.kind(),
            device: device.map(str::to_owned),
            what: error.message().to_owned(),
            remedy: error.remedy().unwrap_or("run serve for details").to_owned(),
        }
    }
}

impl Findings {
    /// Adds a fact to the camera of this name, which may not be listed: not every name that `--camera` takes is.
    fn note(&mut self, name: &str, fact: Fact) {
        match self.cameras.iter_mut().find(|camera| camera.name == name) {
            Some(camera) => camera.facts.push(fact),
            None => {
                self.cameras.push(Camera { name: name.to_owned(), facts: vec![fact], ..Camera::default() });
            }
        }
    }
}

/// `NotFound` as `not-found`.
fn kebab<S: serde::Serializer>(kind: &ErrorKind, serializer: S) -> Result<S::Ok, S::Error> {
    let mut text = String::new();
    for c in format!("{kind:?}").chars() {
        if c.is_ascii_uppercase() && !text.is_empty() {
            text.push('-');
        }
        text.push(c.to_ascii_lowercase());
    }
    serializer.serialize_str(&text)
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for camera in &self.cameras {
            let name = format!("camera   {}  {}", camera.name, camera.description);
            writeln!(f, "{}", name.trim_end())?;
            let (plain, lines): (Vec<_>, Vec<_>) =
                camera.formats.iter().partition(|format| format.line.is_empty());
            if !plain.is_empty() {
                let names: Vec<_> = plain.iter().filter_map(|format| format.name.as_deref()).collect();
                writeln!(f, "           formats: {}", names.join(" "))?;
            }
            let lines = lines.iter().map(|format| &format.line);
            for line in lines.chain(camera.controls.iter().map(|control| &control.line)) {
                writeln!(f, "           {line}")?;
            }
            for Fact { name, value } in &camera.facts {
                writeln!(f, "           {name}: {value}")?;
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

/// The findings of a program. People paste it into reports, where it matters which one it was.
#[derive(Serialize)]
struct Found<'a> {
    program: &'static str,
    version: &'static str,
    #[serde(flatten)]
    findings: &'a Findings,
}

/// Fails if something is missing, so that a script can ask.
pub(super) fn run<D: Platform>(args: &DoctorArgs<D::Flags>, output: &Output) -> Outcome {
    stdout_is_open()?;
    output.log(&args.camera.log)?;
    if args.conformance {
        return conform::<D>(args, output);
    }
    let request = pipeline::request::<D>(&args.camera, (pipeline::device::<D>(&args.camera)?, 0));
    let runtime = runtime()?;
    let mut signals = Signals::watch(&runtime)?;
    let mut check = || signals.check(&runtime, stopped);
    let (asked, flags) = (request.clone(), args.camera.own.clone());
    let mut findings = aside(&mut check, GRACE, move |go_on| D::doctor(&asked, &flags, go_on))?;
    named::<D>(args, &request, &mut findings, &mut check)?;
    let (program, version) = (D::PROGRAM, D::VERSION);
    let text = match args.json {
        true => json(&Found { program, version, findings: &findings }),
        false => format!("program  {program} {version}\n{findings}"),
    };
    stoppable::write(output, output.line(text.trim_end()), &mut signals, &runtime)?;
    match &*findings.problems {
        [] => Ok(()),
        [Problem { what, remedy, .. }] => Err(Failure::runtime(format!("missing: {what}; {remedy}"))),
        all => Err(Failure::runtime(format!(
            "{} things are missing; each is listed above with its remedy",
            all.len()
        ))),
    }
}

/// Tries the camera that a flag names, beside what was found.
///
/// # Errors
/// If there can be no camera or encoder of that name.
fn named<D: Platform>(
    args: &DoctorArgs<D::Flags>,
    request: &CameraRequest,
    findings: &mut Findings,
    check: Check<'_>,
) -> Result<(), Failure> {
    if args.camera.encoder != "auto"
        && let Err(failure @ Failure::Usage(_)) = pipeline::encoder::<D>(&args.camera)
    {
        return Err(failure);
    }
    let edits = picture::edits(&args.camera).unwrap_or_else(|error| {
        findings.problems.push(Problem::of(&error, None));
        None
    });
    let [CameraSpec { device: name, .. }] = &*args.camera.camera else { return Ok(()) };
    let mut open = pipeline::open::<D>(&args.camera, (name, 0))?;
    if findings.cameras.iter().any(|camera| camera.name == *name && camera.in_use) {
        return Ok(());
    }
    let timeout = expected_of_camera(request.fps.period()).frame_timeout;
    let tried = match pipeline::patiently(name, check, &mut open)? {
        Ok(mut camera) => {
            if let Some(Err(error)) = edits.map(|edits| picture::check(&edits, &*camera)) {
                findings.problems.push(Problem::of(&error, Some(name)));
            }
            let mut stoppable = Stoppable::new(&mut *camera, check);
            let tried = trial::of(&mut stoppable, timeout);
            stoppable.done(tried)?
        }
        Err(error) => Err(error),
    };
    match tried {
        Ok(trial) => {
            findings.note(name, Fact { name: "frames", value: trial.to_string() });
            // There is a camera, if none that a search finds.
            findings
                .problems
                .retain(|problem| problem.device.is_some() || problem.kind != ErrorKind::NotFound);
        }
        Err(_) if findings.problems.iter().any(|problem| problem.device.as_ref() == Some(name)) => {}
        Err(error) => findings.problems.push(Problem::of(&error, Some(name))),
    }
    Ok(())
}

/// How long a search that is given up may take to end what it has started.
const GRACE: Duration = Duration::from_secs(3);

/// Whoever asked what there is does not know it.
fn stopped() -> Failure {
    Failure::runtime("stopped by a signal before everything was looked at; run it again")
}

/// One check of the contract, for JSON.
#[derive(Serialize)]
struct Checked<'a> {
    name: &'a str,
    outcome: &'static str,
    reason: Option<&'a str>,
}

/// Runs the HAL's contract against the camera and the encoder that the flags name.
fn conform<D: Platform>(args: &DoctorArgs<D::Flags>, output: &Output) -> Outcome {
    let runtime = runtime()?;
    let mut signals = Signals::watch(&runtime)?;
    let reports = reports::<D>(args, &mut || signals.check(&runtime, stopped))?;
    let text = if args.json {
        let report = |report: &Report| {
            let checks: Vec<_> = report.checks.iter().map(checked).collect();
            serde_json::json!({ "subject": report.subject, "passed": report.passed(), "checks": checks })
        };
        json(&reports.each_ref().map(report))
    } else {
        reports.each_ref().map(|report| report.to_string().trim_end().to_owned()).join("\n")
    };
    stoppable::write(output, output.line(text.trim_end()), &mut signals, &runtime)?;
    match reports.iter().flat_map(Report::failures).count() {
        0 => Ok(()),
        failed => Err(Failure::runtime(format!(
            "{failed} checks of the contract failed, listed above; fix the driver or its implementation"
        ))),
    }
}

/// How the camera and the encoder keep to the contract.
fn reports<D: Platform>(args: &DoctorArgs<D::Flags>, check: Check<'_>) -> Result<[Report; 2], Failure> {
    let mut camera = pipeline::camera::<D>(&args.camera, check)?;
    let mut encoder = pipeline::encoder::<D>(&args.camera)?;
    let supported = PixelFormat::ALL
        .into_iter()
        .filter(|&pixel| StreamFormat::new(pixel, 640, 480).is_some_and(|format| encoder.supports(format)));
    let expected = EncoderExpectations::supporting(supported.collect::<Vec<_>>());
    let mut stoppable = Stoppable::new(&mut *camera, check);
    let of_camera = conformance::camera(&mut stoppable, &expected_of_camera(args.camera.fps.period()));
    let of_camera = stoppable.done(of_camera)?;
    let mut stoppable = Stoppable::new(&mut *encoder, check);
    let of_encoder = conformance::encoder(&mut stoppable, &expected);
    Ok([of_camera, stoppable.done(of_encoder)?])
}

/// What a camera of this period is held to: the usual, but no more than a minute of frames.
fn expected_of_camera(period: Duration) -> CameraExpectations {
    let mut expected = CameraExpectations::default();
    expected.frame_timeout = expected.frame_timeout.max(period.saturating_mul(3));
    let in_a_minute = (60.0 / period.as_secs_f64().max(0.001)) as u32;
    expected.frames = expected.frames.min(in_a_minute.max(8));
    expected
}

fn checked(check: &conformance::Check) -> Checked<'_> {
    let (outcome, reason) = match &check.outcome {
        conformance::Outcome::Passed => ("passed", None),
        conformance::Outcome::Failed(reason) => ("failed", Some(reason.as_str())),
        conformance::Outcome::Skipped(reason) => ("skipped", Some(reason.as_str())),
    };
    Checked { name: &check.name, outcome, reason }
}

fn json(value: &impl Serialize) -> String {
    // Strings, numbers and lists always serialise.
    serde_json::to_string_pretty(value).unwrap_or_default()
}
