//! What an application has found in a frame, as eyelet's page draws it.

use serde::{Serialize, Serializer, ser::SerializeMap};
use std::{borrow::Cow, fmt};

/// Boxes, labels and values of one frame. It displays as JSON, so [`Frame::with_data`](eyelet_hal::Frame::with_data) and
/// [`Events::publish`](super::Events::publish) take it. They also take any other JSON, of which the page draws `boxes`,
/// `labels` and `values`.
///
/// Lengths are in pixels of the picture, from its top left corner. The page shows a score as per cent, and six digits of a
/// value. JSON has no NaN and no infinity: they become `null`. The page draws no box or label that has one among its lengths,
/// and shows such a value as "–".
///
/// ```
/// use eyelet_core::feed::FrameData;
/// let mut data = FrameData::default();
/// data.detection([60.0, 40.0, 80.0, 120.0], "cat", 0.93);
/// data.label([8.0, 8.0], "kitchen");
/// data.value("lux", 320.0);
/// assert_eq!(
///     data.to_string(),
///     concat!(
///         r#"{"boxes":[{"x":60.0,"y":40.0,"width":80.0,"height":120.0,"label":"cat","score":0.93}],"#,
///         r#""labels":[{"x":8.0,"y":8.0,"text":"kitchen"}],"values":{"lux":320.0}}"#,
///     )
/// );
/// data.clear(); // and used for the next frame
/// assert!(data.is_empty());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct FrameData {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    boxes: Vec<Detection>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    labels: Vec<Text>,
    #[serde(skip_serializing_if = "Vec::is_empty", serialize_with = "map")]
    values: Vec<(Cow<'static, str>, f64)>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
struct Detection {
    x: f32,
    y: f32,
    width: f32,
    height: f32,
    label: Cow<'static, str>,
    score: f32,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
struct Text {
    x: f32,
    y: f32,
    text: Cow<'static, str>,
}

fn map<S: Serializer>(values: &[(Cow<'static, str>, f64)], serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(values.len()))?;
    for (name, value) in values {
        map.serialize_entry(name, value)?;
    }
    map.end()
}

impl FrameData {
    /// Something at `[x, y, width, height]`, what it is, and how sure that is: 0 to 1.
    pub fn detection(
        &mut self,
        [x, y, width, height]: [f32; 4],
        label: impl Into<Cow<'static, str>>,
        score: f32,
    ) {
        self.boxes.push(Detection { x, y, width, height, label: label.into(), score });
    }

    /// A text whose top left corner is at `[x, y]`.
    pub fn label(&mut self, [x, y]: [f32; 2], text: impl Into<Cow<'static, str>>) {
        self.labels.push(Text { x, y, text: text.into() });
    }

    /// A value with its name: of a sensor, say.
    pub fn value(&mut self, name: impl Into<Cow<'static, str>>, value: f64) {
        self.values.push((name.into(), value));
    }

    /// Forgets everything, but keeps the memory for the next frame.
    pub fn clear(&mut self) {
        self.boxes.clear();
        self.labels.clear();
        self.values.clear();
    }

    /// Whether there is nothing to show.
    pub fn is_empty(&self) -> bool {
        self.boxes.is_empty() && self.labels.is_empty() && self.values.is_empty()
    }
}

impl fmt::Display for FrameData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Texts and numbers always serialise.
        f.write_str(&serde_json::to_string(self).map_err(|_| fmt::Error)?)
    }
}
