//! Controls: brightness, exposure and the like, by name.

mod list;
mod setting;

#[cfg(test)]
pub(crate) use list::describe;
pub(crate) use list::list;
pub use setting::ControlSetting;
pub(crate) use setting::{resolve, set};

use std::fmt;

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
    /// Whether it cannot be set, now or at all.
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

/// A driver's name as v4l2-ctl writes it: lower case, an underscore for all else between letters and digits.
fn normalise(name: &str) -> String {
    let words = name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("_").to_ascii_lowercase()
}
