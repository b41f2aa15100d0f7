//! From the values that a client wants to what the camera is asked.

use super::request::Wanted;
use crate::{
    feed::{CameraSettings, CameraValues},
    rate,
};
use eyelet_hal::{Control, ControlKind, Modes, Quality};
use serde_json::Value;
use std::collections::BTreeMap;

/// Names that are not a camera's own controls. A camera that encodes by itself may have one of the first name.
pub(super) const QUALITY: &str = "quality";
pub(super) const SIZE: &str = "size";
pub(super) const FPS: &str = "fps";

/// What to change.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Checked {
    pub(super) quality: Option<Quality>,
    /// At the camera.
    pub(super) changes: CameraValues,
}

/// Checks all values.
///
/// # Errors
/// For each name whose value is wrong, what would be right.
pub(super) fn check(
    camera: Option<&CameraSettings>,
    wanted: &Wanted,
) -> Result<Checked, BTreeMap<String, String>> {
    let (mut checked, mut errors) = (Checked::default(), BTreeMap::new());
    for (name, value) in wanted {
        if let Err(what) = one(camera, name, value, wanted, &mut checked) {
            errors.insert(name.clone(), what);
        }
    }
    if errors.is_empty() { Ok(checked) } else { Err(errors) }
}

fn one(
    camera: Option<&CameraSettings>,
    name: &str,
    value: &Value,
    all: &Wanted,
    checked: &mut Checked,
) -> Result<(), String> {
    let own = camera.and_then(|camera| camera.controls.iter().find(|control| control.name == name));
    let modes = camera.and_then(|camera| camera.modes.as_ref()).map(|(modes, _)| modes);
    match (name, modes, own) {
        (QUALITY, _, own) => {
            let quality = integer(value).and_then(|number| Quality::new(u8::try_from(number).ok()?));
            let quality = quality.ok_or("a whole number from 1 to 100")?;
            checked.quality = Some(quality);
            if own.is_some() {
                checked.changes.controls.insert(name.to_owned(), quality.get().into());
            }
        }
        (SIZE, Some(modes), _) => checked.changes.size = Some(size(value, modes)?),
        (FPS, Some(modes), _) => checked.changes.fps = Some(fps(value, all.get(SIZE), modes)?),
        (_, _, Some(control)) => {
            checked.changes.controls.insert(name.to_owned(), number(value, control)?);
        }
        _ => return Err("there is no such control".to_owned()),
    }
    Ok(())
}

fn size(value: &Value, modes: &Modes) -> Result<(u32, u32), String> {
    let size = value.as_str().and_then(|text| modes.sizes.iter().find(|size| shown(**size) == text.trim()));
    size.copied().ok_or_else(|| {
        let sizes: Vec<_> = modes.sizes.iter().map(|size| shown(*size)).collect();
        match &sizes[..] {
            [only] => format!("{only} alone: the camera has no other, or the masks are for this one"),
            sizes => format!("one of {}", sizes.join(", ")),
        }
    })
}

/// A size as it is written.
pub(super) fn shown((width, height): (u32, u32)) -> String {
    format!("{width}x{height}")
}

/// A rate for this size, if it is to be another one: what rates that one has is known when the camera has changed to it.
fn fps(value: &Value, to: Option<&Value>, modes: &Modes) -> Result<f64, String> {
    let fps = match value {
        Value::String(text) => text.trim().parse().ok(),
        value => value.as_f64(),
    };
    match to {
        Some(to) if size(to, modes) != Ok(modes.now.size) => {
            fps.filter(|fps| fps.is_finite() && *fps > 0.0).ok_or_else(|| "a number above 0".to_owned())
        }
        _ => rate::within(modes.fps, fps.unwrap_or(f64::NAN)),
    }
}

/// A whole number, also one in a form's text, or one that some language writes as `80.0`.
pub(super) fn integer(value: &Value) -> Option<i64> {
    // Up to here each whole number is one of its own.
    const EXACT: f64 = (1_u64 << 53) as f64;
    let whole = |number: &f64| number.fract() == 0.0 && number.abs() < EXACT;
    match value {
        Value::String(text) => text.trim().parse().ok(),
        value => value.as_i64().or_else(|| value.as_f64().filter(whole).map(|number| number as i64)),
    }
}

fn boolean(value: &Value) -> Option<i64> {
    match value {
        Value::Bool(value) => Some((*value).into()),
        Value::String(text) => match text.trim() {
            "true" | "on" | "1" => Some(1),
            "false" | "off" | "0" => Some(0),
            _ => None,
        },
        value => integer(value),
    }
}

fn number(value: &Value, control: &Control) -> Result<i64, String> {
    if control.read_only {
        return Err("it cannot be changed while the camera runs, or at all".to_owned());
    }
    let number = match control.kind {
        ControlKind::Button => Some(1),
        ControlKind::Boolean => boolean(value),
        _ => integer(value),
    };
    number.filter(|number| control.kind.takes(*number)).ok_or_else(|| control.kind.expected())
}

#[cfg(test)]
mod tests {
    use super::*;
    use eyelet_hal::Mode;
    use proptest::prelude::*;
    use serde_json::json;

    fn camera() -> CameraSettings {
        let gain = ControlKind::Integer { min: -5, max: 5, step: 1 };
        let menu = ControlKind::Menu(vec![(0, "Disabled".to_owned()), (2, "60 Hz".to_owned())]);
        let mut fixed = Control::new("fixed", gain.clone(), 0, Some(0));
        fixed.read_only = true;
        let controls = vec![
            Control::new("gain", gain, 0, Some(0)),
            Control::new("auto", ControlKind::Boolean, 1, Some(1)),
            Control::new("mains", menu, 2, Some(2)),
            Control::new("reset", ControlKind::Button, 0, None),
            fixed,
        ];
        let now = Mode { size: (640, 480), fps: 30.0 };
        let modes = Modes::new(now, vec![(320, 240), (640, 480)], (1.0, 30.0));
        CameraSettings { compressed: false, controls, modes: Some((modes, now)) }
    }

    fn checked(wanted: Value) -> Result<Checked, BTreeMap<String, String>> {
        check(Some(&camera()), &serde_json::from_value(wanted).unwrap())
    }

    #[test]
    fn values_of_every_kind_are_read_from_json_and_from_text() {
        for wanted in [
            json!({ "gain": -3, "auto": false, "mains": 0, "reset": true, "fps": 12.5, "size": "320x240", "quality": 60 }),
            json!({ "gain": -3.0, "auto": 0.0, "mains": 0.0, "reset": 1, "fps": 12.5, "size": "320x240", "quality": 60.0 }),
            json!({ "gain": "-3", "auto": "off", "mains": "0", "reset": "", "fps": "12.5", "size": "320x240", "quality": "60" }),
        ] {
            let checked = checked(wanted).unwrap();
            let controls = [("auto", 0), ("gain", -3), ("mains", 0), ("reset", 1)];
            let controls = controls.map(|(name, value)| (name.to_owned(), value)).into();
            let changes = CameraValues { controls, size: Some((320, 240)), fps: Some(12.5) };
            assert_eq!(checked, Checked { quality: Quality::new(60), changes });
        }
    }

    #[test]
    fn wrong_values_are_told_what_would_be_right_and_nothing_is_left_to_do() {
        let errors = checked(json!({
            "gain": 6, "auto": 2, "mains": 1, "fps": -0.5, "size": "9x9", "quality": 0, "fixed": 0, "hue": 1, "reset": 1
        }));
        let right = [
            ("auto", "true or false"),
            ("fixed", "it cannot be changed while the camera runs, or at all"),
            ("fps", "a number above 0"),
            ("gain", "a whole number from -5 to 5"),
            ("hue", "there is no such control"),
            ("mains", "one of 0 (Disabled), 2 (60 Hz)"),
            ("quality", "a whole number from 1 to 100"),
            ("size", "one of 320x240, 640x480"),
        ];
        assert_eq!(errors, Err(right.map(|(name, what)| (name.to_owned(), what.to_owned())).into()));
        for value in [json!(null), json!([1]), json!({}), json!(1.5), json!("1.5"), json!(""), json!(true)] {
            assert!(checked(json!({ "gain": value })).is_err(), "{value}");
        }
        assert!(checked(json!({ "fps": "NaN" })).is_err() && checked(json!({ "fps": "inf" })).is_err());
        assert!(check(None, &serde_json::from_value(json!({ "fps": 5 })).unwrap()).is_err());
    }

    #[test]
    fn rate_is_for_the_size_that_is_wanted_with_it() {
        for (size, fps) in [("640x480", 12.5), ("320x240", 12.5), ("320x240", 60.0)] {
            let changes = checked(json!({ "size": size, "fps": fps })).unwrap().changes;
            assert_eq!(changes.fps, Some(fps), "{size}");
        }
        let errors = |size, fps| checked(json!({ "size": size, "fps": fps })).unwrap_err();
        assert_eq!(errors("640x480", json!(60))["fps"], "a number from 1 to 30");
        for fps in [json!(0), json!(-1), json!("NaN"), json!("inf"), json!(null)] {
            assert_eq!(errors("320x240", fps)["fps"], "a number above 0");
        }
        assert_eq!(errors("9x9", json!(60)).into_keys().collect::<Vec<_>>(), ["size"]);
    }

    fn any_value() -> impl Strategy<Value = Value> {
        prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            (-9i64..9).prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            "\\PC{0,9}".prop_map(Value::from),
            (-9i64..120).prop_map(|number| Value::from(number.to_string())),
            Just(json!([])),
        ]
    }

    proptest! {
        #[test]
        fn what_passes_is_in_range_and_what_does_not_has_an_error_a_name(
            wanted in proptest::collection::btree_map("gain|auto|mains|reset|fixed|fps|size|quality|hue", any_value(), 0..9)
        ) {
            let camera = camera();
            match check(Some(&camera), &wanted) {
                Ok(Checked { quality, changes }) => {
                    let asked = changes.controls.len() + usize::from(quality.is_some())
                        + usize::from(changes.size.is_some()) + usize::from(changes.fps.is_some());
                    prop_assert_eq!(asked, wanted.len());
                    for (name, value) in changes.controls {
                        let control = camera.controls.iter().find(|control| control.name == name).unwrap();
                        prop_assert!(control.kind.takes(value) && !control.read_only);
                    }
                    let rates = if changes.size == Some((320, 240)) { 0.0..=f64::MAX } else { 1.0..=30.0 };
                    prop_assert!(changes.fps.is_none_or(|fps| rates.contains(&fps)));
                }
                Err(errors) => prop_assert!(!errors.is_empty() && errors.keys().all(|name| wanted.contains_key(name))),
            }
        }
    }
}
