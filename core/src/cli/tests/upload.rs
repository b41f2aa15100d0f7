//! Flags of uploads.

use super::*;

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
