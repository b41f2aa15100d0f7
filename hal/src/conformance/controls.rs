//! The contract of [`CameraControls`].

use super::report::{Outcome, Report, Watched, with_kind};
use crate::{CameraControls, CameraSource, Control, ControlKind, ErrorKind};

/// Checks what a camera that is open and stopped offers to change. Nothing is different afterwards.
pub(super) fn controls(camera: &mut dyn CameraSource, report: &mut Report) {
    let Some(controls) = camera.controls() else { return };
    let list = match controls.list() {
        Ok(list) => list,
        Err(e) => {
            report.add("lists its controls", Outcome::Failed(format!("list() returned {}", with_kind(&e))));
            return;
        }
    };
    report.add("has each control once", once(&list));
    let unknown = match controls.set("no such control", 0) {
        Err(e) if e.kind() == ErrorKind::InvalidInput => Outcome::Passed,
        Err(e) => Outcome::Failed(format!("set() returned {}", with_kind(&e))),
        Ok(()) => Outcome::Failed("set() returned Ok".into()),
    };
    report.add("set of what is no control is InvalidInput", unknown);
    let (mut same, mut beyond) = (Watched::default(), Watched::default());
    for control in list.iter().filter(|control| !control.read_only && !control.inactive) {
        let Some(value) = control.value.filter(|_| control.kind != ControlKind::Button) else { continue };
        same.see(match controls.set(&control.name, value) {
            Ok(()) => unchanged(controls, control),
            Err(e) => Err(format!("set({:?}, {value}) returned {}", control.name, with_kind(&e))),
        });
        let Some(outside) = outside(&control.kind) else { continue };
        beyond.see(match controls.set(&control.name, outside) {
            Err(e) if e.kind() == ErrorKind::InvalidInput => unchanged(controls, control),
            Err(e) => Err(format!("set({:?}, {outside}) returned {}", control.name, with_kind(&e))),
            Ok(()) => Err(format!("set({:?}, {outside}) returned Ok", control.name)),
        });
    }
    report.add("a control that is set to its value keeps it", same.outcome("no control has a value"));
    report
        .add("a value outside is InvalidInput and changes nothing", beyond.outcome("no control has a limit"));
}

fn once(list: &[Control]) -> Outcome {
    let twice = |at: usize| list[..at].iter().any(|other| other.name == list[at].name);
    match (0..list.len()).find(|&at| twice(at)) {
        None => Outcome::Passed,
        Some(at) => Outcome::Failed(format!("{} is listed twice", list[at].name)),
    }
}

/// A value that is none of these.
fn outside(kind: &ControlKind) -> Option<i64> {
    match kind {
        ControlKind::Integer { max, .. } => max.checked_add(1),
        ControlKind::Boolean => Some(2),
        ControlKind::Menu(items) => items.iter().map(|(item, _)| *item).max()?.checked_add(1),
        ControlKind::Button => None,
    }
}

/// That a control still has its value.
fn unchanged(controls: &mut dyn CameraControls, before: &Control) -> Result<(), String> {
    let list = controls.list().map_err(|e| format!("list() returned {}", with_kind(&e)))?;
    match list.iter().find(|control| control.name == before.name) {
        Some(control) if control.value == before.value => Ok(()),
        Some(control) => Err(format!("{} went from {:?} to {:?}", before.name, before.value, control.value)),
        None => Err(format!("{} is gone", before.name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Error, Frame, Result, StreamFormat};
    use std::time::Duration;

    #[derive(Clone, Copy, Debug, PartialEq)]
    enum Defect {
        None,
        ListsTwice,
        TakesAnyName,
        TakesAnyValue,
        ClampsValues,
        ForgetsValues,
        FailsToList,
    }

    /// A camera whose only purpose is its one control.
    struct Lamp(Defect, i64);

    impl CameraSource for Lamp {
        fn name(&self) -> &str {
            "lamp"
        }
        fn format(&self) -> StreamFormat {
            unreachable!()
        }
        fn start(&mut self) -> Result<()> {
            Ok(())
        }
        fn next_frame(&mut self, _: Duration) -> Result<Frame<'_>> {
            unreachable!()
        }
        fn stop(&mut self) -> Result<()> {
            Ok(())
        }
        fn controls(&mut self) -> Option<&mut dyn CameraControls> {
            Some(self)
        }
    }

    impl CameraControls for Lamp {
        fn list(&mut self) -> Result<Vec<Control>> {
            if self.0 == Defect::FailsToList {
                return Err(Error::new(ErrorKind::Other, "no list"));
            }
            let kind = ControlKind::Integer { min: 0, max: 9, step: 1 };
            let count = if self.0 == Defect::ListsTwice { 2 } else { 1 };
            Ok(vec![Control::new("light", kind, 0, Some(self.1)); count])
        }
        fn set(&mut self, name: &str, value: i64) -> Result<()> {
            match self.0 {
                Defect::TakesAnyName if name != "light" => return Ok(()),
                Defect::TakesAnyValue => {}
                Defect::ClampsValues if value > 9 => {
                    self.1 = 9;
                    return Err(Error::new(ErrorKind::InvalidInput, "too much"));
                }
                _ => _ = self.find(name, value)?,
            }
            self.1 = if self.0 == Defect::ForgetsValues { 0 } else { value };
            Ok(())
        }
    }

    #[test]
    fn each_defect_of_controls_is_found() {
        for (defect, found) in [
            (Defect::None, None),
            (Defect::ListsTwice, Some("has each control once")),
            (Defect::TakesAnyName, Some("set of what is no control is InvalidInput")),
            (Defect::TakesAnyValue, Some("set of what is no control is InvalidInput")),
            (Defect::ClampsValues, Some("a value outside is InvalidInput and changes nothing")),
            (Defect::ForgetsValues, Some("a control that is set to its value keeps it")),
            (Defect::FailsToList, Some("lists its controls")),
        ] {
            let mut report = Report::new("lamp");
            controls(&mut Lamp(defect, 5), &mut report);
            let first = report.failures().next().map(|check| check.name.as_str());
            assert_eq!(first, found, "{defect:?}: {report}");
        }
    }
}
