//! Error messages: one line with a remedy, and the right exit code.

use crate::support::{PROGRAM, Program, command, until};
use std::{
    fs,
    net::TcpListener,
    os::unix::fs::PermissionsExt as _,
    process::{Command, Output},
};

/// It fails with `code` and one line `error: what; remedy` that has each of `parts`, and prints nothing else.
fn refused(arguments: &[&str], code: i32, parts: &[&str]) {
    let Output { status, stdout, stderr } = command(arguments).output().unwrap();
    let line = String::from_utf8(stderr).unwrap();
    assert_eq!(status.code(), Some(code), "{arguments:?}: {line}");
    assert_eq!(line.lines().count(), 1, "{arguments:?}: {line}");
    assert!(line.starts_with("error: ") && line.contains("; "), "{arguments:?}: {line}");
    for part in parts {
        assert!(line.contains(part), "{arguments:?}: {part:?} is missing: {line}");
    }
    assert!(stdout.is_empty(), "{arguments:?}");
}

const USAGE: i32 = 2;
const RUN_TIME: i32 = 1;

#[test]
fn wrong_flags_are_refused_with_a_suggestion() {
    for (arguments, part) in [
        (&["--log", "inof"][..], "did you mean info?"),
        (&["--log", ""], "use error, warn, info"),
        (&["--log="], "use error, warn, info"),
        (&["receive", "/nowhere", "--log", "loud"], "use error, warn, info"),
        (&["--scene", "crad"], "did you mean card?"),
        (&["--encoder", "sofware"], "did you mean software?"),
        (&["--camera", "replya"], "did you mean replay:DIR?"),
        (&["--camera", "replay"], "did you mean replay:DIR?"),
        (&["--qualty", "80"], "did you mean --quality?"),
        (&["snapshto", "x.jpg"], "did you mean snapshot?"),
        (&["serve", "--json"], "--json is a flag of watch, top, doctor"),
        (&["--size", "0x0"], "640x480"),
        (&["--fps", "0"], "0.001 to 1000"),
        (&["--fps", "nan"], "0.001 to 1000"),
        (&["--fps", "-1"], "0.001 to 1000"),
        (&["--fps", "inf"], "0.001 to 1000"),
        (&["--quality", "0"], "1 to 100"),
        (&["--quality", "-5"], "1 to 100"),
        (&["--seed", "-1"], "--seed"),
        (&["--drop-chance", "2"], "from 0 (never) to 1"),
        (&["--drop-chance", "nan"], "from 0 (never) to 1"),
        (&["--unplug-after", "0"], "--unplug-after"),
        (&["--max-viewers", "0"], "1 to 10000"),
        (&["--save-control", "x"], "--allow-control"),
        (&["watch", "http://127.0.0.1:1/", "--frames", "0"], "--frames"),
        (&["watch", "http://127.0.0.1:1/", "--seconds", "-1"], "at least 0.001"),
        (&["serve", "--seed", "-1"], "a seed is a whole number"),
        (&["serve", "--unplug-after", "0"], "a number of frames is 1 or more"),
        (&["serve", "--resize-after", "x"], "a number of frames is 1 or more"),
        (&["watch"], "<URL>"),
        (&["receive"], "<DIR>"),
        (&["receive", "/tmp/x", "--bind", "unix:/x"], "TCP"),
        (&["--bind", "camera.lan:8000"], "localhost:8000"),
    ] {
        refused(arguments, USAGE, &[part]);
    }
}

#[test]
fn wrong_value_gets_no_suggestion_from_words_of_its_message() {
    for arguments in [
        ["--camera", "use"],
        ["--unix-group", "groups"],
        ["--allow-origin", "origins"],
        ["--base-path", "camm"],
        ["--encoder", "use"],
    ] {
        // The default port may be in use, which is another error.
        let output = command(&arguments).args(["--bind", "127.0.0.1:0"]).output();
        let Output { status, stderr, .. } = output.unwrap();
        let line = String::from_utf8(stderr).unwrap();
        assert_eq!(status.code(), Some(USAGE), "{line}");
        assert!(!line.contains("did you mean"), "{line}");
    }
}

#[test]
fn wrong_configuration_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let written = |name: &str, text: &[u8]| {
        fs::write(folder.path().join(name), text).unwrap();
        path(name)
    };
    for (file, part) in [
        (path("missing"), "name a TOML file"),
        (path(""), "name a TOML file"),
        (written("no-toml", b"quality ="), "line 1"),
        (written("double", b"fps = 3\nquality = 1\nfps = 4"), "line 3: duplicate key"),
        (written("type", b"fps = 2020-01-01"), "must be a string or a number"),
        (written("no-utf8", b"camera = \"\xff\""), "name a TOML file"),
        (written("key", b"qualty = 3"), "did you mean quality?"),
    ] {
        for command in
            [&["serve"][..], &["doctor"], &["watch", "http://127.0.0.1:1/"], &["receive", "/nowhere"]]
        {
            refused(&[command, &["--config", &file]].concat(), USAGE, &[&file, part]);
        }
    }
}

#[test]
fn unopenable_file_or_address_is_named_with_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().to_str().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let _taken = TcpListener::bind(taken).unwrap();
    let taken = taken.to_string();
    let quick = ["--bind", "127.0.0.1:0"];
    for (arguments, code, parts) in [
        (&["--bind", &taken][..], RUN_TIME, [&taken, "in use"]),
        (&["receive", folder, "--bind", &taken], RUN_TIME, [&taken, "in use"]),
        (&["--bind", "192.0.2.1:8000"], RUN_TIME, ["192.0.2.1:8000", "choose an address of this machine"]),
        (&["--html", "/nowhere"], RUN_TIME, ["/nowhere", "--html"]),
        (
            &["--token-file", "/dev/null"],
            RUN_TIME,
            ["ASCII; make one with: openssl rand -hex 16 (--token-file)", ""],
        ),
        (&[&quick[..], &["--camera", "/dev/nope"]].concat(), USAGE, ["/dev/nope", "replay:DIR"]),
        (
            &[&quick[..], &["--camera", ""]].concat(),
            USAGE,
            ["'' for '--camera <[NAME=]SPEC>'", "`doctor` lists them"],
        ),
        (&[&quick[..], &["--camera", "replay:/nowhere"]].concat(), RUN_TIME, ["/nowhere", "; "]),
        (&["snapshot", "/nowhere/x.jpg"], RUN_TIME, ["/nowhere/x.jpg", "can be written"]),
        (&["snapshot", "x.gif"], USAGE, ["x.gif", "neither .jpg nor .png"]),
        (&["snapshot", folder], USAGE, [folder, "neither .jpg nor .png"]),
        (&["snapshot", "/proc/x.jpg"], RUN_TIME, ["/proc/x.jpg", "can be written"]),
        (&["receive", "/proc/pictures"], RUN_TIME, ["/proc/pictures", "; "]),
        (&["watch", &format!("http://{}/", unused())], RUN_TIME, ["refused", "is the server running?"]),
        (&["watch", "http://nowhere.invalid/"], RUN_TIME, ["nowhere.invalid", "check its name"]),
    ] {
        refused(arguments, code, &parts);
    }
}

/// An address without a server.
fn unused() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

/// A server, and its URL.
struct Serving {
    program: Program,
    url: String,
}

impl Serving {
    fn start(flags: &[&str]) -> Self {
        let mut program = Program::start(command(&[&["serve", "--bind", "localhost:0"], flags].concat()));
        let url = program.line().strip_prefix("streaming on ").expect("an address").to_owned();
        Self { program, url }
    }
}

#[test]
fn watch_of_the_printed_address_names_the_stream() {
    let server = Serving::start(&[]);
    assert!(server.url.starts_with("http://127.0.0.1:"), "{}", server.url);
    refused(&["watch", &server.url], RUN_TIME, &[&format!("did you mean {}stream?", server.url)]);
    let watched = command(&["watch", &format!("{}stream", server.url), "--frames", "3"]).output().unwrap();
    assert!(watched.status.success(), "{watched:?}");
}

#[test]
fn interrupted_watch_reports_all_that_came() {
    let server = Serving::start(&["--fps", "50"]);
    let url = format!("{}stream", server.url);
    let report = |stdout: &[u8]| {
        let report: serde_json::Value = serde_json::from_slice(stdout).expect("a report");
        assert_eq!(report["ended"], "interrupted", "{report}");
        report["frames"].as_u64().unwrap()
    };
    // Within the first second there is no report on the way. A busy machine may need it all for the start: then once more.
    let complete = (0..10).any(|_| {
        let mut command = Command::new("timeout");
        command.args(["--preserve-status", "-s", "INT", "0.8", PROGRAM, "watch", "--json", &url]);
        let Output { status, stdout, stderr } = command.output().unwrap();
        let frames = if stdout.is_empty() { 0 } else { report(&stdout) };
        assert!(frames == 0 || status.success() && stderr.is_empty(), "{}", stderr.escape_ascii());
        frames > 0
    });
    assert!(complete, "what came before the first second was over is not reported");
    // A server that takes the connection and sends nothing. Who has connected catches signals.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let watch =
        command(&["watch", "--json", &format!("http://{}/", silent.local_addr().unwrap())]).spawn().unwrap();
    let taken = silent.accept().unwrap();
    assert!(Command::new("kill").args(["-s", "INT", &watch.id().to_string()]).status().unwrap().success());
    let Output { status, stdout, stderr } = watch.wait_with_output().unwrap();
    drop(taken);
    assert_eq!((status.code(), report(&stdout)), (Some(RUN_TIME), 0));
    let stderr = String::from_utf8(stderr).unwrap();
    assert!(stderr.contains("no picture arrived (interrupted); "), "{stderr}");
}

#[test]
fn unplugged_camera_logs_one_warning() {
    let server = Serving::start(&["--unplug-after", "5", "--fps", "100"]);
    let log = until("the camera does not come back", || {
        Some(server.program.log()).filter(|log| log.matches("capturing").count() > 1)
    });
    let between = log.split("capturing").nth(1).unwrap();
    let warnings: Vec<_> = between.lines().filter(|line| line.contains("WARN")).collect();
    assert!(matches!(&warnings[..], [one] if one.contains("unplugged; plug it in again")), "{warnings:?}");
}

#[test]
fn one_configuration_file_serves_every_command() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("eyelet.toml");
    let kept = folder.path().join("kept");
    // `bind` and `token` are those of serve: receive would take its port, and watch show its secret.
    let text = format!(
        "bind = {:?}\ntoken = \"hunter2\"\nframes = 1\n[receive]\nbind = \"127.0.0.1:0\"\n",
        unused()
    );
    fs::write(&config, text).unwrap();
    fs::set_permissions(&config, fs::Permissions::from_mode(0o600)).unwrap(); // a secret is in it
    let config = config.to_str().unwrap();
    let mut receiver = Program::start(command(&["receive", kept.to_str().unwrap(), "--config", config]));
    let url = receiver.line().strip_prefix("receiving on ").expect("an address").to_owned();
    let upload = command(&["upload", &url, "--count", "1", "--config", config]).output().unwrap();
    drop(receiver);
    assert!(upload.status.success(), "{upload:?}");
    let server = Serving::start(&["--config", config]);
    let url = format!("{}stream", server.url);
    refused(&["watch", &url, "--config", config], RUN_TIME, &["401"]);
    let token =
        command(&["watch", &url, "--config", config]).env("EYELET_TOKEN", "hunter2").output().unwrap();
    assert!(token.status.success(), "{token:?}");
    let shot = folder.path().join("x.png");
    assert!(command(&["snapshot", shot.to_str().unwrap(), "--config", config]).status().unwrap().success());
    assert!(command(&["doctor", "--config", config]).output().unwrap().status.success());
}

/// A camera that delivers JPEGs alone.
fn replay(folder: &tempfile::TempDir) -> String {
    let picture = folder.path().join("1.jpg");
    assert!(command(&["snapshot", picture.to_str().unwrap(), "--size", "64x48"]).status().unwrap().success());
    format!("replay:{}", folder.path().display())
}

/// A supervisor that is to restart the program would do so for ever: that is wrong usage, after which it does not.
#[test]
fn edits_of_a_camera_of_jpegs_are_wrong_usage() {
    let folder = tempfile::tempdir().unwrap();
    let camera = replay(&folder);
    let bind = ["--bind", "127.0.0.1:0"];
    let alone = [&["--camera", &camera, "--rotate", "90"], &bind[..]].concat();
    refused(
        &alone,
        USAGE,
        &[
            &format!("error: cannot edit the pictures of {camera}: JPEGs cannot be rotated, "),
            "; use another camera, or leave out --rotate, --flip, ",
        ],
    );
    refused(
        &["snapshot", "/nowhere/x.jpg", "--camera", &camera, "--flip", "h"],
        USAGE,
        &["JPEGs cannot be "],
    );
    let named = format!("back={camera}");
    let several = [&["--camera", "front=sim", "--camera", &named, "--overlay", "x"], &bind[..]].concat();
    refused(&several, USAGE, &["error: back: cannot edit the pictures of replay:"]);
}

#[test]
fn doctor_reports_edits_that_cannot_be_done_with_their_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let camera = replay(&folder);
    let problems = |flags: &[&str]| {
        let output = command(&[&["doctor", "--json"], flags].concat()).output().unwrap();
        let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        (output.status.code(), found["problems"].clone())
    };
    let (code, found) = problems(&["--mask", "5000,0,5,5"]);
    assert_eq!(
        (code, &found[0]["kind"], &found[0]["device"]),
        (Some(1), &"invalid-input".into(), &().into())
    );
    assert_eq!(found[0]["what"], "cannot mask 5000,0,5,5: it lies outside the picture");
    assert_eq!(found[0]["remedy"], "choose a place in 640x480 (--mask)");
    let (code, found) = problems(&["--overlay", "x", "--camera", &camera]);
    assert_eq!((code, &found[0]["device"]), (Some(1), &camera.as_str().into()));
    assert_eq!(
        found[0]["what"],
        format!(
            "cannot edit the pictures of {camera}: JPEGs cannot be rotated, flipped, masked or written on"
        )
    );
    assert_eq!(found[0]["remedy"], "use another camera, or leave out --rotate, --flip, --mask and --overlay");
    assert_eq!(problems(&["--overlay", "x", "--mask", "0,0,5,5", "--camera", "sim"]).0, Some(0));
}

#[test]
fn doctor_checks_the_camera_and_encoder_of_its_flags() {
    let output = command(&["doctor", "--json", "--camera", "replay:/nowhere"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let problem = &found["problems"][0];
    assert_eq!((&problem["kind"], &problem["device"]), (&"not-found".into(), &"replay:/nowhere".into()));
    assert!(problem["what"].as_str().unwrap().contains("/nowhere"), "{problem}");
    refused(&["doctor", "--camera", "smi"], USAGE, &["no camera \"smi\""]);
    refused(&["doctor", "--encoder", "sofware"], USAGE, &["did you mean software?"]);
    let output = command(&["doctor", "--camera", "sim", "--encoder", "software"]).output().unwrap();
    assert!(output.status.success());
    let listed = String::from_utf8(output.stdout).unwrap();
    assert!(listed.contains("frames: 30 of 640x480 nv12, "), "the camera was tried: {listed}");
}

#[test]
fn counted_upload_refused_for_good_announces_no_retry() {
    let server = Serving::start(&[]);
    let output = command(&["upload", &server.url, "--count", "1", "--log", "warn"]).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.starts_with("error: cannot upload to ") && stderr.contains("405"), "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
}

#[test]
fn doctor_with_json_prints_fields() {
    let output = command(&["doctor", "--json"]).output().unwrap();
    assert!(output.status.success(), "nothing is missing");
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let sim = &found["cameras"][0];
    assert_eq!(sim["name"], "sim");
    let names: Vec<_> =
        sim["formats"].as_array().unwrap().iter().map(|f| f["name"].as_str().unwrap()).collect();
    assert!(names.contains(&"nv12") && names.contains(&"jpeg"), "{names:?}");
    assert_eq!(sim["formats"][0]["sizes"][0]["max"], serde_json::json!([8192, 8192]));
    assert_eq!((&sim["controls"][0]["name"], &sim["controls"][0]["kind"]), (&"scene".into(), &"menu".into()));
}
