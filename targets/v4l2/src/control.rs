//! Controls: brightness, exposure and the like, by name.

use crate::{
    driver::{Driver, is_end, is_gone},
    enumerate::{FAILURES, MOST},
    error,
    sys::*,
    text::text,
};
use eyelet_hal::{Error, ErrorKind, Result};
use rustix::io::Errno;
use std::{fmt, io, ops::RangeInclusive, str::FromStr};

/// What values a control takes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ControlKind {
    /// An integer of the range.
    Integer,
    /// 0 or 1; also written `off` and `on`, `false` and `true`.
    Boolean,
    /// The number or the name of an item.
    Menu(Vec<(i64, String)>),
    /// A press: any value.
    Button,
    /// Bits of the maximum.
    Bitmask,
}

impl ControlKind {
    /// Its name in lists: `integer`, `boolean`, `menu`, `button` or `bitmask`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Integer => "integer",
            Self::Boolean => "boolean",
            Self::Menu(_) => "menu",
            Self::Button => "button",
            Self::Bitmask => "bitmask",
        }
    }
}

/// One control of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ControlInfo {
    /// The name to set it by: `white_balance_temperature`.
    pub name: String,
    /// What values it takes.
    pub kind: ControlKind,
    /// The smallest value.
    pub minimum: i64,
    /// The largest value.
    pub maximum: i64,
    /// From one value to the next; the driver rounds.
    pub step: u64,
    /// The value after plugging in.
    pub default: i64,
    /// The value now; `None` if it cannot be read.
    pub value: Option<i64>,
    /// Whether it can be set at all.
    pub read_only: bool,
    /// Whether another control (an automatic mode) makes it have no effect now.
    pub inactive: bool,
    id: u32,
}

impl fmt::Display for ControlInfo {
    /// `brightness: -64 to 64, default 0, now 12`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.values())?;
        if self.kind != ControlKind::Button {
            write!(f, ", default {}", self.default)?;
        }
        if let Some(value) = self.value {
            write!(f, ", now {value}")?;
        }
        for (flag, note) in [(self.read_only, "read only"), (self.inactive, "inactive")] {
            if flag {
                write!(f, ", {note}")?;
            }
        }
        Ok(())
    }
}

impl ControlInfo {
    /// The values it takes, in words.
    fn values(&self) -> String {
        let (minimum, maximum) = (self.minimum, self.maximum);
        match &self.kind {
            ControlKind::Integer if self.step > 1 => {
                format!("{minimum} to {maximum} in steps of {}", self.step)
            }
            ControlKind::Integer => format!("{minimum} to {maximum}"),
            ControlKind::Boolean => "off or on".to_owned(),
            ControlKind::Menu(items) => {
                let items: Vec<String> = items.iter().map(|(i, name)| format!("{i} ({name})")).collect();
                items.join(", ")
            }
            ControlKind::Button => "a button".to_owned(),
            ControlKind::Bitmask => format!("bits of {maximum:#x}"),
        }
    }

    /// The number for a value as people write it; `None` if it is not one of this control.
    fn number(&self, written: &str) -> Option<i64> {
        let written = written.trim();
        let number = match written.strip_prefix("0x") {
            Some(hex) => i64::from_str_radix(hex, 16).ok(),
            None => written.parse::<i64>().ok(),
        };
        match &self.kind {
            ControlKind::Integer => number.filter(|n| (self.minimum..=self.maximum).contains(n)),
            ControlKind::Boolean => match written {
                "on" | "true" | "1" => Some(1),
                "off" | "false" | "0" => Some(0),
                _ => None,
            },
            ControlKind::Menu(items) => items
                .iter()
                .find(|(i, name)| number == Some(*i) || normalise(name) == normalise(written))
                .map(|(i, _)| *i),
            ControlKind::Button => Some(number.unwrap_or(1)),
            ControlKind::Bitmask => number.filter(|n| *n >= 0 && n & !self.maximum == 0),
        }
    }
}

/// A control and the value to give it, written `name=value`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControlSetting {
    name: String,
    value: String,
}

impl ControlSetting {
    /// A number.
    pub(crate) fn number(name: &str, value: i64) -> Self {
        Self { name: name.to_owned(), value: value.to_string() }
    }

    /// The control's name, as [`ControlInfo::name`] writes it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The value as it was written.
    pub fn value(&self) -> &str {
        &self.value
    }
}

impl FromStr for ControlSetting {
    type Err = &'static str;
    fn from_str(s: &str) -> std::result::Result<Self, &'static str> {
        let (name, value) = s.split_once('=').ok_or("a control is set by name=value, as brightness=120")?;
        let (name, value) = (normalise(name), value.trim().to_owned());
        if name.is_empty() || value.is_empty() {
            return Err("a control needs a name and a value, as brightness=120");
        }
        Ok(Self { name, value })
    }
}

impl fmt::Display for ControlSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.name, self.value)
    }
}

/// A driver's name as v4l2-ctl writes it: lower case, an underscore for all else between letters and digits.
fn normalise(name: &str) -> String {
    let words = name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("_").to_ascii_lowercase()
}

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
fn describe(raw: &v4l2_query_ext_ctrl, menu: impl Fn(u32) -> io::Result<[u8; 32]>) -> Option<ControlInfo> {
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
        read_only: has(V4L2_CTRL_FLAG_READ_ONLY),
        inactive: has(V4L2_CTRL_FLAG_INACTIVE),
        id: raw.id,
    })
}

/// Which control, and which number.
fn resolve<'a>(
    camera: &str,
    controls: &'a [ControlInfo],
    setting: &ControlSetting,
) -> Result<(&'a ControlInfo, i64)> {
    let refuse = |why: &str, remedy: String| {
        let what = format!("cannot set {} of {camera} to {}: {why}", setting.name, setting.value);
        Error::new(ErrorKind::InvalidInput, what).with_remedy(remedy)
    };
    let Some(control) = controls.iter().find(|control| control.name == setting.name) else {
        let names: Vec<&str> = controls.iter().map(|control| control.name.as_str()).collect();
        let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        return Err(refuse("no such control", format!("it has {names}")));
    };
    if control.read_only {
        return Err(refuse("it is read only", "leave it out".to_owned()));
    }
    match control.number(&setting.value) {
        Some(number) => Ok((control, number)),
        None => Err(refuse("out of range", format!("use {}", control.values()))),
    }
}

/// Sets one of `controls`.
pub(crate) fn set(
    driver: &dyn Driver,
    camera: &str,
    controls: &[ControlInfo],
    setting: &ControlSetting,
) -> Result<()> {
    let (control, number) = resolve(camera, controls, setting)?;
    driver.set_value(control.id, number).map_err(|e| {
        let (kind, why, remedy) = match Errno::from_io_error(&e) {
            // Some drivers take less than they list.
            Some(Errno::INVAL | Errno::RANGE) => {
                let values = format!("use {}", control.values());
                (ErrorKind::InvalidInput, "the driver refuses the value", values)
            }
            // What uvcvideo returns while an automatic mode decides: from Linux 5.16 on, and before.
            Some(Errno::ACCESS | Errno::PERM | Errno::ILSEQ) => {
                let remedy = "switch the automatic mode off that decides it, if there is one";
                (ErrorKind::Busy, "it cannot be set now", remedy.to_owned())
            }
            // The answer to this one request. A camera that has failed delivers no frames either.
            Some(Errno::IO | Errno::PIPE | Errno::PROTO | Errno::TIMEDOUT | Errno::OVERFLOW) => (
                ErrorKind::Other,
                "the camera refuses it or has failed",
                "try again, or another value".to_owned(),
            ),
            _ => return error::system(&format!("set {setting} on"), camera, e),
        };
        let what = format!("cannot set {setting} on {camera}: {why}");
        Error::new(kind, what).with_remedy(remedy).with_source(e)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::fake_driver::{FIRST, named};

    fn raw(type_: u32, name: &str, minimum: i64, maximum: i64, step: u64) -> v4l2_query_ext_ctrl {
        v4l2_query_ext_ctrl { type_, minimum, maximum, step, ..named(FIRST, name.as_bytes()) }
    }

    fn control(raw: v4l2_query_ext_ctrl) -> ControlInfo {
        let items = ["Disabled", "50 Hz", "", "Auto"];
        let menu = |index: u32| {
            let item = items.get(index as usize).filter(|item| !item.is_empty()).ok_or(Errno::INVAL)?;
            let mut bytes = [0; 32];
            bytes[..item.len()].copy_from_slice(item.as_bytes());
            Ok(bytes)
        };
        describe(&raw, menu).unwrap()
    }

    fn resolved(controls: &[ControlInfo], setting: &str) -> Result<i64> {
        resolve("/dev/video0", controls, &setting.parse().unwrap()).map(|(_, number)| number)
    }

    #[test]
    fn names_are_those_of_v4l2_ctl() {
        for (name, want) in [
            ("Brightness", "brightness"),
            ("White Balance Temperature, Auto", "white_balance_temperature_auto"),
            ("Exposure (Absolute)", "exposure_absolute"),
            ("Power Line Frequency", "power_line_frequency"),
        ] {
            assert_eq!(control(raw(1, name, 0, 1, 1)).name, want);
        }
    }

    #[test]
    fn integers_keep_to_their_range() {
        let controls = [control(raw(1, "Brightness", -64, 64, 1)), control(raw(1, "Gain", 0, 255, 5))];
        assert_eq!(resolved(&controls, "brightness=-64").unwrap(), -64);
        assert_eq!(resolved(&controls, "Brightness = 0x10").unwrap(), 16);
        let error = resolved(&controls, "brightness=120").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert_eq!(
            error.to_string(),
            "cannot set brightness of /dev/video0 to 120: out of range; use -64 to 64"
        );
        assert_eq!(
            resolved(&controls, "gain=bright").unwrap_err().to_string(),
            "cannot set gain of /dev/video0 to bright: out of range; use 0 to 255 in steps of 5"
        );
        assert_eq!(
            resolved(&controls, "brightnes=1").unwrap_err().to_string(),
            "cannot set brightnes of /dev/video0 to 1: no such control; it has brightness, gain"
        );
        assert!(resolved(&[], "gain=1").unwrap_err().to_string().ends_with("it has none"));
    }

    #[test]
    fn menus_take_numbers_and_names_but_no_holes() {
        let menu = [control(raw(3, "Power Line Frequency", 0, 3, 1))];
        assert_eq!(resolved(&menu, "power_line_frequency=1").unwrap(), 1);
        assert_eq!(resolved(&menu, "power_line_frequency=auto").unwrap(), 3);
        assert_eq!(resolved(&menu, "power_line_frequency=50Hz").unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(resolved(&menu, "power_line_frequency=50 Hz").unwrap(), 1);
        let error = resolved(&menu, "power_line_frequency=2").unwrap_err().to_string();
        assert!(error.ends_with("use 0 (Disabled), 1 (50 Hz), 3 (Auto)"), "{error}");
    }

    #[test]
    fn booleans_buttons_and_bits_take_their_values() {
        let one = [control(raw(2, "Auto", 0, 1, 1))];
        assert_eq!(resolved(&one, "auto=on").unwrap(), 1);
        assert_eq!(resolved(&one, "auto=false").unwrap(), 0);
        assert!(resolved(&one, "auto=2").is_err());
        assert_eq!(resolved(&[control(raw(4, "Disconnect", 0, 0, 0))], "disconnect=press").unwrap(), 1);
        let bits = [control(raw(8, "Bits", 0, 0b101, 0))];
        assert_eq!(resolved(&bits, "bits=5").unwrap(), 5);
        assert!(resolved(&bits, "bits=2").is_err());
    }

    #[test]
    fn control_without_an_ascii_name_is_named_by_its_number() {
        assert_eq!(control(raw(1, "\u{4eae}\u{5ea6}", 0, 1, 1)).name, "control_00980900");
    }

    #[test]
    fn control_that_cannot_be_set_is_left_out_or_an_error() {
        let no_menu = |_| Err(Errno::INVAL.into());
        for type_ in [6, 7, 0x0100, 0x0107, 0xffff] {
            assert!(describe(&raw(type_, "Odd", 0, 1, 1), no_menu).is_none(), "{type_:#x}");
        }
        assert!(
            describe(&v4l2_query_ext_ctrl { nr_of_dims: 1, ..raw(1, "Array", 0, 1, 1) }, no_menu).is_none()
        );
        assert!(describe(&v4l2_query_ext_ctrl { flags: 1, ..raw(1, "Off", 0, 1, 1) }, no_menu).is_none());
        let fixed = [control(v4l2_query_ext_ctrl { flags: 4, ..raw(1, "Fixed", 0, 9, 1) })];
        assert!(resolved(&fixed, "fixed=1").unwrap_err().to_string().ends_with("read only; leave it out"));
    }

    #[test]
    fn menu_of_absurd_size_is_cut_short() {
        let calls = std::cell::Cell::new(0);
        let broken = |_| {
            calls.set(calls.get() + 1);
            Err(Errno::IO.into())
        };
        let menu = describe(&raw(3, "Broken", 0, i64::MAX, 1), broken).unwrap();
        assert_eq!((menu.kind, calls.get()), (ControlKind::Integer, FAILURES));
        let huge = describe(&raw(3, "Huge", i64::MIN, i64::MAX, 1), |_| Ok([b'x'; 32])).unwrap();
        assert!(matches!(huge.kind, ControlKind::Menu(items) if items.len() <= 256));
    }

    #[test]
    fn setting_is_name_and_value() {
        let setting: ControlSetting = "White Balance=on".parse().unwrap();
        assert_eq!(setting.to_string(), "white_balance=on");
        for bad in ["", "brightness", "=1", "brightness=", "!=1"] {
            assert!(bad.parse::<ControlSetting>().is_err(), "{bad}");
        }
    }

    #[test]
    fn control_is_shown_on_one_line() {
        let mut shown = control(raw(1, "Brightness", -64, 64, 1));
        shown.value = Some(12);
        assert_eq!(shown.to_string(), "brightness: -64 to 64, default 0, now 12");
    }
}
