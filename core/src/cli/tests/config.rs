//! Configuration files.

use super::*;
use proptest::prelude::*;

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
fn error_in_a_config_file_names_the_file_and_the_line() {
    for (text, part) in [
        ("qualty = 80", "unknown key qualty; did you mean quality? "),
        ("log = \"inof\"", "is not a level; use error, "),
        ("quality = 80\nquality = 81", "duplicate key; give each key once"),
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
        ("quality = ", "; it must be TOML, such as quality = 80"),
        ("quality = 0x0", "invalid value '0' for '--quality <1..100>'"),
        ("seed = 18446744073709551616", "seed"),
        ("[serve]\n\n\"quality\" = 80\nfps = 0", "a frame rate is a number"),
        ("[watch]\n# Not frames.\nframse = 3", "unknown key framse; did you mean frames? "),
        ("[serve]\nmask = [\n\"0,0,1,1\"]\nfps = true", "fps is a boolean"),
        ("[serve]\nmask = [\n\"0,0,1,1\",\n\"x\"]", "invalid value 'x' for '--mask"),
        ("bind = [\n1.5,\n[]]", "bind is or has an array"),
        (
            "token = \"0123456789abcdef\"\ntoken-file = \"/x\"",
            "token and token-file are two ways to give one",
        ),
        (
            "token-file = \"/x\"\n[serve]\nfps = 3\ntoken-file = \"/x\"\ntoken = \"0123456789abcdef\"",
            "; leave one out",
        ),
        ("config = \"x\"", "unknown key config; the keys are "),
        ("help = 1", "unknown key help; "),
    ] {
        let (_file, name) = file(text);
        let what = refused(&["--config", &name]);
        // The last one is wrong.
        let line = text.lines().count();
        assert!(what.starts_with(&format!("{name}: line {line}: ")), "{text}: {what}");
        assert!(what.contains(part), "{text}: {what}");
    }
    let what = refused(&["--config", "/nowhere/eyelet.toml"]);
    assert!(what.starts_with("cannot read /nowhere/eyelet.toml: "), "{what}");
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

/// Read twice, the second time was an empty file, and a server without the token in it.
#[test]
fn config_from_a_pipe_is_read_once_and_its_secret_reported() {
    use std::io::Write as _;
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, 0o600.into()).unwrap();
    let writer = std::thread::spawn({
        let pipe = pipe.clone();
        move || std::fs::File::create(pipe).unwrap().write_all(b"token = \"0123456789abcdef\"").unwrap()
    });
    let mut secret_in = None;
    let arguments = ["nothing", "serve", "--config", pipe.to_str().unwrap()].map(OsString::from);
    match parse::<Nothing>(arguments.into(), |file| secret_in = Some(file)) {
        Ok(Command::Serve(args)) => assert!(args.access.token.token.is_some()),
        other => panic!("{other:?}"),
    }
    writer.join().unwrap();
    assert_eq!(secret_in, Some(pipe));
}

#[test]
fn token_typed_in_one_way_replaces_that_of_the_config_file_in_the_other() {
    let (_file, name) = file("token = \"0123456789abcdef\"");
    let token = serve(&["--config", &name, "--token-file", "/x"]).access.token;
    assert_eq!((token.token.is_none(), token.token_file), (true, Some("/x".into())));
    let (_file, name) = file("[serve]\ntoken-file = \"/x\"");
    let token = serve(&["--config", &name, "--token=0123456789abcdef"]).access.token;
    assert_eq!((token.token.is_some(), token.token_file), (true, None));
}

#[test]
fn token_of_a_table_in_one_way_replaces_that_above_it_in_the_other() {
    let (_file, name) = file("token = \"0123456789abcdef\"\n[serve]\ntoken-file = \"/x\"");
    let token = serve(&["--config", &name]).access.token;
    assert_eq!((token.token.is_none(), token.token_file), (true, Some("/x".into())));
    let (_file, name) = file("token-file = \"/x\"\n[serve]\ntoken = \"0123456789abcdef\"");
    let token = serve(&["--config", &name]).access.token;
    assert_eq!((token.token.is_some(), token.token_file), (true, None));
    // Another command's table changes nothing here.
    let (_file, name) = file("token = \"0123456789abcdef\"\n[watch]\ntoken-file = \"/x\"");
    let token = serve(&["--config", &name]).access.token;
    assert_eq!((token.token.is_some(), token.token_file), (true, None));
}

#[test]
fn unknown_key_suggests_what_other_programs_call_so_and_nothing_distant() {
    for (key, meant) in [("port", "bind"), ("framerate", "fps"), ("resolution", "size"), ("device", "camera")]
    {
        let (_file, name) = file(&format!("{key} = 1"));
        let what = refused(&["--config", &name]);
        assert!(what.contains(&format!("unknown key {key}; did you mean {meant}? ")), "{what}");
    }
    for key in ["user", "bitrate", "x", "file"] {
        let (_file, name) = file(&format!("{key} = 1"));
        let what = refused(&["--config", &name]);
        assert!(what.contains(&format!("unknown key {key}; the keys are ")), "{what}");
    }
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
fn numbers_in_a_config_file_are_of_any_notation() {
    let (_file, name) = file("quality = 0x2_1\nfps = 1.25e1\nseed = +1_000\nmax-viewers = 0b11");
    let args = serve(&["--config", &name]);
    let camera = &args.camera;
    assert_eq!((camera.quality.get(), camera.fps.get(), args.max_viewers), (33, 12.5, 3));
    assert_eq!(camera.own.seed, Some(1000));
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
