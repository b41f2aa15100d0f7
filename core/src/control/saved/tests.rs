//! A file of settings: from one run of the program to the next, and whatever may be wrong about it.

use super::*;
use eyelet_hal::Quality;
use std::os::unix::fs::symlink;

fn restored(path: &Path) -> Result<(Saver, Hub)> {
    restored_as("front", path)
}

fn restored_as(name: &str, path: &Path) -> Result<(Saver, Hub)> {
    let hub = Hub::default();
    let name: CameraName = name.parse().unwrap();
    Saver::restore(path, [(Some(&name), &hub)].into_iter()).map(|saver| (saver, hub))
}

#[test]
fn what_was_changed_is_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("control.json");
    for _ in 0..2 {
        drop(restored(&path).unwrap());
        assert!(!path.exists(), "nothing has changed");
    }
    let (saver, hub) = restored(&path).unwrap();
    hub.settings.set_quality(Quality::new(33).unwrap());
    hub.settings.keep(|kept| {
        (kept.size, kept.fps) = (Some((320, 240)), Some(7.5));
        kept.controls.insert("gain".to_owned(), -3);
    });
    let kept = hub.settings.kept();
    drop(saver);
    let (_saver, hub) = restored(&path).unwrap();
    assert_eq!((hub.settings.quality().get(), hub.settings.kept()), (33, kept));
    assert_eq!(hub.settings.default_quality(), Quality::DEFAULT);
    let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&path).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    let left: BTreeMap<_, _> =
        fs::read_dir(folder.path()).unwrap().map(|file| (file.unwrap().file_name(), ())).collect();
    assert!(left.into_keys().eq(["control.json", "control.json.lock"]), "no temporary file is left");
}

#[tokio::test]
async fn change_is_written_while_it_runs() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("control.json");
    let (saver, hub) = restored(&path).unwrap();
    let run = saver.run();
    let wait = async {
        hub.settings.set_quality(Quality::new(33).unwrap());
        while !fs::read_to_string(&path).is_ok_and(|text| text.contains("33")) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::select! {
        () = run => {}
        waited = tokio::time::timeout(Duration::from_secs(30), wait) => waited.unwrap(),
    }
}

/// After a quiet second the first half of what one client changed was written at once.
#[tokio::test(start_paused = true)]
async fn change_after_a_quiet_time_is_written_a_second_later_with_what_was_changed_meanwhile() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("control.json");
    let (saver, hub) = restored(&path).unwrap();
    let all = async {
        tokio::time::sleep(10 * PAUSE).await;
        hub.settings.set_quality(Quality::new(33).unwrap());
        tokio::time::sleep(PAUSE / 2).await;
        assert!(!path.exists());
        hub.settings.set_quality(Quality::new(34).unwrap());
        while !path.exists() {
            tokio::time::sleep(PAUSE / 100).await;
        }
        assert!(fs::read_to_string(&path).unwrap().contains("34"));
    };
    tokio::select! {
        () = saver.run() => {}
        waited = tokio::time::timeout(Duration::from_secs(30), all) => waited.unwrap(),
    }
}

#[tokio::test]
async fn write_that_fails_is_tried_again_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("control.json");
    let (saver, hub) = restored(&path).unwrap();
    assert_eq!(hub.settings.saved(), Some(true));
    fs::create_dir(&path).unwrap();
    let is = async |saved: bool| {
        while hub.settings.saved() != Some(saved) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let all = async {
        hub.settings.set_quality(Quality::new(33).unwrap());
        is(false).await;
        assert!(!folder.path().join("control.json.new").exists());
        fs::remove_dir(&path).unwrap();
        is(true).await;
        assert!(fs::read_to_string(&path).unwrap().contains("33"));
    };
    tokio::select! {
        () = saver.run() => {}
        waited = tokio::time::timeout(Duration::from_secs(30), all) => waited.unwrap(),
    }
}

#[test]
fn damaged_file_is_set_aside_and_the_camera_starts() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("control.json");
    let damages = ["{\"front\":{\"qual", "\n{", "\0\0\0\0", "{\"front\":{\0\0"].into_iter().cycle().take(12);
    let names = std::iter::once(".damaged".to_owned()).chain((1..10).map(|n| format!(".damaged.{n}")));
    let names = names.chain([".damaged.9".to_owned(), ".damaged.9".to_owned()]);
    for (damage, name) in damages.zip(names) {
        fs::write(&path, damage).unwrap();
        let (_saver, hub) = restored(&path).unwrap();
        assert_eq!(hub.settings.quality(), Quality::DEFAULT);
        let aside = folder.path().join(format!("control.json{name}"));
        assert_eq!(fs::read_to_string(aside).unwrap(), damage, "{name}");
    }
    assert!(fs::read_to_string(folder.path().join("control.json.damaged")).unwrap().contains("qual"));
}

#[test]
fn every_part_of_a_saved_file_is_damage() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("control.json");
    let whole = b"{\n \"front\": {\"quality\": 33, \"controls\": {\"gr\xc3\xbc\\u00fc\": -1}}\n}";
    for length in 1..whole.len() {
        for zeros in [0, 3] {
            let part = [&whole[..length], &vec![0; zeros]].concat();
            let error = serde_json::from_slice::<BTreeMap<String, Members>>(&part).unwrap_err();
            assert!(is_damage(&error, &part), "{error}: {part:?}");
        }
    }
    fs::write(&path, whole).unwrap();
    assert_eq!(restored(&path).unwrap().1.settings.quality().get(), 33);
}

#[test]
fn file_of_something_else_is_refused_and_stays() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("my.toml");
    let long = format!("{{\"front\":{{}}}}{}", " ".repeat(1024 * 1024));
    let others = [
        "quality = 7\n",
        "[]",
        "7",
        "{\"front\":7}",
        "-----BEGIN",
        "\0\0x",
        // These were taken for damaged, or for ours, and written over.
        "\n{,}",
        "{ // mine\n \"front\": {\"quality\":7} }",
        "{\"front\":{}}",
        "{\"front\":{\"quality\":7},\"back\":{\"mine\":1}}",
    ];
    for text in others.into_iter().chain([&*long]) {
        fs::write(&path, text).unwrap();
        let error = restored(&path).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{text}");
        assert!(error.to_string().ends_with("; name another file, or remove this one"), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }
    let left = fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(left, 2, "the lock's file beside it");
}

#[test]
fn value_that_cannot_be_is_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("control.json");
    for wrong in [
        r#""quality":0"#,
        r#""quality":300"#,
        r#""quality":"a""#,
        r#""fps":"fast""#,
        r#""fps":-1"#,
        r#""later":1"#,
    ] {
        let controls = r#""controls":{"noise":7.0,"gain":"x","hue":3.5,"bias":-2}"#;
        let gone = r#""gone":{"quality":300,"later":{"a":[1]}}"#;
        let text = format!(r#"{{"front":{{{wrong},"size":[320,240],{controls}}},{gone}}}"#);
        fs::write(&path, text).unwrap();
        let (saver, hub) = restored(&path).unwrap();
        let kept = hub.settings.kept();
        assert_eq!((hub.settings.quality(), kept.size, kept.fps), (Quality::DEFAULT, Some((320, 240)), None));
        let controls = [("bias".to_owned(), -2), ("noise".to_owned(), 7)];
        assert!(kept.controls.into_iter().eq(controls), "{wrong}");
        hub.settings.set_quality(Quality::new(33).unwrap());
        drop(saver);
        let saved: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        let gone = serde_json::json!({ "quality": 300, "later": { "a": [1] } });
        assert_eq!(saved["gone"], gone, "what is not this camera's is left alone");
        assert_eq!(
            (&saved["front"]["quality"], &saved["front"]["later"]),
            (&33.into(), &serde_json::Value::Null)
        );
    }
    for size in ["[0]", "[320,240,1]", "[-1,240]", "\"320x240\"", "[4294967296,1]"] {
        fs::write(&path, format!(r#"{{"front":{{"size":{size},"fps":7}}}}"#)).unwrap();
        let kept = restored(&path).unwrap().1.settings.kept();
        assert_eq!((kept.size, kept.fps), (None, Some(7.0)), "{size}");
    }
}

#[test]
fn settings_of_a_camera_that_is_not_here_are_there_when_it_is_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("control.json");
    for (name, quality) in [("front", 33), ("back", 44)] {
        let (_saver, hub) = restored_as(name, &path).unwrap();
        hub.settings.set_quality(Quality::new(quality).unwrap());
    }
    for (name, quality) in [("front", 33), ("back", 44)] {
        let (_saver, hub) = restored_as(name, &path).unwrap();
        assert_eq!(hub.settings.quality().get(), quality, "{name}");
    }
}

#[test]
fn second_program_on_a_file_is_refused_until_the_first_has_ended() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("control.json");
    let (first, _) = restored(&path).unwrap();
    let error = restored(&path).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Busy);
    let what = format!(
        "cannot save to {}: another program saves there; stop it, or name another file",
        path.display()
    );
    assert_eq!(error.to_string(), what);
    drop(first);
    assert!(restored(&path).is_ok());
}

#[test]
fn folder_that_was_made_anew_is_locked_again() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("place");
    let path = place.join("control.json");
    let anew = || {
        let _ = fs::remove_dir_all(&place);
        fs::create_dir(&place).unwrap();
    };
    anew();
    let (first, hub) = restored(&path).unwrap();
    anew();
    hub.settings.set_quality(Quality::new(33).unwrap());
    first.shared.write().unwrap();
    assert_eq!(restored(&path).unwrap_err().kind(), ErrorKind::Busy, "the first has it again");
    anew();
    let (_second, _) = restored(&path).unwrap();
    hub.settings.set_quality(Quality::new(34).unwrap());
    let error = first.shared.write().unwrap_err();
    assert_eq!(error.to_string(), "another program saves there");
    assert!(!path.exists());
}

#[test]
fn links_are_followed_to_the_file_that_is_not_there_yet_and_stay() {
    let folder = tempfile::tempdir().unwrap();
    let [link, second, file] = ["link", "second", "file"].map(|name| folder.path().join(name));
    symlink("second", &link).unwrap();
    symlink(&file, &second).unwrap();
    for quality in [33, 34] {
        let (saver, hub) = restored(&link).unwrap();
        hub.settings.set_quality(Quality::new(quality).unwrap());
        drop(saver);
        assert!(link.is_symlink() && second.is_symlink() && !file.is_symlink());
        assert!(fs::read_to_string(&file).unwrap().contains(&quality.to_string()));
    }
    fs::remove_file(&second).unwrap();
    symlink("link", &second).unwrap();
    assert!(restored(&link).is_err(), "a ring");
}

#[test]
fn folder_that_cannot_be_written_is_an_error_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let error = restored(&folder.path().join("none/control.json")).unwrap_err();
    assert!(error.to_string().contains("cannot save to"), "{error}");
    assert!(error.remedy().is_some());
    let error = restored(folder.path()).unwrap_err();
    assert!(error.to_string().contains("it is no file"), "{error}");
    assert!(!folder.path().with_extension("lock").exists(), "nothing is left beside it");
}

/// It was waited for without an end.
#[test]
fn pipe_in_the_place_of_the_lock_is_an_error_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("control.json");
    let lock = folder.path().join("control.json.lock");
    rustix::fs::mknodat(rustix::fs::CWD, &lock, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    let error = restored(&path).unwrap_err();
    assert!(error.to_string().contains("cannot save to"), "{error}");
}
