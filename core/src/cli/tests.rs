//! Arguments and configuration files, as a binary without devices sees them.

use super::{args::Command, *};
use crate::pipeline::Open;
use eyelet_hal::{JpegEncoder, Result};
use proptest::prelude::*;
use std::net::{Ipv4Addr, SocketAddr};

#[derive(Debug)]
struct Nothing;

#[derive(Clone, Debug, clap::Args)]
struct Flags {
    #[arg(long)]
    seed: Option<u64>,
}

impl Platform for Nothing {
    const PROGRAM: &'static str = "nothing";
    const CAMERA: &'static str = "none";
    const BIND: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
    type Flags = Flags;
    type Command = NoCommand;

    fn cameras(_: CameraRequest, _: &Flags) -> Result<Open<dyn eyelet_hal::CameraSource>> {
        unreachable!("no command runs here")
    }
    fn encoder(_: &str, _: &Flags) -> Result<Box<dyn JpegEncoder>> {
        unreachable!("no command runs here")
    }
    fn doctor(_: &CameraRequest, _: &Flags, _: &dyn Fn() -> bool) -> Findings {
        unreachable!("no command runs here")
    }
    fn run(command: NoCommand, _: &Output) -> Outcome {
        match command {}
    }
}

fn parsed(arguments: &[&str]) -> std::result::Result<Command<Nothing>, Failure> {
    parse(std::iter::once("nothing").chain(arguments.iter().copied()).map(OsString::from).collect())
}

fn serve(arguments: &[&str]) -> ServeArgs<Flags> {
    match parsed(arguments) {
        Ok(Command::Serve(args)) => *args,
        other => panic!("{arguments:?} gave {other:?}"),
    }
}

fn refused(arguments: &[&str]) -> String {
    match parsed(arguments) {
        Err(Failure::Usage(what)) => {
            assert!(!what.contains('\n'), "one line: {what}");
            what
        }
        other => panic!("{arguments:?} gave {other:?}"),
    }
}

fn file(text: &str) -> (tempfile::NamedTempFile, String) {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    let name = file.path().to_str().unwrap().to_owned();
    (file, name)
}

#[test]
fn config_name_that_no_file_can_have_is_wrong_usage_in_one_line() {
    let (not_a_directory, name) = file("");
    for config in
        ["no\nsuch\x1b[2Jfile", &format!("{name}/x"), &"long".repeat(100), "nul\0", "/dev/zero", "/"]
    {
        let failure = parsed(&["--config", config]).unwrap_err();
        let what = failure.to_string();
        assert!(matches!(failure, Failure::Usage(_)), "{what}");
        assert!(what.starts_with("cannot read ") && !what.contains(char::is_control), "{what}");
    }
    drop(not_a_directory);
}

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
        (["watch", "--seconds=0.0001"], "expected seconds (at least 0.001); "),
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
fn config_file_sets_flags_and_the_command_line_overrides_it() {
    let (_file, name) =
        file("quality = 33\nsize = \"320x240\"\nfps = 12.5\nbind = \"127.0.0.1:1234\"\nseed = 7\n");
    let args = serve(&["--config", &name, "--quality", "44"]);
    assert_eq!(args.camera.quality.get(), 44);
    assert_eq!(args.camera.size.to_string(), "320x240");
    assert_eq!(args.camera.fps.get(), 12.5);
    assert_eq!(args.bind, ["127.0.0.1:1234".parse().unwrap()]);
    assert_eq!(args.camera.own.seed, Some(7));
}

#[test]
fn repeatable_flag_may_be_a_list_in_a_config_file() {
    let bound = |arguments: &[&str]| {
        serve(arguments).bind.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(bound(&["--bind", "127.0.0.1:1", "--bind=unix:/run/x"]), "127.0.0.1:1 unix:/run/x");
    assert_eq!(bound(&[]), "");
    let (_file, name) = file("bind = [\"0.0.0.0:1\", \"[::]:1\"]");
    assert_eq!(bound(&["--config", &name]), "0.0.0.0:1 [::]:1");
    assert_eq!(
        bound(&["--config", &name, "--bind", "[::1]:2"]),
        "[::1]:2",
        "typed ones count, not the file's"
    );
    let (_file, name) = file("bind = [[\"0.0.0.0:1\"]]");
    assert!(
        refused(&["--config", &name])
            .contains("bind is or has an array; it must be a string or a number, or a list of those")
    );
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
fn config_file_for_several_subcommands_is_accepted_by_each() {
    let (_file, name) = file("bind = \"127.0.0.1:1234\"\nquality = 33\ncount = 5\n");
    match parsed(&["upload", "http://x/upload", &format!("--config={name}")]) {
        Ok(Command::Upload(args)) => {
            assert_eq!(args.camera.quality.get(), 33);
            assert_eq!(args.count.unwrap().get(), 5);
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(serve(&["--config", &name]).camera.quality.get(), 33);
}

#[test]
fn config_table_applies_to_the_subcommand_of_its_name_alone() {
    let text = "quality = 33\nbind = [\"127.0.0.1:1\"]\ntoken = \"hunter2\"\ntls-roots = \"/roots\"\n[serve]\nquality = 44\n\
                bind = \"127.0.0.1:2\"\n[watch]\nframes = 7\njson = true\n[upload]\nspool = \"/x\"\n";
    let (_file, name) = file(text);
    let args = serve(&["--config", &name]);
    assert_eq!((args.camera.quality.get(), args.upload_flags.spool), (44, None));
    assert_eq!(args.bind, ["127.0.0.1:2".parse().unwrap()], "the table's list takes the other's place");
    assert!(args.access.token.token.is_some());
    match parsed(&["watch", "http://x/", "--config", &name]) {
        Ok(Command::Watch(args)) => {
            assert_eq!((args.frames.unwrap().get(), args.json), (7, true));
            assert_eq!(args.roots.tls_roots.as_deref(), Some("/roots".as_ref()));
            assert!(args.token.token.is_none(), "the secret of this server is shown to another");
        }
        other => panic!("{other:?}"),
    }
    match parsed(&["upload", "http://x/upload", "--config", &name]) {
        Ok(Command::Upload(args)) => {
            assert_eq!((args.camera.quality.get(), args.upload_flags.spool), (33, Some("/x".into())));
        }
        other => panic!("{other:?}"),
    }
    for (text, part) in [
        ("[serve]\ncount = 3", "unknown key count; "),
        (
            "[watch]\nframse = 3",
            "unknown key framse; did you mean frames? the keys are the flags of watch --help",
        ),
        ("[serve]\nconfig = \"x\"", "unknown key config; "),
        ("[server]\nfps = 3", "unknown key server; "),
        ("[serve]\nfps = 0", "a frame rate is a number"),
        ("[serve.fps]\nx = 0", "fps is a table; "),
    ] {
        let (_file, name) = file(text);
        let what = refused(&["--config", &name]);
        assert!(what.contains(part), "{text}: {what}");
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
fn upload_headers_typed_replace_those_of_the_config_file() {
    let (_file, name) = file("upload-header = [\"A: secret\", \"B: 2\"]\nspool = \"/x\"\n");
    let lines = |args: &UploadFlags| args.upload_header.iter().map(|line| line.0.clone()).collect::<Vec<_>>();
    let args = serve(&["--config", &name]).upload_flags;
    assert_eq!(lines(&args), ["A: secret", "B: 2"]);
    assert!(!format!("{args:?}").contains("secret"));
    assert_eq!(args.spool.as_deref(), Some("/x".as_ref()));
    assert!(args.spool_max.is_none());
    let args = serve(&["--config", &name, "--upload=http://cam/", "--upload-header", "C: 3"]).upload_flags;
    assert_eq!(lines(&args), ["C: 3"], "what is typed counts more");
    let (_file, name) = file("upload-header = [[1]]");
    assert!(refused(&["--config", &name]).contains("upload-header is or has an array; "));
}

#[test]
fn bad_upload_header_is_wrong_usage_and_its_value_is_hidden() {
    let hub = crate::feed::Hub::default();
    let args = serve(&["--upload", "http://x/", "--upload-header", "Host: secret"]);
    match setup::upload::prepare(args.upload, &args.upload_flags, &hub) {
        Err(Failure::Usage(what)) => assert!(what.contains("Host") && !what.contains("secret"), "{what}"),
        _ => panic!("a Host header was taken"),
    }
}

#[test]
fn error_in_a_config_file_names_the_file() {
    for (text, part) in [
        ("qualty = 80", "unknown key qualty; did you mean quality? "),
        ("log = \"inof\"", "is not a level; use error, "),
        ("quality = 80\nquality = 81", "line 2: duplicate key; give each key once"),
        ("serve = 5", "serve is an integer; it must be a table, [serve]"),
        ("[[serve]]", "serve is an array; it must be a table, [serve]"),
        ("\"\" = 1", "unknown key \"\"; "),
        ("insecure-credentials = \"yes\"", "insecure-credentials is a string; it must be true or false"),
        ("quality = 0", "a quality is a whole number from 1 to 100; "),
        ("quality = [80]", "quality is an array; it must be a string or a number"),
        (
            "mask = [[0, 0, 10, 10]]",
            "mask is or has an array; it must be a string or a number, or a list of those",
        ),
        ("mask = true", "mask is or has a boolean; "),
        ("quality = ", "line 1: "),
        ("config = \"x\"", "unknown key config; the keys are "),
        ("help = 1", "unknown key help; "),
    ] {
        let (_file, name) = file(text);
        let what = refused(&["--config", &name]);
        assert!(what.starts_with(&format!("{name}: ")), "{what}");
        assert!(what.contains(part), "{text}: {what}");
    }
    let what = refused(&["--config", "/nowhere/eyelet.toml"]);
    assert!(what.starts_with("cannot read /nowhere/eyelet.toml: "), "{what}");
}

proptest! {
    #[test]
    fn configuration_round_trips(
        width in 1u32..=65535, height in 1u32..=65535, fps in 0.001f64..=1000.0, quality in 1u8..=100,
        viewers in 1usize..=10_000, camera in "[a-z/:\"'\\\\ ]{1,20}", seed in prop::option::of(0..i64::MAX as u64),
        format in prop::sample::select(eyelet_hal::PixelFormat::ALL.to_vec()),
    ) {
        let mut table = toml::Table::new();
        table.insert("size".into(), format!("{width}x{height}").into());
        table.insert("fps".into(), fps.into());
        table.insert("quality".into(), i64::from(quality).into());
        table.insert("max-viewers".into(), (viewers as i64).into());
        table.insert("camera".into(), camera.clone().into());
        table.insert("format".into(), format.to_string().into());
        if let Some(seed) = seed {
            table.insert("seed".into(), (seed as i64).into());
        }
        let (_file, name) = file(&toml::to_string(&table).unwrap());
        let args = serve(&["--config", &name]);
        prop_assert_eq!(args.camera.size.to_string(), format!("{width}x{height}"));
        prop_assert!((args.camera.fps.get() - fps).abs() <= 0.0005 + f64::EPSILON * fps);
        prop_assert_eq!(args.camera.quality.get(), quality);
        prop_assert_eq!(args.max_viewers, viewers);
        prop_assert_eq!(&args.camera.camera, &[camera.parse().unwrap()]);
        prop_assert_eq!(args.camera.format, Some(format));
        prop_assert_eq!(args.camera.own.seed, seed);
    }
}

#[test]
fn switch_in_a_config_file_is_true_or_false() {
    let (_file, name) = file("insecure-credentials = true\n");
    assert!(serve(&["--config", &name]).upload_flags.insecure_credentials);
    let (_file, name) = file("insecure-credentials = false\n");
    assert!(!serve(&["--config", &name]).upload_flags.insecure_credentials);
    let (_file, name) = file("insecure-credentials = 1\n");
    assert!(refused(&["--config", &name]).contains("insecure-credentials"));
    let (_file, name) = file("quality = true\n");
    assert!(refused(&["--config", &name]).contains("quality is a boolean"));
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
fn upload_flags_without_effect_are_refused() {
    let what = refused(&["upload", "http://cam/", "--count", "0"]);
    assert!(what.contains("'0' for '--count <N>': a number of pictures is 1 or more"), "{what}");
    let what = refused(&["upload", "http://cam/", "--upload-every", "0"]);
    assert!(
        what.contains("expected seconds (at least 0.001) or a time such as 500ms, 10s, 5m or 1h"),
        "{what}"
    );
    for flags in [["--spool-max", "1M"], ["--spool-full", "hold"]] {
        let Ok(Command::Upload(args)) = parsed(&[&["upload", "http://cam/"], &flags[..]].concat()) else {
            panic!("{flags:?}")
        };
        let Err(Failure::Usage(what)) =
            setup::upload::to(args.url, &args.upload_flags, &crate::feed::Hub::default())
        else {
            panic!("{flags:?}")
        };
        let want =
            format!("{} does nothing without --spool; name a folder with --spool, or leave it out", flags[0]);
        assert_eq!(what, want);
    }
}

#[test]
fn serve_with_upload_flags_but_no_upload_is_refused_unless_they_are_in_a_config_file() {
    for flag in [
        "--upload-method=put",
        "--upload-field=x",
        "--upload-header=A: b",
        "--upload-every=10s",
        "--upload-timeout=5",
        "--upload-proxy=http://x:1",
        "--insecure-credentials",
        "--tls-roots=/x",
        "--spool=/x",
        "--spool-max=1M",
        "--spool-full=hold",
    ] {
        let name = flag.split('=').next().unwrap();
        let want =
            format!("{name} does nothing without --upload; name a server with --upload, or leave it out");
        assert_eq!(refused(&["serve", flag]), want);
        assert!(parsed(&["serve", "--upload", "http://cam/", flag]).is_ok(), "{flag}");
    }
    // They may be meant for the subcommand `upload`, which may have a folder on its command line.
    for text in ["upload-header = \"A: b\"\nspool = \"/x\"\n", "spool-max = \"1M\"\nspool-full = \"hold\"\n"]
    {
        let (_file, name) = file(text);
        let args = serve(&["serve", "--config", &name]);
        let upload = setup::upload::prepare(args.upload, &args.upload_flags, &crate::feed::Hub::default());
        assert!(matches!(upload, Ok(None)), "{text}");
    }
}

#[test]
fn damaged_secret_file_is_a_failure_at_run_time() {
    let folder = tempfile::tempdir().unwrap();
    let (damaged, missing) = (folder.path().join("damaged"), folder.path().join("missing"));
    std::fs::write(&damaged, "not what\nit should be").unwrap();
    for flag in ["--auth-file", "--token-file"] {
        for file in [&damaged, &missing] {
            let args = serve(&["serve", flag, file.to_str().unwrap()]);
            // Exit code 1: a supervisor starts the program again. Meanwhile no client has access.
            let failure = args.access.access().unwrap_err();
            assert!(matches!(failure, Failure::Runtime(_)), "{flag} {file:?}: {failure:?}");
        }
    }
    let typed = serve(&["serve", "--token", "not good"]).access.access().unwrap_err();
    assert!(matches!(typed, Failure::Usage(_)), "{typed:?}");
}

#[cfg(feature = "tls")]
#[test]
fn unreadable_tls_roots_are_refused_at_the_start() {
    let upload = |url: &str| match parsed(&["upload", url, "--tls-roots", "/no/such"]) {
        Ok(Command::Upload(args)) => {
            setup::upload::to(args.url, &args.upload_flags, &crate::feed::Hub::default())
        }
        other => panic!("{other:?}"),
    };
    match upload("https://cam/") {
        Err(Failure::Runtime(what)) => {
            assert!(what.starts_with("cannot read /no/such: "), "{what}");
            assert!(what.ends_with("; name a readable file (--tls-roots)"), "{what}");
        }
        _ => panic!("it is found with the first connection"),
    }
    assert!(upload("http://cam/").is_ok(), "they are not needed");
}

#[test]
fn remedy_of_a_library_error_names_the_flag() {
    let refused = |flags: &[&str]| {
        let args = serve(&[&["--upload", "http://me:pw@cam/"], flags].concat());
        setup::upload::prepare(args.upload, &args.upload_flags, &crate::feed::Hub::default()).map(|_| ())
    };
    match refused(&[]) {
        Err(Failure::Usage(what)) => {
            let want = "; use https, or add --insecure-credentials if that does not matter";
            assert!(what.ends_with(want), "{what}");
        }
        other => panic!("{other:?}"),
    }
    assert!(refused(&["--insecure-credentials"]).is_ok());
    match refused(&["--insecure-credentials", "--spool", "/dev/null"]) {
        Err(Failure::Usage(what)) => {
            assert_eq!(what, "cannot spool in /dev/null: it is a file; name a folder (--spool)");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn error_of_a_pair_of_files_names_the_flag_at_fault() {
    let folder = tempfile::tempdir().unwrap();
    let written = |name: &str, text: &str| {
        let file = folder.path().join(name);
        std::fs::write(&file, text).unwrap();
        file.to_str().unwrap().to_owned()
    };
    let (token, broken) =
        (written("token", "a-token-that-is-long-enough"), written("broken", "no such thing"));
    for users in [&*broken, "/no/such"] {
        let args = serve(&["serve", "--auth-file", users, "--token-file", &token]);
        let what = args.access.access().unwrap_err().to_string();
        assert!(what.contains(users) && what.ends_with(" (--auth-file)"), "{what}");
    }
    let users = written("users", "ann:$2y$04$eaDPVypQQwI7LqH6IqUwZ.3oBGCC76URiH6CiX/sHjfUY/OmU0irK\n");
    for token in [&*broken, "/no/such"] {
        let args = serve(&["serve", "--auth-file", &users, "--token-file", token]);
        let what = args.access.access().unwrap_err().to_string();
        assert!(what.contains(token) && what.ends_with(" (--token-file)"), "{what}");
    }
}

#[test]
fn unix_socket_that_cannot_be_bound_names_the_flag() {
    let runtime = super::runtime().unwrap();
    let _context = runtime.enter();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("no/such/socket");
    let args = serve(&["serve", "--bind", &format!("unix:{}", path.display())]);
    let what = setup::listeners::listen(&args, "127.0.0.1:0".parse().unwrap()).unwrap_err().to_string();
    assert!(what.ends_with("; choose a path in a folder that exists (--bind)"), "{what}");
}

#[cfg(feature = "tls")]
mod tls {
    use super::*;
    use crate::{
        feed::{Hub, Label, Picture, PictureKind, RunId},
        http::{self, Server, ServerTls},
    };
    use eyelet_hal::clock::SystemClock;
    use std::{path::PathBuf, sync::Arc, time::Duration};

    fn pair(folder: &std::path::Path, name: &str) -> [PathBuf; 2] {
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate =
            rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
        let files = ["pem", "key"].map(|extension| folder.join(name).with_extension(extension));
        std::fs::write(&files[0], certificate.pem()).unwrap();
        std::fs::write(&files[1], key.serialize_pem()).unwrap();
        files
    }

    #[test]
    fn error_of_a_certificate_or_its_key_names_the_flag_at_fault() {
        let folder = tempfile::tempdir().unwrap();
        let [certificate, key] = pair(folder.path(), "own");
        let [_, other_key] = pair(folder.path(), "other");
        let broken = folder.path().join("broken");
        std::fs::write(&broken, "no PEM").unwrap();
        for (certificate, key, flag) in [
            (&broken, &key, "--tls-cert"),
            (&folder.path().join("none"), &key, "--tls-cert"),
            (&certificate, &broken, "--tls-key"),
            (&certificate, &folder.path().join("none"), "--tls-key"),
            (&certificate, &other_key, "--tls-key"),
        ] {
            let [certificate, key] = [certificate, key].map(|file| file.to_str().unwrap());
            let args = serve(&["serve", "--tls-cert", certificate, "--tls-key", key]);
            let mut server = Server::new(Hub::default(), Arc::new(SystemClock));
            let what = args.tls.secure(&mut server).unwrap_err().to_string();
            assert!(what.ends_with(&format!(" ({flag})")), "{what}");
        }
    }

    #[test]
    fn running_upload_to_an_unknown_authority_names_the_flag() {
        let folder = tempfile::tempdir().unwrap();
        let [certificate, key] = pair(folder.path(), "own");
        super::super::runtime().unwrap().block_on(async {
            let listener = http::listen("127.0.0.1:0".parse().unwrap()).unwrap();
            let url = format!("https://localhost:{}/upload", listener.local_addr().unwrap().port());
            let mut server = Server::new(Hub::default(), Arc::new(SystemClock));
            server.tls = Some(ServerTls::open(&certificate, &key, Arc::new(SystemClock)).unwrap());
            let serving = server.run(tokio::net::TcpListener::from_std(listener).unwrap());
            let args = serve(&["serve", "--upload", &url]);
            let hub = Hub::default();
            let sender = setup::upload::prepare(args.upload, &args.upload_flags, &hub).unwrap().unwrap();
            let progress = sender.progress();
            hub.feed.publish(Picture {
                jpeg: b"a picture".as_slice().into(),
                label: Label { run: RunId::new(1), sequence: 1, captured_at: Duration::ZERO },
                kind: PictureKind::Live,
            });
            let failed = async {
                loop {
                    if let Some(why) = progress.status().last_error {
                        return why;
                    }
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            };
            let why = tokio::select! {
                why = failed => why,
                () = serving => unreachable!(),
                _ = sender.run() => unreachable!(),
                () = tokio::time::sleep(Duration::from_secs(60)) => panic!("the upload does not fail"),
            };
            assert!(why.ends_with("; name its certificate, or its authority's, with --tls-roots"), "{why}");
        });
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

/// An empty configuration was written over, and a key that begins with a brace was set aside.
#[test]
fn file_of_saved_settings_is_that_of_no_other_flag() {
    use std::os::unix::fs::symlink;
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(at("file"), "").unwrap();
    symlink("file", at("link")).unwrap();
    std::fs::hard_link(at("file"), at("name")).unwrap();
    symlink("later", at("link-to-later")).unwrap();
    symlink(".", at("folder")).unwrap();
    let (file, later) = (at("file"), at("later"));
    let saved =
        |path: &str, flags: &[&str]| refused(&[&["--allow-control", "--save-control", path], flags].concat());
    for path in [&file, &at("link"), &at("name"), &at("folder/file")] {
        let what = saved(path, &["--config", &file]);
        let want = "is the file of --config too, and would be written over; give it one of its own";
        assert_eq!(what, format!("--save-control {path} {want}"));
    }
    let replayed = format!("front=replay:{file}");
    for flags in [
        &["--token-file", &*file][..],
        &["--auth-file", &file],
        &["--html", &file],
        &["--tls-cert", &file, "--tls-key", &later],
        &["--tls-cert", &later, "--tls-key", &file],
        &["--upload", "http://127.0.0.1:9/", "--tls-roots", &file],
        &["--upload", "http://127.0.0.1:9/", "--spool", &file],
        &["--access-log", &file],
        &["--watchdog", &file],
        &["--camera", &file],
        &["--camera", "back=sim", "--camera", &replayed],
    ] {
        let flag = flags.iter().zip(&flags[1..]).find(|(_, value)| value.ends_with(&file)).unwrap().0;
        assert!(saved(&at("link"), flags).contains(&format!(" is the file of {flag} too, ")), "{flags:?}");
    }
    for path in [&later, &at("link-to-later"), &at("folder/later")] {
        assert!(
            saved(path, &["--access-log", &later]).contains("is the file of --access-log too, "),
            "{path}"
        );
    }
    let (_config, config) = self::file(&format!("save-control = {file:?}\ntoken-file = {file:?}\n"));
    assert!(refused(&["--config", &config]).contains("is the file of --token-file too, "));
    // Neither is another file, nor one of the same name elsewhere.
    let args = serve(&["--save-control", &later, "--token-file", &file, "--access-log", "elsewhere/later"]);
    assert_eq!(args.control.save_control.unwrap().to_str(), Some(&*later));
}
