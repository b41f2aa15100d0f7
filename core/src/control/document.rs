//! What can be changed, as clients read it.

use crate::feed::Hub;
use serde::Serialize;
use serde_json::Value;

#[derive(Serialize)]
struct Document {
    controls: Vec<Control>,
}

/// One thing that can be changed. What does not apply to its type is left out.
#[derive(Serialize)]
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
    #[serde(skip_serializing_if = "Value::is_null")]
    default: Value,
    #[serde(skip_serializing_if = "Value::is_null")]
    value: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    unit: Option<&'static str>,
}

/// What can be changed about this camera and what it is now: JSON in one line.
pub(crate) fn document(hub: &Hub) -> String {
    let settings = &hub.settings;
    let quality = Control {
        name: "quality".to_owned(),
        kind: "integer",
        min: 1.into(),
        max: 100.into(),
        step: 1.into(),
        default: settings.default_quality().get().into(),
        value: settings.quality().get().into(),
        unit: Some("percent"),
    };
    // Strings and numbers always serialise.
    serde_json::to_string(&Document { controls: vec![quality] }).unwrap_or_default()
}
