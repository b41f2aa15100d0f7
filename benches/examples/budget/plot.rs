//! Bit rate, quality and frame rate over time, as SVG.

use crate::run::{Script, Sent};
use std::fmt::Write as _;

const LEFT: f64 = 64.0;
const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 110.0;
const GAP: f64 = 38.0;
const TOP: f64 = 34.0;

/// What is drawn above each other.
struct Panel<'a> {
    title: &'a str,
    class: &'a str,
    max: f64,
    marks: &'a [f64],
    points: Vec<(f64, f64)>,
}

/// Colours for light and dark, on a ground of its own.
const STYLE: &str = "
svg{background:#fff;font:13px system-ui,sans-serif}
.ground{fill:#fff}.noisy{fill:#f1e4cf}text{fill:#24292f}.grid{stroke:#d0d7de}
.line{fill:none;stroke-width:2;stroke-linejoin:round}.rate{stroke:#0b62c4}.quality{stroke:#a5480a}.fps{stroke:#157a3c}
.limit{stroke:#c4142b;stroke-width:1.5;stroke-dasharray:6 4}.limit-text{fill:#c4142b}
@media(prefers-color-scheme:dark){
svg{background:#0d1117}.ground{fill:#0d1117}.noisy{fill:#33291a}text{fill:#e6edf3}.grid{stroke:#3d444d}
.rate{stroke:#6cb6ff}.quality{stroke:#f0a35e}.fps{stroke:#57c278}.limit{stroke:#ff7b86}.limit-text{fill:#ff7b86}}
";

/// The picture of a run.
pub(crate) fn svg(script: &Script, sent: &[Sent]) -> String {
    let times = || (0..=(script.seconds * 10.0) as u32).map(|tenth| f64::from(tenth) / 10.0);
    // Of the second before each time, which at the beginning is shorter.
    // Its ends are between two pictures.
    let second = |at: f64| {
        let end = at - 0.005;
        sent.iter().filter(move |sent| sent.at >= end - 1.0 && sent.at < end)
    };
    let rate = |at: f64| {
        let bytes: f64 = second(at).map(|sent| sent.bytes as f64).sum();
        bytes / 125.0 / at.clamp(0.1, 1.0)
    };
    let steps = |value: &dyn Fn(f64) -> f64| times().skip(1).map(|at| (at, value(at))).collect::<Vec<_>>();
    let quality = sent.iter().map(|sent| (sent.at, f64::from(sent.quality.unwrap_or(0))));
    let budget = f64::from(script.max_kbps);
    let panels = [
        Panel {
            title: "Bit rate, kbit/s (mean of a second)",
            class: "rate",
            max: 1.5 * budget,
            marks: &[0.0, 0.5 * budget, budget, 1.5 * budget],
            points: steps(&rate),
        },
        Panel {
            title: "Quality",
            class: "quality",
            max: 100.0,
            marks: &[0.0, 20.0, 40.0, 60.0, 80.0, 100.0],
            points: thinned(quality),
        },
        Panel {
            title: "Pictures a second",
            class: "fps",
            max: 40.0,
            marks: &[0.0, 10.0, 20.0, 30.0, 40.0],
            points: steps(&|at| second(at).count() as f64 / at.clamp(0.1, 1.0)),
        },
    ];
    let (width, height) = (LEFT + WIDTH + 24.0, TOP + 3.0 * (HEIGHT + GAP) + 16.0);
    let x = |at: f64| LEFT + WIDTH * at / script.seconds;
    let mut svg = String::new();
    // Writing to a String cannot fail.
    let mut draw = |element: String| _ = writeln!(svg, "{element}");
    draw(format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img">"#
    ));
    draw(format!(
        "<title>Bit rate, quality and pictures a second over {} s; the scene is noisy from 10 s to 20 s</title>",
        script.seconds
    ));
    draw(format!("<style>{STYLE}</style>"));
    draw(format!(r#"<rect class="ground" width="{width}" height="{height}"/>"#));
    for (index, panel) in panels.iter().enumerate() {
        let top = TOP + index as f64 * (HEIGHT + GAP);
        let y = |value: f64| top + HEIGHT * (1.0 - (value / panel.max).min(1.0));
        draw(format!(
            r#"<rect class="noisy" x="{:.1}" y="{top}" width="{:.1}" height="{HEIGHT}"/>"#,
            x(10.0),
            x(20.0) - x(10.0)
        ));
        draw(format!(r#"<text x="{LEFT}" y="{}" font-weight="600">{}</text>"#, top - 9.0, panel.title));
        for &mark in panel.marks {
            let at = y(mark);
            draw(format!(r#"<path class="grid" d="M{LEFT} {at:.1}h{WIDTH}"/>"#));
            draw(format!(r#"<text x="{}" y="{:.1}" text-anchor="end">{mark}</text>"#, LEFT - 8.0, at + 4.5));
        }
        if index == 0 {
            draw(format!(r#"<path class="limit" d="M{LEFT} {:.1}h{WIDTH}"/>"#, y(budget)));
            let label = "--max-kbps";
            draw(format!(
                r#"<text class="limit-text" x="{}" y="{:.1}" text-anchor="end">{label}</text>"#,
                LEFT + WIDTH - 6.0,
                y(budget) - 6.0
            ));
            draw(format!(r#"<text x="{:.1}" y="{:.1}">noisy scene</text>"#, x(10.0) + 8.0, top + 17.0));
        }
        let mut path = String::new();
        for (step, &(at, value)) in panel.points.iter().enumerate() {
            _ = write!(path, "{}{:.1} {:.1}", if step == 0 { "M" } else { "L" }, x(at), y(value));
        }
        draw(format!(r#"<path class="line {}" d="{path}"/>"#, panel.class));
    }
    let bottom = TOP + 3.0 * (HEIGHT + GAP) - GAP + 20.0;
    for tick in (0..=script.seconds as u32).step_by(5) {
        let unit = if tick == 0 { " s" } else { "" };
        draw(format!(
            r#"<text x="{:.1}" y="{bottom}" text-anchor="middle">{tick}{unit}</text>"#,
            x(f64::from(tick))
        ));
    }
    draw("</svg>".to_owned());
    svg
}

/// Without points between two that are equal.
fn thinned(points: impl Iterator<Item = (f64, f64)>) -> Vec<(f64, f64)> {
    let mut kept: Vec<(f64, f64)> = Vec::new();
    for point in points {
        if let [.., before, last] = &mut *kept
            && before.1 == last.1
            && last.1 == point.1
        {
            *last = point;
        } else {
            kept.push(point);
        }
    }
    kept
}
