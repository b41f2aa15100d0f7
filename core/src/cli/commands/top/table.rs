//! What is shown of a server's state. Everything in it may be wrong, missing, or meant to do harm.

use super::{
    cells::{columns, list, number, word},
    view::{Counts, View, counts},
};
use crate::{cli::columns::fitting, net::client::visible};
use serde_json::Value;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    Plain,
    Head,
    Alarm,
}

struct Line {
    text: String,
    style: Style,
}

/// The table as text. With a size (columns, rows) and whether there may be colours, as much of it as fits on a terminal.
pub(super) fn text(view: &View, terminal: Option<((usize, usize), bool)>) -> String {
    let ((columns, rows), colours) = terminal.unwrap_or(((usize::MAX, usize::MAX), false));
    let mut lines = lines(view, columns);
    if lines.len() > rows {
        let left = lines.len() + 1 - rows;
        lines.truncate(rows.saturating_sub(1));
        lines.push(Line { text: format!("... {left} more lines"), style: Style::Plain });
    }
    let mut text = String::new();
    for line in lines {
        let style = match line.style {
            _ if !colours => "",
            Style::Plain => "",
            Style::Head => "\x1b[1m",
            Style::Alarm => "\x1b[31m",
        };
        let shown = fitting(line.text.trim_end(), columns);
        // All that is shown passes here, and nothing that a terminal would obey does.
        let shown = line.text[..shown].chars().map(|c| if visible(c) { c } else { '?' });
        text.push_str(style);
        text.extend(shown);
        text.push_str(if style.is_empty() { "\n" } else { "\x1b[0m\n" });
    }
    text
}

/// A reason in whole, for at most three lines of so many columns.
fn wrapped(mut text: &str, columns: usize, lines: &mut Vec<Line>) {
    for _ in 0..3 {
        let (line, rest) = text.split_at(fitting(text, columns));
        lines.push(Line { text: line.to_owned(), style: Style::Alarm });
        text = rest;
        if text.is_empty() {
            return;
        }
    }
}

fn lines(view: &View, columns: usize) -> Vec<Line> {
    let state = &view.state;
    let cameras = list(state, "cameras");
    let cameras = if cameras.is_empty() { std::slice::from_ref(state) } else { cameras };
    let viewers = list(state, "viewers");
    let mut lines = Vec::new();
    let counted = |n: usize, noun| format!("{n} {noun}{}", if n == 1 { "" } else { "s" });
    let version = state["version"].as_str().map(|version| format!(", eyelet {version}")).unwrap_or_default();
    let (count, watching) = (counted(cameras.len(), "camera"), counted(viewers.len(), "viewer"));
    let head = format!("{}  {count}, {watching}{version}", view.url);
    lines.push(Line { text: head, style: Style::Head });
    if let Some(why) = &view.lost {
        wrapped(why, columns, &mut lines);
    }
    of_cameras(cameras, columns, &mut lines);
    of_budgets(cameras, &mut lines);
    of_uploads(cameras, columns, &mut lines);
    of_viewers(view, viewers, &mut lines);
    lines
}

fn of_cameras(cameras: &[Value], width: usize, lines: &mut Vec<Line>) {
    let row = |camera: &Value| {
        let (source, encoder) = (&camera["source"], &camera["encoder"]);
        let state = match (source["connected"].as_bool(), encoder["reason"].as_str()) {
            (Some(false), _) => "no signal",
            (_, Some(_)) => "no pictures",
            _ => "ok",
        };
        let format =
            [word(source, "format"), format!("{}x{}", word(source, "width"), word(source, "height"))];
        [
            name(camera),
            state.to_owned(),
            number(&source["fps"], 1),
            word(encoder, "quality"),
            word(encoder, "name"),
            format.join(" "),
        ]
    };
    let rows: Vec<_> = cameras.iter().map(row).collect();
    let table = columns(
        [
            ("CAMERA", false),
            ("STATE", false),
            ("FPS", true),
            ("QUALITY", true),
            ("ENCODER", false),
            ("FORMAT", false),
        ],
        &rows,
    );
    for (index, text) in table.into_iter().enumerate() {
        let Some(camera) = index.checked_sub(1).map(|index| &cameras[index]) else {
            lines.push(Line { text, style: Style::Head });
            continue;
        };
        let reason = ["source", "encoder"].into_iter().find_map(|part| camera[part]["reason"].as_str());
        let style = if reason.is_some() { Style::Alarm } else { Style::Plain };
        lines.push(Line { text, style });
        if let Some(reason) = reason {
            wrapped(&format!("  {reason}"), width, lines);
        }
    }
}

/// The server's, which each camera has with it, and what it makes of each one's pictures.
fn of_budgets(cameras: &[Value], lines: &mut Vec<Line>) {
    let limited = cameras.iter().filter(|camera| camera["budget"].is_object());
    for (index, camera) in limited.enumerate() {
        let budget = &camera["budget"];
        if index == 0 {
            let [kbps, most] = ["kbps", "max_kbps"].map(|key| number(&budget[key], 0));
            lines.push(Line { text: format!("budget    {kbps} of {most} kbit/s"), style: Style::Plain });
        }
        let text = format!(
            "          {}: quality {}, {} fps{}",
            name(camera),
            number(&budget["quality"], 0),
            number(&budget["fps"], 1),
            if budget["limited"].as_bool() == Some(true) { ", limited" } else { "" },
        );
        lines.push(Line { text, style: Style::Plain });
    }
}

fn of_uploads(cameras: &[Value], width: usize, lines: &mut Vec<Line>) {
    for camera in cameras {
        let (upload, spool) = (&camera["upload"], &camera["upload"]["spool"]);
        if !upload.is_object() {
            continue;
        }
        let error = upload["last_error"].as_str();
        let style = if error.is_some() { Style::Alarm } else { Style::Plain };
        let name = camera["name"].as_str().map(|name| format!("{name}: ")).unwrap_or_default();
        let [accepted, failed, dropped] = ["accepted", "failed", "dropped"].map(|count| word(upload, count));
        let text = format!(
            "upload    {name}{accepted} accepted, {failed} failed, {dropped} dropped, to {}",
            word(upload, "url")
        );
        lines.push(Line { text, style });
        if spool.is_object() {
            let megabytes =
                |key: &str| spool[key].as_f64().map_or_else(|| "-".to_owned(), |b| format!("{:.1}", b / 1e6));
            let text = format!(
                "spool     {name}{} pictures, {} of {} MB",
                word(spool, "pictures"),
                megabytes("bytes"),
                megabytes("max_bytes")
            );
            lines.push(Line { text, style: Style::Plain });
        }
        if let Some(error) = error {
            wrapped(&format!("  {error}"), width, lines);
        }
    }
}

/// Those that miss most come first: on a small terminal they are who is looked for.
fn of_viewers(view: &View, viewers: &[Value], lines: &mut Vec<Line>) {
    let mut sorted: Vec<_> = viewers
        .iter()
        .map(|viewer| {
            let counts = counts(viewer);
            (viewer, counts, view.rates(counts))
        })
        .collect();
    let missed = |rates: Option<(f64, f64)>| rates.map_or(0, |(_, skipped)| skipped.round() as u64);
    sorted.sort_by_key(|(_, (id, ..), rates)| (std::cmp::Reverse(missed(*rates)), *id));
    let row = |&(viewer, (_, sent, skipped), rates): &(&Value, Counts, Option<(f64, f64)>)| {
        let (sent_rate, skipped_rate) = match rates {
            Some((sent, skipped)) => (format!("{sent:.1}"), format!("{skipped:.1}")),
            None => ("-".to_owned(), "-".to_owned()),
        };
        let camera = viewer["camera"].as_str().unwrap_or("-").to_owned();
        let fps = number(&viewer["fps"], 1);
        [word(viewer, "address"), skipped_rate, fps, sent_rate, sent.to_string(), skipped.to_string(), camera]
    };
    let rows: Vec<_> = sorted.iter().map(row).collect();
    if rows.is_empty() {
        return;
    }
    let head = [
        ("VIEWER", false),
        ("SKIPPED/S", true),
        ("FPS", true),
        ("SENT/S", true),
        ("SENT", true),
        ("SKIPPED", true),
        ("CAMERA", false),
    ];
    for (index, text) in columns(head, &rows).into_iter().enumerate() {
        let style = if index == 0 { Style::Head } else { Style::Plain };
        lines.push(Line { text, style });
    }
}

/// What a camera is called in addresses, else the name of its source.
fn name(camera: &Value) -> String {
    camera["name"].as_str().map_or_else(|| word(&camera["source"], "name"), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::columns::width;
    use serde_json::json;
    use std::time::Duration;

    fn state(viewers: u64, seconds: u64) -> Value {
        let viewer = |id: u64| {
            json!({ "id": id, "address": format!("192.168.0.{id}:50000"), "camera": "door", "fps": 29.97,
                    "sent": 30 * seconds, "skipped": id * seconds })
        };
        let camera = |name: &str, reason: Option<&str>| {
            json!({
                "name": name,
                "source": { "name": "/dev/video0", "format": "nv12", "width": 640, "height": 480, "fps": 29.97,
                            "connected": reason.is_none(), "reason": reason },
                "encoder": { "name": "eyelet", "quality": 80, "reason": null },
                "budget": { "max_kbps": 2000, "kbps": 1840, "quality": 55, "fps": 29.97, "limited": true },
                "upload": { "url": "http://server/upload", "connected": false, "accepted": 12, "failed": 3, "dropped": 4,
                            "last_error": "connection refused",
                            "spool": { "pictures": 5, "bytes": 1_500_000, "max_bytes": 64_000_000 } },
            })
        };
        let mut state = camera("door", None);
        state["name"] = Value::Null;
        state["version"] = json!("0.1.0 (4311032abc, riscv64)");
        state["cameras"] = json!([camera("door", None), camera("yard", Some("unplugged"))]);
        state["cameras"][1]["upload"] = Value::Null;
        state["cameras"][1]["budget"]["limited"] = json!(false);
        state["viewers"] = (1..=viewers).map(viewer).collect();
        state
    }

    fn lines_of(view: &View, size: Option<(usize, usize)>) -> Vec<String> {
        text(view, size.map(|size| (size, false))).lines().map(str::to_owned).collect()
    }

    #[test]
    fn table_shows_cameras_budget_upload_and_the_viewers_that_miss_most() {
        let mut view = View::of("http://cam/", state(2, 0));
        view.renew(state(2, 10));
        let (period, _) = view.before.as_mut().unwrap();
        *period = Duration::from_secs(10);
        assert_eq!(
            lines_of(&view, None),
            [
                "http://cam/  2 cameras, 2 viewers, eyelet 0.1.0 (4311032abc, riscv64)",
                "CAMERA  STATE       FPS  QUALITY  ENCODER  FORMAT",
                "door    ok         30.0       80  eyelet   nv12 640x480",
                "yard    no signal  30.0       80  eyelet   nv12 640x480",
                "  unplugged",
                "budget    1840 of 2000 kbit/s",
                "          door: quality 55, 30.0 fps, limited",
                "          yard: quality 55, 30.0 fps",
                "upload    door: 12 accepted, 3 failed, 4 dropped, to http://server/upload",
                "spool     door: 5 pictures, 1.5 of 64.0 MB",
                "  connection refused",
                "VIEWER             SKIPPED/S   FPS  SENT/S  SENT  SKIPPED  CAMERA",
                "192.168.0.2:50000        2.0  30.0    30.0   300       20  door",
                "192.168.0.1:50000        1.0  30.0    30.0   300       10  door",
            ]
        );
    }

    #[test]
    fn table_of_many_viewers_is_cut_to_the_terminal() {
        let view = View::of("http://cam/", state(200, 1));
        assert_eq!(lines_of(&view, Some((80, 24)))[23], "... 189 more lines");
        for (columns, rows) in [(80, 24), (40, 10), (200, 60), (1, 1), (7, 2)] {
            let lines = lines_of(&view, Some((columns, rows)));
            assert_eq!(lines.len(), rows);
            assert!(lines.iter().all(|line| line.chars().map(width).sum::<usize>() <= columns), "{lines:#?}");
            assert!("... 197 more lines".starts_with(&lines[rows - 1][..columns.min(4)]), "{lines:#?}");
        }
    }

    #[test]
    fn long_reason_is_shown_in_whole_on_a_narrow_terminal() {
        let mut view = View::of("u", json!({ "source": { "connected": false, "reason": "b".repeat(1000) } }));
        view.lost = Some("a".repeat(50));
        let lines = lines_of(&view, Some((40, 20)));
        assert_eq!((lines[1].len(), lines[2].len()), (40, 10));
        assert_eq!(
            lines.iter().filter(|line| line.contains("bbb")).count(),
            3,
            "but not without end: {lines:#?}"
        );
    }

    #[test]
    fn escape_sequences_in_names_and_reasons_do_not_reach_the_terminal() {
        let evil = "\u{1b}]0;x\u{7}\u{9b}2J\r\n\u{202e}";
        let text_of = json!(evil);
        let mut state = state(1, 1);
        for place in [
            "/cameras/0/name",
            "/cameras/0/source/format",
            "/cameras/1/source/reason",
            "/viewers/0/address",
            "/viewers/0/camera",
            "/cameras/0/upload/url",
            "/cameras/0/upload/last_error",
            "/cameras/0/encoder/name",
        ] {
            *state.pointer_mut(place).unwrap() = text_of.clone();
        }
        let mut view = View::of("http://cam/", state);
        view.lost = Some(evil.to_owned());
        let shown = text(&view, Some(((80, 60), false)));
        assert!(shown.chars().all(|c| c == '\n' || visible(c)), "{shown:?}");
        assert!(shown.lines().count() > 9 && shown.contains("?]0;x"), "{shown}");
    }

    #[test]
    fn table_of_a_state_of_2_mib_stays_small() {
        // Each viewer filled up to the width of the first would be 350 GB.
        let mut viewers = vec![json!({ "address": "x".repeat(1 << 20) })];
        viewers.resize(350_000, json!({}));
        let view = View::of("u", json!({ "source": {}, "viewers": viewers }));
        let lines = lines_of(&view, None);
        assert!(lines.len() < 10_100 && lines.iter().all(|line| line.len() < 300), "{}", lines.len());
    }

    #[test]
    fn table_of_a_state_with_wrong_types_has_dashes() {
        let view = View::of(
            "u",
            json!({ "source": {}, "viewers": [1, null, {}], "cameras": {}, "budget": [], "upload": "x" }),
        );
        assert_eq!(
            lines_of(&view, None)[..3],
            [
                "u  1 camera, 3 viewers",
                "CAMERA  STATE  FPS  QUALITY  ENCODER  FORMAT",
                "-       ok       -        -  -        - -x-",
            ]
        );
    }

    #[test]
    fn colours_only_where_they_are_allowed() {
        let view = View::of("http://cam/", state(1, 1));
        assert!(text(&view, Some(((80, 24), true))).contains("\u{1b}[31m"));
        assert!(!text(&view, Some(((80, 24), false))).contains('\u{1b}'));
    }
}
