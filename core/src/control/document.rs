//! What can be changed, as clients read it.

use super::values::{FPS, QUALITY, SIZE, shown};
use crate::{
    feed::{CameraSettings, Hub},
    rate,
};
use eyelet_hal::{ControlKind, Mode, Modes};
use serde::Serialize;
use serde_json::{Value, json};

#[derive(Serialize)]
struct Document {
    controls: Vec<Control>,
}

/// One thing that can be changed. What does not apply to its type is left out.
#[derive(Default, Serialize)]
struct Control {
    name: String,
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Value::is_null")]
    min: Value,
    #[serde(skip_serializing_if = "Value::is_null")]
    max: Value,
    #[serde(skip_serializing_if = "Value::is_null")]
    step: Value,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    choices: Vec<Choice>,
    #[serde(skip_serializing_if = "Value::is_null")]
    default: Value,
    #[serde(skip_serializing_if = "Value::is_null")]
    value: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    unit: Option<&'static str>,
    /// It has no effect now, or cannot be set.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    inactive: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    read_only: bool,
}

#[derive(Serialize)]
struct Choice {
    value: Value,
    label: String,
}

/// What can be changed about this camera and what it is now: JSON in one line.
pub(crate) fn document(hub: &Hub) -> String {
    let settings = &hub.settings;
    let controls = settings.with_camera(|camera| {
        // It may have been changed together with the camera.
        let mut controls = vec![Control {
            name: QUALITY.to_owned(),
            kind: "integer",
            min: 1.into(),
            max: 100.into(),
            step: 1.into(),
            default: settings.default_quality().get().into(),
            value: settings.quality().get().into(),
            unit: Some("percent"),
            ..Control::default()
        }];
        let Some(CameraSettings { compressed, controls: own, modes }) = camera else { return controls };
        controls[0].inactive = *compressed && own.iter().all(|control| control.name != QUALITY);
        if let Some((modes, original)) = modes {
            controls.extend(of_modes(modes, *original));
        }
        let hidden = |name: &str| [QUALITY, SIZE, FPS].contains(&name);
        controls.extend(own.iter().filter(|control| !hidden(&control.name)).map(of_camera));
        controls
    });
    // Strings and numbers always serialise.
    serde_json::to_string(&Document { controls }).unwrap_or_default()
}

/// The size and the rate, where the camera has more than one.
fn of_modes(modes: &Modes, original: Mode) -> impl Iterator<Item = Control> {
    let sizes = (modes.sizes.len() > 1).then(|| Control {
        name: SIZE.to_owned(),
        kind: "menu",
        choices: modes
            .sizes
            .iter()
            .map(|size| Choice { value: shown(*size).into(), label: shown(*size) })
            .collect(),
        default: shown(original.size).into(),
        value: shown(modes.now.size).into(),
        ..Control::default()
    });
    let fps = (modes.fps.0 < modes.fps.1).then(|| Control {
        name: FPS.to_owned(),
        kind: "number",
        min: per_second(modes.fps.0),
        max: per_second(modes.fps.1),
        default: per_second(original.fps),
        value: per_second(modes.now.fps),
        ..Control::default()
    });
    sizes.into_iter().chain(fps)
}

/// A rate as people write it.
fn per_second(fps: f64) -> Value {
    let rounded = rate::shown(fps);
    if rounded.fract() == 0.0 { json!(rounded as i64) } else { json!(rounded) }
}

fn of_camera(control: &eyelet_hal::Control) -> Control {
    let mut shown = Control {
        name: control.name.clone(),
        default: control.default.into(),
        value: control.value.map_or(Value::Null, Value::from),
        inactive: control.inactive,
        read_only: control.read_only,
        ..Control::default()
    };
    match &control.kind {
        ControlKind::Integer { min, max, step } => {
            (shown.kind, shown.min, shown.max) = ("integer", (*min).into(), (*max).into());
            shown.step = (*step).max(1).into();
        }
        ControlKind::Boolean => {
            shown.kind = "boolean";
            shown.default = (control.default != 0).into();
            shown.value = control.value.map_or(Value::Null, |value| (value != 0).into());
        }
        ControlKind::Menu(items) => {
            shown.kind = "menu";
            let choice =
                |(value, label): &(i64, String)| Choice { value: (*value).into(), label: label.clone() };
            shown.choices = items.iter().map(choice).collect();
        }
        ControlKind::Button => {
            shown.kind = "button";
            shown.default = Value::Null;
        }
        // Kinds that come later.
        _ => shown.kind = "integer",
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use eyelet_hal::Control as Own;

    #[test]
    fn document_has_what_applies_to_each_type_and_nothing_else() {
        let hub = Hub::default();
        let mut auto = Own::new("auto", ControlKind::Boolean, 1, Some(0));
        auto.inactive = true;
        let controls = vec![
            Own::new("gain", ControlKind::Integer { min: -1, max: 9, step: 2 }, 3, None),
            auto,
            Own::new("mains", ControlKind::Menu(vec![(1, "50 Hz".to_owned())]), 1, Some(1)),
            Own::new("reset", ControlKind::Button, 0, None),
            Own::new("fps", ControlKind::Boolean, 0, None),
        ];
        let (now, original) = (Mode { size: (4, 2), fps: 29.97 }, Mode { size: (8, 6), fps: 30.0 });
        let modes = Some((Modes::new(now, vec![(8, 6)], (1.0, 30.0)), original));
        hub.settings.set_camera(Some(CameraSettings { compressed: true, controls, modes }));
        let document: Value = serde_json::from_str(&document(&hub)).unwrap();
        let choices = json!([{ "value": "4x2", "label": "4x2" }, { "value": "8x6", "label": "8x6" }]);
        assert_eq!(
            document["controls"],
            json!([
                { "name": "quality", "type": "integer", "min": 1, "max": 100, "step": 1, "default": 80, "value": 80,
                  "unit": "percent", "inactive": true },
                { "name": "size", "type": "menu", "choices": choices, "default": "8x6", "value": "4x2" },
                { "name": "fps", "type": "number", "min": 1, "max": 30, "default": 30, "value": 29.97 },
                { "name": "gain", "type": "integer", "min": -1, "max": 9, "step": 2, "default": 3 },
                { "name": "auto", "type": "boolean", "default": true, "value": false, "inactive": true },
                { "name": "mains", "type": "menu", "choices": [{ "value": 1, "label": "50 Hz" }], "default": 1, "value": 1 },
                { "name": "reset", "type": "button" },
            ])
        );
    }
}
