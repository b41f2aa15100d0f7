//! What controls are called, and which values they take.

use crate::{
    control::{ControlInfo, ControlKind, ControlSetting, describe, resolve},
    enumerate::FAILURES,
    sys::v4l2_query_ext_ctrl,
    tests::fake_driver::{FIRST, named},
};
use eyelet_hal::{ErrorKind, Result};
use rustix::io::Errno;

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
    assert_eq!(error.to_string(), "cannot set brightness of /dev/video0 to 120: out of range; use -64 to 64");
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
    assert!(describe(&v4l2_query_ext_ctrl { nr_of_dims: 1, ..raw(1, "Array", 0, 1, 1) }, no_menu).is_none());
    assert!(describe(&v4l2_query_ext_ctrl { flags: 1, ..raw(1, "Off", 0, 1, 1) }, no_menu).is_none());
    let fixed = [control(v4l2_query_ext_ctrl { flags: 4, ..raw(1, "Fixed", 0, 9, 1) })];
    assert!(
        resolved(&fixed, "fixed=1")
            .unwrap_err()
            .to_string()
            .contains("it is read only; leave it out, or close")
    );
    // While frames are captured.
    assert!(control(v4l2_query_ext_ctrl { flags: 2, ..raw(1, "Flip", 0, 1, 1) }).read_only);
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
