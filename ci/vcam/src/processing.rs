//! The processing unit's controls (UVC 1.1 section 4.2.2.3): what people can change about the pictures, and the camera itself.

use crate::endpoint0::Stall;

// Requests about one control.
pub(crate) const SET_CUR: u8 = 0x01;
pub(crate) const GET_CUR: u8 = 0x81;
pub(crate) const GET_MIN: u8 = 0x82;
pub(crate) const GET_MAX: u8 = 0x83;
pub(crate) const GET_RES: u8 = 0x84;
pub(crate) const GET_LEN: u8 = 0x85;
pub(crate) const GET_INFO: u8 = 0x86;
pub(crate) const GET_DEF: u8 = 0x87;

// Bits of `GET_INFO`.
const GET_AND_SET: u8 = 0b11;
const OFF_BECAUSE_AUTOMATIC: u8 = 0b100;
const CHANGES_BY_ITSELF: u8 = 0b1000;

/// One control. Its bytes are little-endian.
#[derive(Clone, Debug)]
struct Control {
    name: &'static str,
    selector: u8,
    /// 1 or 2.
    bytes: u8,
    min: i16,
    max: i16,
    step: i16,
    default: i16,
    value: i16,
}

impl Control {
    const fn new(
        name: &'static str,
        selector: u8,
        bytes: u8,
        (min, max, step): (i16, i16, i16),
        default: i16,
    ) -> Self {
        Self { name, selector, bytes, min, max, step, default, value: default }
    }
}

const BRIGHTNESS: u8 = 2;
const POWER_LINE_FREQUENCY: u8 = 5;
const TEMPERATURE: u8 = 0x0a;
const AUTOMATIC: u8 = 0x0b;

/// The bits of the unit's descriptor for these controls, in two bytes.
pub(crate) const BITS: [u8; 2] = (1u16 | 1 << 6 | 1 << 10 | 1 << 12).to_le_bytes();

/// The controls of a camera, and their values.
#[derive(Debug)]
pub(crate) struct Processing([Control; 4]);

impl Processing {
    /// With the values of a camera that was just plugged in.
    pub(crate) fn new() -> Self {
        Self([
            Control::new("brightness", BRIGHTNESS, 2, (-64, 64, 1), 0),
            // Off, 50 Hz, 60 Hz.
            Control::new("power_line_frequency", POWER_LINE_FREQUENCY, 1, (0, 2, 1), 1),
            Control::new("white_balance_automatic", AUTOMATIC, 1, (0, 1, 1), 1),
            // In kelvin.
            Control::new("white_balance_temperature", TEMPERATURE, 2, (2800, 6500, 10), 4600),
        ])
    }

    fn find(&mut self, selector: u8) -> Result<&mut Control, Stall> {
        self.0.iter_mut().find(|control| control.selector == selector).ok_or(Stall)
    }

    fn is_automatic(&self) -> bool {
        self.0.iter().any(|control| control.selector == AUTOMATIC && control.value != 0)
    }

    /// Answers a request about the control `selector`.
    ///
    /// # Errors
    /// [`Stall`] for one that is not there, a value that it does not take, and the temperature while the camera finds it out.
    pub(crate) fn request(&mut self, selector: u8, request: u8, data: &[u8]) -> Result<Vec<u8>, Stall> {
        let automatic = selector == TEMPERATURE && self.is_automatic();
        let control = self.find(selector)?;
        let value = match request {
            SET_CUR => {
                let wanted = match (control.bytes, data) {
                    (1, &[byte]) => byte.into(),
                    (2, &[low, high]) => i16::from_le_bytes([low, high]),
                    _ => return Err(Stall),
                };
                if automatic || !(control.min..=control.max).contains(&wanted) {
                    return Err(Stall);
                }
                control.value = wanted;
                return Ok(vec![]);
            }
            GET_CUR => control.value,
            GET_MIN => control.min,
            GET_MAX => control.max,
            GET_RES => control.step,
            GET_DEF => control.default,
            GET_LEN => return Ok(vec![control.bytes, 0]),
            GET_INFO if automatic => {
                return Ok(vec![GET_AND_SET | OFF_BECAUSE_AUTOMATIC | CHANGES_BY_ITSELF]);
            }
            GET_INFO if selector == TEMPERATURE => return Ok(vec![GET_AND_SET | CHANGES_BY_ITSELF]),
            GET_INFO => return Ok(vec![GET_AND_SET]),
            _ => return Err(Stall),
        };
        Ok(value.to_le_bytes()[..control.bytes.into()].to_vec())
    }

    /// The light has this temperature now, in kelvin, which the camera finds out if it is to.
    pub(crate) fn light(&mut self, kelvin: i16) {
        if self.is_automatic()
            && let Ok(control) = self.find(TEMPERATURE)
        {
            control.value = kelvin.clamp(control.min, control.max);
        }
    }

    /// Each control as `name=value`.
    pub(crate) fn words(&self) -> String {
        let words: Vec<_> =
            self.0.iter().map(|control| format!("{}={}", control.name, control.value)).collect();
        words.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_keeps_its_range_and_length() {
        let mut unit = Processing::new();
        assert_eq!(unit.request(BRIGHTNESS, GET_MIN, &[]), Ok((-64i16).to_le_bytes().to_vec()));
        assert_eq!(unit.request(BRIGHTNESS, SET_CUR, &64i16.to_le_bytes()), Ok(vec![]));
        assert_eq!(unit.request(BRIGHTNESS, SET_CUR, &65i16.to_le_bytes()), Err(Stall));
        assert_eq!(unit.request(BRIGHTNESS, SET_CUR, &[1]), Err(Stall));
        assert_eq!(unit.request(BRIGHTNESS, GET_CUR, &[]), Ok(64i16.to_le_bytes().to_vec()));
        assert_eq!(unit.request(POWER_LINE_FREQUENCY, SET_CUR, &[2]), Ok(vec![]));
        assert_eq!(unit.request(POWER_LINE_FREQUENCY, GET_CUR, &[]), Ok(vec![2]));
        assert_eq!(unit.request(POWER_LINE_FREQUENCY, SET_CUR, &[3]), Err(Stall));
        assert_eq!(unit.request(0x20, GET_CUR, &[]), Err(Stall));
    }

    #[test]
    fn temperature_is_the_lights_while_the_camera_finds_it_out() {
        let mut unit = Processing::new();
        unit.light(5200);
        assert_eq!(unit.request(TEMPERATURE, SET_CUR, &3000i16.to_le_bytes()), Err(Stall));
        assert_eq!(unit.request(TEMPERATURE, GET_INFO, &[]), Ok(vec![0b1111]));
        unit.request(AUTOMATIC, SET_CUR, &[0]).unwrap();
        unit.light(6000);
        let words =
            "brightness=0 power_line_frequency=1 white_balance_automatic=0 white_balance_temperature=5200";
        assert_eq!(unit.words(), words);
        unit.request(TEMPERATURE, SET_CUR, &3000i16.to_le_bytes()).unwrap();
        assert_eq!(unit.request(TEMPERATURE, GET_CUR, &[]), Ok(3000i16.to_le_bytes().to_vec()));
    }
}
