//! What `doctor` says about the built-in camera.
//!
//! It looks and does not touch: the first program to open the scaler resets it, so it asks the scaler only while another has
//! it open, and imports MaixPy only while none has the camera.

mod carveout;
#[cfg(test)]
mod tests;

use super::{
    CsiCamera, CsiConfig, Patience,
    config::{CONTROLS, HEIGHTS, WIDTHS},
    holders::{self, Holder, Holders, Role},
    python,
};
use crate::sys::{Code, Node, Scaler, System};
use carveout::{Carveout, mib};
use eyelet_core::cli::{Camera, Control, Fact, Format, Problem, Size, Sizes};
use eyelet_hal::{ErrorKind, PixelFormat};
use std::{fs, ops::RangeInclusive, path::Path, time::Duration};

/// What `--camera` calls it.
const NAME: &str = CsiCamera::NAME;

/// Where MaixPy's first camera comes out of the scaler.
const GROUP: i32 = 0;
const CHANNEL: i32 = 0;

/// How long MaixPy's import may take on a slow card, and how long it has to end. It has no camera that it would have to close.
const IMPORT: Patience =
    Patience { open: Duration::from_secs(20), stop: Duration::ZERO, end: Duration::from_secs(1) };

/// The tuning of the image processor for the sensor.
const TUNING: &str = "mnt/cfg/param/cvi_sdr_bin";

/// The allocator's list, if debugfs is mounted.
const CARVEOUT: &str = "sys/kernel/debug/ion/cvi_carveout_heap_dump/summary";

/// What was found out about the built-in camera.
#[derive(Debug)]
pub(crate) struct Examined {
    /// The camera; `None` without MaixPy, which such a board may well do without.
    pub(crate) camera: Option<Camera>,
    /// What is missing.
    pub(crate) problems: Vec<Problem>,
}

/// Examines the board below `root`, which is `/` except in tests, for as long as `go_on` says so. `None` on a machine that has
/// no such camera.
pub(crate) fn examine(
    root: &Path,
    system: &dyn System,
    size: Size,
    go_on: &dyn Fn() -> bool,
) -> Option<Examined> {
    Examination::of(root, system, size, go_on)
}

/// One examination under way.
struct Examination<'a> {
    root: &'a Path,
    facts: Vec<Fact>,
    problems: Vec<Problem>,
}

impl Examination<'_> {
    fn of(root: &Path, system: &dyn System, size: Size, go_on: &dyn Fn() -> bool) -> Option<Examined> {
        let board = board(root);
        let nodes = ["dev/cvi-vi", "dev/cvi-vpss"].iter().any(|node| root.join(node).exists());
        if board.is_none() && !nodes {
            return None;
        }
        let mut this = Examination { root, facts: Vec::new(), problems: Vec::new() };
        if python::package(root).is_none() {
            let what = "MaixPy is not installed, which brings the built-in camera up";
            let remedy = "install the MaixCAM's own system image, or use a USB camera";
            this.problem(ErrorKind::NotFound, what, remedy);
            return Some(Examined { camera: None, problems: this.problems });
        }
        let holders = holders::scan(root);
        if let Some(board) = board {
            this.fact("board", board);
        }
        this.held(&holders);
        this.scaler(&holders, system);
        this.maixpy(&holders, go_on);
        this.tuning();
        this.memory(&holders, size);
        let Examination { facts, problems, .. } = this;
        let camera = Camera {
            name: NAME.to_owned(),
            description: "the built-in camera, by MaixPy".to_owned(),
            formats: formats(),
            controls: controls(),
            facts,
            in_use: !holders.camera.is_empty() || to_be_ended(&holders.unit).is_some(),
        };
        Some(Examined { camera: Some(camera), problems })
    }

    fn fact(&mut self, name: &'static str, value: impl Into<String>) {
        self.facts.push(Fact { name, value: value.into() });
    }

    fn problem(&mut self, kind: ErrorKind, what: impl Into<String>, remedy: impl Into<String>) {
        let device = Some(NAME.to_owned());
        self.problems.push(Problem { kind, device, what: what.into(), remedy: remedy.into() });
    }

    /// Who has it, and how to end that.
    fn held(&mut self, holders: &Holders) {
        let by = holders.camera.iter().map(Holder::to_string).collect::<Vec<_>>().join(", ");
        match &*holders.camera {
            [] if holders.incomplete => self.fact("held by", "unknown: only root may see who has it"),
            [] => self.fact("held by", "nobody"),
            _ => self.fact("held by", by.clone()),
        }
        if let Some(holder) = to_be_ended(&holders.camera) {
            self.problem(ErrorKind::Busy, format!("the built-in camera is held by {by}"), holder.remedy());
        }
        if !holders.camera.is_empty() || holders.unit.is_empty() {
            return;
        }
        let by = holders.unit.iter().map(Holder::to_string).collect::<Vec<_>>().join(", ");
        self.fact("JPEG unit", format!("held by {by}, beside which MaixPy must not open the camera"));
        if let Some(holder) = to_be_ended(&holders.unit) {
            let what = format!("the built-in camera cannot be opened while the JPEG unit is held by {by}");
            self.problem(ErrorKind::Busy, what, holder.remedy());
        }
    }

    /// Whether the camera streams now, as the scaler reports it.
    fn scaler(&mut self, holders: &Holders, system: &dyn System) {
        if !holders.scaler {
            return;
        }
        let size = |scaler: Scaler<'_>| {
            scaler.group_attr(GROUP)?;
            scaler.channel_attr(GROUP, CHANNEL).map(|attr| (attr.width, attr.height))
        };
        let state = match system.open(Node::Scaler).map(|node| size(Scaler(&*node))) {
            Ok(Ok((0, _))) => "unknown: the driver has another interface than eyelet".to_owned(),
            Ok(Ok((width, height))) => format!("streams {width}x{height}"),
            Ok(Err(refused)) if refused.code == Code::Unexist => "streams nothing".to_owned(),
            Ok(Err(refused)) => format!("unknown: {refused}"),
            Err(error) => format!("unknown: {error}"),
        };
        self.fact("scaler", state);
    }

    /// Whether MaixPy can be imported, and its version.
    fn maixpy(&mut self, holders: &Holders, go_on: &dyn Fn() -> bool) {
        let Some(interpreter) = python::interpreter(self.root) else {
            return self.problem(
                ErrorKind::NotFound,
                "there is no python3 to run MaixPy",
                "reinstall the MaixCAM's system image",
            );
        };
        // An import starts MaixPy's listeners for keys and the serial port, which the other program may have already.
        if !holders.camera.is_empty() || !holders.unit.is_empty() {
            return self.fact("MaixPy", "installed; not tried while the camera is held");
        }
        let config = CsiConfig { patience: IMPORT, ..CsiConfig::default() };
        match python::version(&interpreter, &config, go_on) {
            Ok(version) => self.fact("MaixPy", version),
            Err(why) => {
                let remedy = "reinstall MaixPy, and update the board's runtime in its settings";
                self.problem(ErrorKind::Other, format!("MaixPy cannot be imported: {why}"), remedy);
            }
        }
    }

    fn tuning(&mut self) {
        if self.root.join(TUNING).is_file() {
            return self.fact("tuning", format!("/{TUNING}"));
        }
        let what = format!("there is no /{TUNING}, which tunes exposure and colours to the sensor");
        self.problem(ErrorKind::NotFound, what, "reinstall the MaixCAM's system image");
    }

    /// Room for pictures, and what killed programs have left in it.
    fn memory(&mut self, holders: &Holders, size: Size) {
        let list = fs::read_to_string(self.root.join(CARVEOUT)).ok();
        let Some(carveout) = list.as_deref().and_then(Carveout::parse) else {
            return self.fact(
                "picture memory",
                "unknown: the kernel's list cannot be read; it needs root and debugfs",
            );
        };
        let needed = carveout::needed(size.width, size.height);
        let (free, total) = (mib(carveout.free()), mib(carveout.total));
        let wants = format!("{}x{} needs {}", size.width, size.height, mib(needed));
        self.fact("picture memory", format!("{free} of {total} free; {wants} and up to 20 MiB for the ISP"));
        // Whoever has the camera has the memory too.
        if !holders.camera.is_empty() {
            return;
        }
        // The display has pools as well, and so has a program that cannot be seen.
        if carveout.pools > 0 && !holders.vendor && !holders.incomplete {
            let (pools, bytes) = (carveout.pools, mib(carveout.pooled));
            let what = format!("{pools} pools of pictures ({bytes}) are left of a program that was killed");
            let remedy = "start the camera once, which makes MaixPy reload the drivers, or restart the board";
            self.problem(ErrorKind::OutOfMemory, what, remedy);
        } else if carveout.free() < needed {
            let what = format!("only {free} of the memory for pictures are free, and {wants}");
            let remedy = "ask for smaller pictures, or end the programs that use the display or the camera";
            self.problem(ErrorKind::OutOfMemory, what, remedy);
        }
    }
}

/// Of those that hold something, the one to end first. An eyelet is there to stay, whatever else has it may be of the launcher,
/// and what cannot be ended is in the way of everything.
fn to_be_ended(holders: &[Holder]) -> Option<&Holder> {
    let of = |role| holders.iter().find(move |holder| holder.role == role);
    [Role::Killed, Role::Launcher, Role::Other].into_iter().find_map(of)
}

/// What the two modes give.
fn formats() -> Vec<Format> {
    let sizes = Sizes {
        min: (*WIDTHS.start(), *HEIGHTS.start()),
        max: (*WIDTHS.end(), *HEIGHTS.end()),
        step: (2, 2),
    };
    let format = |pixel: PixelFormat| Format {
        name: Some(pixel.name().to_owned()),
        sizes: vec![sizes],
        ..Format::default()
    };
    [PixelFormat::Nv21, PixelFormat::Jpeg].map(format).into()
}

fn controls() -> Vec<Control> {
    let control = |(name, _, values): (&str, &str, RangeInclusive<u32>)| Control {
        name: name.to_owned(),
        kind: if *values.end() == 1 { "boolean" } else { "integer" },
        min: (*values.start()).into(),
        max: (*values.end()).into(),
        step: 1,
        line: format!("{name}: {} to {}", values.start(), values.end()),
        ..Control::default()
    };
    CONTROLS.map(control).into()
}

/// The board's name in `/boot/board`.
fn board(root: &Path) -> Option<String> {
    let text = fs::read_to_string(root.join("boot/board")).ok()?;
    let name = text.lines().find_map(|line| line.trim().strip_prefix("id="))?.trim();
    (!name.is_empty()).then(|| name.chars().filter(|c| !c.is_control()).take(40).collect())
}
