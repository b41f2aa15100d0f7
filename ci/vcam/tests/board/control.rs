//! What people change about the USB camera while it streams, through the real driver.

use super::{board, serve, stop};
use crate::{
    board::{Board, until},
    http::{Client, Viewer},
    reel::{Reels, decode, read_number},
};
use serde_json::{Value, json};

/// All of `/control`.
#[track_caller]
fn controls(body: &[u8]) -> Vec<Value> {
    let document: Value = serde_json::from_slice(body).unwrap();
    document["controls"].as_array().unwrap().clone()
}

/// One control of `/control`.
#[track_caller]
fn control(http: Client, name: &str) -> Value {
    let all = controls(&http.get("/control").body);
    all.iter().find(|control| control["name"] == name).unwrap_or_else(|| panic!("no {name}: {all:?}")).clone()
}

/// Posts what must be taken; the answer is the same as that of a GET.
#[track_caller]
fn set(http: Client, json: Value) {
    let answer = http.post("/control", &json.to_string());
    assert_eq!(answer.status, 200, "{json}: {}", String::from_utf8_lossy(&answer.body));
    let values: Vec<_> =
        controls(&answer.body).into_iter().map(|c| (c["name"].clone(), c["value"].clone())).collect();
    for (name, value) in json.as_object().unwrap() {
        assert!(values.contains(&(name.as_str().into(), value.clone())), "{name} is not {value}: {values:?}");
    }
}

/// Posts what must be refused for this name alone.
#[track_caller]
fn refused(http: Client, json: Value, name: &str) {
    let answer = http.post("/control", &json.to_string());
    assert_eq!(answer.status, 400, "{json}: {}", String::from_utf8_lossy(&answer.body));
    let document: Value = serde_json::from_slice(&answer.body).unwrap();
    let names: Vec<_> = document["errors"].as_object().unwrap().keys().collect();
    assert_eq!(names, [name], "{document}");
}

/// Reads whole pictures until one has this size, and the number of the camera's in it. Up to there each has the size before.
#[track_caller]
fn read_until_size(viewer: &mut Viewer, reels: &Reels, before: (usize, usize), size: (usize, usize)) {
    let number_of = |jpeg: &[u8]| {
        let (width, height, luma) = decode(jpeg);
        // What is a JPEG at the camera passes byte for byte.
        let number = if width == 640 { reels.number(jpeg) } else { read_number(width, &luma) };
        ((width, height), number.expect("a picture of the camera's"))
    };
    let mut old = 0;
    until("picture of the other size", || {
        let (seen, _) = number_of(&viewer.next().body);
        if seen != size {
            assert_eq!(seen, before);
            old += 1;
        }
        (seen == size).then_some(())
    });
    // It stays.
    for _ in 0..10 {
        assert_eq!(number_of(&viewer.next().body).0, size);
    }
    println!("{before:?} to {size:?} after {old} pictures");
}

/// The controls as the camera itself knows them.
fn at_camera(board: &mut Board) -> String {
    board.camera("controls").trim().to_owned()
}

#[test]
#[ignore = "boots a virtual board"]
fn usb_camera_is_changed_while_it_streams() {
    let (mut board, reels) = board();
    let node = board.plug_camera();
    let (task, http) = serve(&mut board, &format!("--camera {node} --size 640x480 --allow-control"));
    let mut viewer = http.watch();
    decode(&viewer.next().body);

    // What the driver lists, with the names of its menus.
    let mains = control(http, "power_line_frequency");
    let labels: Vec<_> = mains["choices"].as_array().unwrap().iter().map(|c| &c["label"]).collect();
    assert_eq!((&mains["type"], &mains["value"]), (&json!("menu"), &json!(1)), "{mains}");
    assert_eq!(labels, ["Disabled", "50 Hz", "60 Hz"]);
    let brightness = json!({ "name": "brightness", "type": "integer", "min": -64, "max": 64, "step": 1, "default": 0, "value": 0 });
    assert_eq!(control(http, "brightness"), brightness);
    let automatic = control(http, "white_balance_automatic");
    assert_eq!((&automatic["type"], &automatic["value"]), (&json!("boolean"), &json!(true)));
    let temperature = control(http, "white_balance_temperature");
    assert_eq!(
        (&temperature["min"], &temperature["max"], &temperature["step"], &temperature["inactive"]),
        (&json!(2800), &json!(6500), &json!(10), &json!(true))
    );
    let size = control(http, "size");
    assert_eq!(
        size["choices"],
        json!([{ "value": "320x240", "label": "320x240" }, { "value": "640x480", "label": "640x480" }])
    );

    // What the camera finds out by itself is read anew.
    board.camera("light 5200");
    until("the other temperature", || {
        (control(http, "white_balance_temperature")["value"] == 5200).then_some(())
    });

    // What is set is the camera's. What only works without an automatic mode is set after that was switched off.
    set(http, json!({ "brightness": -20, "power_line_frequency": 2 }));
    set(http, json!({ "white_balance_temperature": 3000, "white_balance_automatic": false }));
    let changed =
        "brightness=-20 power_line_frequency=2 white_balance_automatic=0 white_balance_temperature=3000";
    assert_eq!(at_camera(&mut board), changed);
    // Another program sees it too.
    let listed = board.run(&format!("eyelet doctor --camera {node}")).text;
    assert!(listed.contains("brightness: -64 to 64, default 0, now -20"), "{listed}");

    // All or nothing.
    refused(http, json!({ "brightness": 65, "power_line_frequency": 1 }), "brightness");
    refused(http, json!({ "brightness": 3, "size": "16x16" }), "size");
    refused(http, json!({ "power_line_frequency": 3 }), "power_line_frequency");
    assert_eq!(at_camera(&mut board), changed);

    // Another size, which is another format too, and back.
    let (large, small) = ((640, 480), (320, 240));
    set(http, json!({ "size": "320x240", "brightness": 7 }));
    read_until_size(&mut viewer, &reels, large, small);
    let source = &http.state()["source"];
    assert_eq!((&source["width"], &source["format"]), (&json!(320), &json!("yuyv")), "{source}");
    set(http, json!({ "size": "640x480" }));
    read_until_size(&mut viewer, &reels, small, large);

    // A camera that is plugged in again has what was changed.
    board.camera("unplug");
    until("end of the camera", || (!http.is_healthy()).then_some(()));
    assert_eq!(http.post("/control", r#"{"brightness":1}"#).status, 503);
    board.camera("plug");
    until("healthy stream", || http.is_healthy().then_some(()));
    assert_eq!(at_camera(&mut board), changed.replace("=-20", "=7"));
    drop(viewer);
    stop(&mut board, &task);
}
