//! What was changed and is to stay.

use super::{Controls, publish::Listed};
use crate::{feed::CameraValues, rate};
use eyelet_hal::{Control, ControlKind};
use std::collections::BTreeMap;

/// The controls that did not begin with their default: with this value, or with one that another control decides.
pub(super) type Began = BTreeMap<String, Option<i64>>;

impl Controls {
    /// What to keep for when the camera is opened again, after these changes; what was set back is left to the flags and the
    /// camera. The camera had listed the controls `before`, and lists this now: nothing if it cannot.
    pub(super) fn kept_after(
        &self,
        mut kept: CameraValues,
        before: &[Control],
        (now, modes): &Listed,
        changes: &CameraValues,
    ) -> CameraValues {
        if let Some(original) = self.original {
            let mode = modes.as_ref().map_or_else(|| changes.mode(original), |modes| modes.now);
            if changes.size.is_some() {
                kept.size = Some(mode.size).filter(|size| *size != original.size);
            }
            if changes.fps.is_some() {
                kept.fps = Some(mode.fps).filter(|fps| !rate::is_same(*fps, original.fps));
            }
        }
        let is_button = |name: &str| find(before, name).is_some_and(|own| own.kind == ControlKind::Button);
        let set = changes.controls.iter().filter(|(name, _)| !is_button(name));
        kept.controls.extend(set.map(|(name, value)| (name.clone(), *value)));
        // Which may have changed any other, but for those that an automatic mode decides.
        if changes.controls.keys().any(|name| is_button(name)) {
            for (name, value) in &mut kept.controls {
                let now = find(now, name).filter(|control| !control.inactive);
                *value = now.and_then(|control| control.value).unwrap_or(*value);
            }
        }
        let as_it_began = |name: &str, value: i64| {
            let Some(control) = find(now, name) else { return false };
            match self.began.as_ref().and_then(|began| began.get(name)) {
                None => value == control.default,
                Some(Some(began)) => value == *began,
                // Another control decided, and decides again from now on: a driver may refuse any value then.
                Some(None) => {
                    let decided = find(before, name).is_none_or(|before| before.inactive);
                    let is_wanted = value != control.default && changes.controls.contains_key(name);
                    control.inactive && !decided && !is_wanted
                }
            }
        };
        kept.controls.retain(|name, value| !as_it_began(name, *value));
        kept
    }
}

fn find<'a>(list: &'a [Control], name: &str) -> Option<&'a Control> {
    list.iter().find(|control| control.name == name)
}

/// What these controls began with. Where a value was kept, a camera that remembers it begins with that one, not with its own.
pub(super) fn began(list: &[Control], kept: &CameraValues) -> Began {
    let of = |control: &Control| match control {
        Control { inactive: true, .. } => Some((control.name.clone(), None)),
        Control { name, value: Some(value), .. } if !kept.controls.contains_key(name) => {
            (*value != control.default).then(|| (name.clone(), Some(*value)))
        }
        _ => None,
    };
    list.iter().filter_map(of).collect()
}
