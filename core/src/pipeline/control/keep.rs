//! What was changed and is to stay.

use super::{Controls, publish::Listed};
use crate::{feed::CameraValues, rate};
use eyelet_hal::{Control, ControlKind};
use std::collections::BTreeMap;

/// The controls that did not begin with their default: with this value, or with one that another control decides.
pub(super) type Began = BTreeMap<String, Option<i64>>;

impl Controls {
    /// What to keep for when the camera is opened again, after these changes; what was set back is left to the flags and the
    /// camera. The camera lists this now.
    pub(super) fn kept_after(
        &self,
        mut kept: CameraValues,
        (list, modes): &Listed,
        changes: &CameraValues,
    ) -> CameraValues {
        let now = modes.as_ref().map(|modes| modes.now).zip(self.original);
        let own = |name: &str| list.iter().find(|control| control.name == name);
        let as_it_began = |name: &str, value: i64| {
            let Some(control) = own(name) else { return false };
            match self.began.as_ref().and_then(|began| began.get(name)) {
                None => value == control.default,
                Some(Some(began)) => value == *began,
                // Another control decided, and decides again: a driver may refuse any value then.
                Some(None) => control.inactive,
            }
        };
        if let Some((now, original)) = now {
            if changes.size.is_some() {
                kept.size = Some(now.size).filter(|size| *size != original.size);
            }
            if changes.fps.is_some() {
                kept.fps = Some(now.fps).filter(|fps| !rate::is_same(*fps, original.fps));
            }
        }
        kept.controls.extend(changes.controls.iter().map(|(name, value)| (name.clone(), *value)));
        let is_button = |name: &str| own(name).is_some_and(|control| control.kind == ControlKind::Button);
        // Which may have changed any other.
        if changes.controls.keys().any(|name| is_button(name)) {
            for (name, value) in &mut kept.controls {
                *value = own(name).and_then(|control| control.value).unwrap_or(*value);
            }
        }
        kept.controls.retain(|name, value| !is_button(name) && !as_it_began(name, *value));
        kept
    }
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
