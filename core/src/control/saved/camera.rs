//! What clients have changed about a camera, as it is saved: a JSON object of what is not as it began.

use crate::{
    control::values::{FPS, QUALITY, SIZE, integer},
    feed::{CameraValues, Settings},
};
use eyelet_hal::Quality;
use serde_json::{Map, Value, json};

/// The object of the camera's own controls, by name.
const CONTROLS: &str = "controls";

/// A camera's values by name.
pub(super) type Members = Map<String, Value>;

pub(super) fn of(settings: &Settings) -> Members {
    let (kept, quality) = settings.kept_with_quality();
    let mut members = Members::new();
    let mut add = |name: &str, value| members.insert(name.to_owned(), value);
    if quality != settings.default_quality() {
        add(QUALITY, quality.get().into());
    }
    if let Some((width, height)) = kept.size {
        add(SIZE, json!([width, height]));
    }
    if let Some(fps) = kept.fps {
        add(FPS, fps.into());
    }
    if !kept.controls.is_empty() {
        add(CONTROLS, kept.controls.into_iter().map(|(name, value)| (name, Value::from(value))).collect());
    }
    members
}

/// Whether this is saved for a camera. One without a value is not.
pub(super) fn may_be(members: &Members) -> bool {
    [QUALITY, SIZE, FPS, CONTROLS].iter().any(|name| members.contains_key(*name))
}

/// Sets the quality now, and the rest when the camera is opened: what it does not take then, it logs. What no camera could
/// take is logged here, and left out.
pub(super) fn apply(camera: &str, members: &Members, settings: &Settings) {
    let mut kept = CameraValues::default();
    for (name, value) in members {
        if take(name, value, &mut kept, settings).is_none() {
            tracing::warn!(camera, name, "this saved value is wrong and left out");
        }
    }
    for (name, value) in members.get(CONTROLS).and_then(Value::as_object).into_iter().flatten() {
        match integer(value) {
            Some(value) => _ = kept.controls.insert(name.clone(), value),
            None => tracing::warn!(camera, name, "this saved value is wrong and left out"),
        }
    }
    settings.keep(|all| *all = kept);
}

/// Takes a value, if it can be one of this name.
fn take(name: &str, value: &Value, kept: &mut CameraValues, settings: &Settings) -> Option<()> {
    match name {
        QUALITY => settings.set_quality(Quality::new(integer(value)?.try_into().ok()?)?),
        SIZE => {
            let [width, height] = value.as_array()?.as_slice() else { return None };
            let pixels = |value| integer(value)?.try_into().ok();
            kept.size = Some((pixels(width)?, pixels(height)?));
        }
        FPS => kept.fps = Some(value.as_f64().filter(|fps| *fps > 0.0)?),
        CONTROLS => _ = value.as_object()?,
        _ => return None,
    }
    Some(())
}
