//! The controls that a driver lists, whatever its answers.

use super::{ControlInfo, ControlKind, normalise};
use crate::{
    driver::{Driver, is_end, is_gone},
    enumerate::{FAILURES, MOST},
    sys::*,
    text::text,
};
use rustix::io::Errno;
use std::{io, ops::RangeInclusive};

/// The identifiers of standard controls, which lie close together: of the picture, and of the lens.
const STANDARD: [RangeInclusive<u32>; 2] = [0x0098_0900..=0x0098_093f, 0x009a_0900..=0x009a_093f];

/// Every control that has a number or is a button, and the first error that left one out.
pub(crate) fn list(driver: &dyn Driver) -> (Vec<ControlInfo>, Option<io::Error>) {
    let mut controls: Vec<ControlInfo> = Vec::new();
    let (mut failed, mut failures) = (None, 0);
    let mut last = 0;
    for _ in 0..MOST {
        let raw = match driver.control_after(last) {
            Ok(raw) if raw.id <= last => break, // a driver that goes round in circles
            Ok(raw) => raw,
            Err(e) => {
                // A device without controls.
                if Errno::from_io_error(&e) == Some(Errno::NOTTY) {
                    break;
                }
                // The end, or a control that cannot be read, which must not hide those behind it.
                if !is_end(&e) {
                    failures += 1;
                    let enough = is_gone(&e) || failures == FAILURES;
                    failed.get_or_insert(e);
                    if enough {
                        break;
                    }
                }
                match next_standard(driver, last) {
                    Some((_, Some(raw))) => raw,
                    Some((id, None)) => {
                        last = id;
                        continue;
                    }
                    None => break,
                }
            }
        };
        last = raw.id;
        let menu = |index| driver.menu_item(raw.id, index);
        if let Some(mut control) = describe(&raw, menu) {
            if control.kind != ControlKind::Button {
                control.value = driver.value(raw.id, raw.type_).ok();
            }
            // What has the name of another could not be set.
            let name = control.name.clone();
            for number in 2.. {
                if controls.iter().all(|other| other.name != control.name) {
                    break;
                }
                control.name = format!("{name}_{number}");
            }
            controls.push(control);
        }
    }
    (controls, failed)
}

/// The next standard control after `id` that is there, and its description if it can be read.
fn next_standard(driver: &dyn Driver, id: u32) -> Option<(u32, Option<v4l2_query_ext_ctrl>)> {
    STANDARD.into_iter().flatten().filter(|next| *next > id).find_map(|id| match driver.control_at(id) {
        Ok(raw) => Some((id, Some(v4l2_query_ext_ctrl { id, ..raw }))),
        Err(e) if is_end(&e) => None,
        Err(_) => Some((id, None)),
    })
}

/// A control as the kernel describes it; `None` for those that people cannot set by a number.
pub(crate) fn describe(
    raw: &v4l2_query_ext_ctrl,
    menu: impl Fn(u32) -> io::Result<[u8; 32]>,
) -> Option<ControlInfo> {
    let has = |flag: u32| raw.flags & flag != 0;
    if has(V4L2_CTRL_FLAG_DISABLED) || raw.nr_of_dims > 0 {
        return None;
    }
    let items = |name: fn(&[u8; 32]) -> String| {
        // The API allows 2^32 items; real menus have a dozen, with holes.
        let first = raw.minimum.max(0);
        let indices = first..=raw.maximum.min(first.saturating_add(i64::from(MOST) - 1));
        let mut failures = 0;
        let mut items = Vec::new();
        for index in indices {
            match u32::try_from(index).map(&menu) {
                Ok(Ok(item)) => items.push((index, name(&item))),
                Ok(Err(e)) if is_end(&e) => {}
                _ => failures += 1,
            }
            if failures == FAILURES {
                break;
            }
        }
        // One whose items cannot be read is set by number.
        if items.is_empty() { ControlKind::Integer } else { ControlKind::Menu(items) }
    };
    let kind = match raw.type_ {
        V4L2_CTRL_TYPE_INTEGER | V4L2_CTRL_TYPE_INTEGER64 => ControlKind::Integer,
        V4L2_CTRL_TYPE_BOOLEAN => ControlKind::Boolean,
        V4L2_CTRL_TYPE_MENU => items(|bytes| text(bytes)),
        V4L2_CTRL_TYPE_INTEGER_MENU => {
            items(|bytes| i64::from_ne_bytes(bytes[..8].try_into().unwrap_or_default()).to_string())
        }
        V4L2_CTRL_TYPE_BUTTON => ControlKind::Button,
        V4L2_CTRL_TYPE_BITMASK => ControlKind::Bitmask,
        _ => return None,
    };
    let mut name = normalise(&text(&raw.name.map(|c| c as u8)));
    if name.is_empty() {
        name = format!("control_{:08x}", raw.id);
    }
    Some(ControlInfo {
        name,
        kind,
        minimum: raw.minimum,
        maximum: raw.maximum,
        step: raw.step,
        default: raw.default_value,
        value: None,
        // Grabbed ones while frames are captured.
        read_only: has(V4L2_CTRL_FLAG_READ_ONLY) || has(V4L2_CTRL_FLAG_GRABBED),
        inactive: has(V4L2_CTRL_FLAG_INACTIVE),
        id: raw.id,
    })
}
