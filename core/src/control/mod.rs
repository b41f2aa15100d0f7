//! Live control: what clients can change about a camera while it runs.

mod document;
mod request;

pub(crate) use document::document;
pub(crate) use request::{Unreadable, Wanted, read};

use crate::feed::Hub;
use eyelet_hal::Quality;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// Why nothing was changed.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Refused {
    /// What would be right, for each name whose value is not.
    pub(crate) errors: BTreeMap<String, String>,
}

/// Changes all that is wanted, or nothing.
pub(crate) fn change(hub: &Hub, wanted: &Wanted) -> Result<(), Refused> {
    let mut errors = BTreeMap::new();
    let mut quality = None;
    for (name, value) in wanted {
        let result = match name.as_str() {
            "quality" => read_quality(value).map(|value| quality = Some(value)),
            _ => Err("there is no such control"),
        };
        if let Err(what) = result {
            errors.insert(name.clone(), what.to_owned());
        }
    }
    if !errors.is_empty() {
        return Err(Refused { errors });
    }
    if let Some(quality) = quality {
        hub.settings.set_quality(quality);
    }
    Ok(())
}

fn read_quality(value: &Value) -> Result<Quality, &'static str> {
    let number = request::integer(value).and_then(|number| u8::try_from(number).ok());
    number.and_then(Quality::new).ok_or("a whole number from 1 to 100")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change_to(hub: &Hub, json: &str) -> Result<(), String> {
        let wanted = read("application/json", json.as_bytes()).unwrap();
        change(hub, &wanted).map_err(|refused| serde_json::to_string(&refused).unwrap())
    }

    #[test]
    fn change_with_one_wrong_value_changes_nothing_and_has_an_error_for_each() {
        let hub = Hub::default();
        assert_eq!(change_to(&hub, r#"{"quality":70}"#), Ok(()));
        let refused = change_to(&hub, r#"{"quality":101,"hue":3}"#);
        let errors =
            r#"{"errors":{"hue":"there is no such control","quality":"a whole number from 1 to 100"}}"#;
        assert_eq!(refused, Err(errors.to_owned()));
        assert!(change_to(&hub, r#"{"quality":30,"hue":3}"#).is_err());
        assert_eq!(hub.settings.quality().get(), 70);
    }
}
