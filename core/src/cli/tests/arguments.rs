//! What is typed: values, defaults, help and errors.

use super::*;

#[test]
fn failure_displayed_is_one_line_that_keeps_spaces() {
    let failure = Failure::runtime("cannot write /a  b\n  c\x1b[2J: no;\r\n  choose another\n");
    assert_eq!(failure.to_string(), "cannot write /a  b c\\u{1b}[2J: no; choose another");
    let failure = Failure::Usage("invalid value '\u{202e}fdp.é'; see --help".to_owned());
    assert_eq!(failure.to_string(), "invalid value '\\u{202e}fdp.é'; see --help");
}

#[test]
fn arguments_without_a_subcommand_are_those_of_serve() {
    assert_eq!(serve(&[]).camera.size.to_string(), "640x480");
    assert_eq!(serve(&["--quality", "50"]).camera.quality.get(), 50);
    assert_eq!(serve(&["serve", "--max-viewers=3"]).max_viewers, 3);
    assert!(matches!(parsed(&["--help"]), Err(Failure::Help(_))));
    assert!(matches!(parsed(&["--version"]), Err(Failure::Help(_))));
}

#[test]
fn bad_value_is_refused_with_valid_ones() {
    for (arguments, part) in [
        (["--size", "0x0"], "'0x0' for '--size <WxH>': a size is WIDTHxHEIGHT with sides from 1 to 65535"),
        (["--size", "640"], "such as 640x480; "),
        (["--size", "99999x99999"], "such as 640x480; "),
        (["--quality", "0"], "a quality is a whole number from 1 to 100; "),
        (["--format", "h264"], "use one of nv12, nv21, "),
        (["--fps", "0"], "a frame rate is a number from 0.001 to 1000, such as 30; "),
        (["--bind", "nowhere"], "--bind"),
        (["--bind", "camera.lan:8000"], "localhost:8000"),
        (
            ["--log", "inof"],
            "\"inof\" is not a level; use error, warn, info, debug, trace, off or a list such as",
        ),
        (["--log", ""], "\"\" is not a level; use error, "),
        (["--log", "sim=debug"], "info,eyelet_core::http=debug; see --help"),
        (
            ["--camera", ""],
            "'' for '--camera <[NAME=]SPEC>': a name has at least one character; `doctor` lists them; ",
        ),
        (["--encoder", ""], "'' for '--encoder <NAME>': a name has at least one character; "),
        (["--config", ""], "a value is required for '--config <FILE>' but none was supplied; "),
        (["--port", "80"], "did you mean --bind 127.0.0.1:8000? "),
        (["watch", "--frames=0"], "a number of pictures is 1 or more; "),
        (
            ["watch", "--seconds=0.0001"],
            "expected seconds (at least 0.001) or a time such as 500ms, 10s, 5m or 1h; ",
        ),
        (["--rotate", "45"], "a rotation is 90, 180 or 270 degrees, clockwise; "),
        (["--flip", "x"], "a picture is flipped h (left and right), v (top and bottom) or hv (both); "),
        (["--mask", "1,2,3"], "a mask is X,Y,WIDTH,HEIGHT in pixels, such as 400,0,240,120; "),
        (["--mask", "1,2,3,4,5"], "a mask is X,Y,WIDTH,HEIGHT"),
        (["--mask", "-1,2,3,4"], "a mask is X,Y,WIDTH,HEIGHT"),
        (["--overlay", "{nam}"], "unknown placeholder {nam}; use {name}, {host}, {sequence}, {time}, "),
        (["--overlay", "{time:%Q}"], "unknown %Q in a time; use %F %T %Y "),
        (["--overlay", ""], "it is empty; "),
        (["--overlay", "{time:%\u{202e}}"], "unknown %\\u{202e} in a time; use "),
        (["--qualty", "80"], "did you mean --quality? "),
        (["--format", "yuvy"], "did you mean yuyv? "),
        (["--spool-full", "drop-odlest"], "did you mean drop-oldest? "),
        (["sevre", "--fps=3"], "did you mean serve? "),
        (["upload", "192.168.0.2"], "write http://192.168.0.2/upload; "),
        (["watch", "cam:8000/stream"], "write http://cam:8000/stream; "),
        (["watch", "me:hunter2@cam:x"], "write http://***@cam:x/stream; "),
        (["--count", "3"], "--count is a flag of upload, not of this command; "),
        (["upload", "http:///upload"], "no host"),
        (["upload", "http://x/{frame}"], "unknown placeholder {frame}; use {sequence}, {timestamp}, {run}"),
        (["--upload-method", "patch"], "a method is post, put or form; "),
        (["--spool-max", "1"], "expected a size of at least 64K, such as 500M or 2G; "),
        (["--spool-full", "panic"], "a full spool can drop-oldest or hold; "),
        (["frobnicate", "x"], "frobnicate"),
    ] {
        let what = refused(&arguments);
        assert!(what.contains(part), "{what}");
        assert!(what.contains("; "), "no remedy: {what}");
    }
}

#[test]
fn help_subcommand_prints_the_same_as_the_flag() {
    let help = |arguments: &[&str]| match parsed(arguments) {
        Err(Failure::Help(text)) => text,
        other => panic!("{arguments:?} gave {other:?}"),
    };
    assert_eq!(help(&["help"]), help(&["--help"]));
    assert_eq!(help(&["help", "watch"]), help(&["watch", "--help"]));
    assert!(refused(&["help", "wacth"]).contains("did you mean watch? "));
    // The defaults are those of this binary.
    let serve = help(&["help", "serve"]);
    assert!(serve.contains("otherwise 127.0.0.1:0]") && serve.contains("[default: none]"), "{serve}");
}

#[test]
fn secret_in_arguments_is_in_no_error_and_no_debug_output() {
    let (_file, name) = file("token = \"hunter2\"\nupload = \"http://me:hunter2@cam\"\n");
    let args = serve(&["--config", &name]);
    assert!(!format!("{args:?}").contains("hunter2"), "{args:?}");
    for arguments in [
        &["--upload", "http://me:hunter2@cam:x"][..],
        &["--token", "hunter2", "--token-file", "x"],
        &["--token", "hunter2", "--nonsense"],
        &["upload", "http://me:hunter2@cam?hunter2", "http://me:hunter2@cam"],
        &["watch", "ftp://me:hunter2@cam"],
        &["watch", "me:hunter2@cam"],
        &["watch", "me:hunter2@cam:8000?token=hunter2"],
        &["upload", "me:hunter2@"],
    ] {
        let what = refused(arguments);
        assert!(!what.contains("hunter2"), "{what}");
    }
    let (_file, name) = file("upload = \"http://me:hunter2@cam:x\"\n");
    let what = refused(&["--config", &name]);
    assert!(!what.contains("hunter2"), "{what}");
    let (_file, name) = file("token = hunter2\n");
    let what = refused(&["--config", &name]);
    assert!(!what.contains("hunter2"), "{what}");
}

#[test]
fn edits_of_pictures_come_from_flags_and_config_files_alike() {
    let edits = |arguments: &[&str]| args::picture::edits(&serve(arguments).camera);
    let text = "rotate = 90\nflip = \"h\"\noverlay = \"{name} {time}\"\noverlay-at = \"bottom-right\"\n\
                mask = [\"470, 600, 20, 90\", \"0,0,1,1\"]";
    let (_file, name) = file(text);
    assert!(edits(&["--overlay", "-x", "--overlay-at", "top-right"]).unwrap().is_some(), "a hyphen in front");
    let flags = ["--rotate=90", "--flip=h", "--overlay={name} {time}", "--overlay-at=bottom-right"];
    let flags = [&flags[..], &["--mask=470,600,20,90", "--mask=0,0,1,1"]].concat();
    let debug = |arguments: &[&str]| format!("{:?}", edits(arguments).unwrap().unwrap());
    assert_eq!(debug(&["--config", &name]), debug(&flags));
    // In the picture that viewers see, which is 480 wide.
    assert!(edits(&["--rotate=180", "--mask=470,600,20,90"]).is_err());
    assert!(edits(&["--size=800x600", "--rotate=270", "--mask=599,799,1,1"]).is_ok());
    assert!(edits(&[]).unwrap().is_none());
    for (arguments, part) in [
        (
            ["--mask=640,0,9,9", "--fps=3"],
            "mask 640,0,9,9: it lies outside the picture; choose a place in 640x480 (--mask)",
        ),
        (["--mask=0,0,0,9", "--fps=3"], "it has no pixels; give it a width and a height (--mask)"),
        (
            ["--flip=v", "--format=jpeg"],
            "need raw frames, and --format jpeg asks for JPEGs; omit --format, or name",
        ),
    ] {
        match edits(&arguments).map_err(Failure::from) {
            Err(Failure::Usage(what)) => assert!(what.contains(part), "{what}"),
            other => panic!("{arguments:?} gave {other:?}"),
        }
    }
}

#[test]
fn bit_budget_is_refused_where_it_makes_no_sense() {
    for (arguments, part) in [
        (&["--max-kbps", "0"][..], "'0' for '--max-kbps <N>': a whole number of kbit/s from 1"),
        (&["--max-kbps", "2M"], "such as 2000"),
        (&["--max-kbps", "2000", "--quality-min", "0"], "from 1 to 100"),
    ] {
        let what = refused(arguments);
        assert!(what.contains(part), "{what}");
    }
    let budget = |arguments: &[&str]| {
        let args = serve(arguments);
        args.budget.budget(args.camera.quality).map_err(|failure| failure.to_string())
    };
    assert!(budget(&[]).unwrap().is_none());
    for arguments in [&["--max-kbps", "1"][..], &["--max-kbps", "1", "--quality", "10"]] {
        assert!(budget(arguments).unwrap().is_some(), "{arguments:?}");
    }
    let without = budget(&["--quality-min", "30"]).unwrap_err();
    assert!(without.contains("add --max-kbps"), "{without}");
    let above = budget(&["--max-kbps", "2000", "--quality-min", "81"]).unwrap_err();
    assert!(above.contains("--quality-min 81 is above --quality 80"), "{above}");
}
