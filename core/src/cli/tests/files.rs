//! Files that flags name and that cannot be used: the error names the flag.

use super::*;

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
    let runtime = runtime().unwrap();
    let _context = runtime.enter();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("no/such/socket");
    let args = serve(&["serve", "--bind", &format!("unix:{}", path.display())]);
    let what = setup::listeners::listen(&args, "127.0.0.1:0".parse().unwrap()).unwrap_err().to_string();
    assert!(what.ends_with("; choose a path in a folder that exists (--bind)"), "{what}");
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
        let want = "is the file of --config too; give it one of its own";
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
        assert!(saved(&at("link"), flags).contains(&format!(" is the file of {flag} too; ")), "{flags:?}");
    }
    for path in [&later, &at("link-to-later"), &at("folder/later")] {
        assert!(
            saved(path, &["--access-log", &later]).contains("is the file of --access-log too; "),
            "{path}"
        );
    }
    let socket = format!("unix:{later}");
    let what = saved(&at("link-to-later"), &["--bind", "127.0.0.1:0", "--bind", &socket]);
    assert!(what.contains(" is the file of --bind too; "), "{what}");
    let (_config, config) = super::file(&format!("save-control = {file:?}\ntoken-file = {file:?}\n"));
    assert!(refused(&["--config", &config]).contains("is the file of --token-file too; "));
    // The first was removed at the start, the other one locked.
    for name in ["file.new", "file.lock"] {
        let own = at(name);
        let which = "for itself, which is the file of --token-file too; give it one of its own";
        let want = format!("--save-control {} needs {own} {which}", at("link"));
        assert_eq!(saved(&at("link"), &["--token-file", &own]), want, "not there yet");
        std::fs::write(&own, "").unwrap();
        assert_eq!(saved(&at("link"), &["--token-file", &own]), want);
    }
    // Neither is another file, nor one of the same name elsewhere.
    let args = serve(&["--save-control", &later, "--token-file", &file, "--access-log", "elsewhere/later"]);
    assert_eq!(args.control.save_control.unwrap().to_str(), Some(&*later));
}
