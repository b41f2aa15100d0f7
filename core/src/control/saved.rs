//! What clients have changed, kept in a file over a restart.

use super::{
    lock::Lock,
    saved_camera::{self, Members},
};
use crate::{
    Backoff,
    feed::{CameraName, Hub},
    whole_file::WholeFile,
};
use eyelet_hal::{Error, ErrorKind, Result};
use std::{
    collections::BTreeMap,
    fs,
    future::poll_fn,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    task::Poll,
    time::Duration,
};
use tokio::sync::watch;

/// The time from one write to the next: memory cards wear out from writing.
const PAUSE: Duration = Duration::from_secs(1);

/// The longest time until a write that failed is tried again.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Longer files are not ours.
const LONGEST: u64 = 1024 * 1024;

/// Nobody but the user reads the first one.
const MODE: u32 = 0o600;

/// As many damaged files are kept.
const DAMAGED: u32 = 10;

/// The key of a camera without a name.
const UNNAMED: &str = "camera";

/// Writes what clients change about these cameras to a file. What is not written yet when it drops is written then.
#[derive(Debug)]
pub(crate) struct Saver {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    file: WholeFile,
    cameras: Vec<(String, Hub)>,
    /// Of cameras that are not here now, and may come back.
    others: BTreeMap<String, Members>,
    written: Mutex<Written>,
}

#[derive(Debug)]
struct Written {
    /// What the file holds.
    content: Vec<u8>,
    /// So that no other program writes the file. `None` after the last write.
    lock: Option<Lock>,
}

impl Saver {
    /// Gives the cameras what the file holds for them, if there is one, before they are started.
    ///
    /// A file that is damaged is set aside and logged: a camera that runs is worth more than its settings. So are values that
    /// cannot be, each for itself.
    ///
    /// # Errors
    /// `Busy` while another program saves there; `InvalidInput` for a file that holds something else, which stays as it is; and
    /// if the file cannot be read, or could not be written.
    pub(crate) fn restore<'a>(
        path: &Path,
        cameras: impl Iterator<Item = (Option<&'a CameraName>, &'a Hub)>,
    ) -> Result<Self> {
        // Its temporary file is ours alone, since nobody else has the lock.
        let file = WholeFile::new(path, MODE, ".new");
        let path = file.path();
        let failed = |what: &str, error: io::Error| {
            let remedy = "name a file in a folder that this program may write to";
            let what = format!("cannot {what} {}: {error}", path.display());
            Error::from(error).map_message(|_| what).with_remedy(remedy)
        };
        let strange = |error: &dyn std::fmt::Display| {
            let what = format!(
                "cannot save to {}: it holds something else than saved settings: {error}",
                path.display()
            );
            Error::new(ErrorKind::InvalidInput, what).with_remedy("name another file, or remove this one")
        };
        let lock = Lock::take(file.beside(".lock")).map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock => {
                let what = format!("cannot save to {}: another program saves there", path.display());
                Error::new(ErrorKind::Busy, what).with_remedy("stop it, or name another file")
            }
            _ => failed("save to", error),
        })?;
        let bytes = read(path).map_err(|error| match error.kind() {
            io::ErrorKind::FileTooLarge => strange(&error),
            _ => failed("read", error),
        })?;
        let mut saved: BTreeMap<String, Members> = match serde_json::from_slice(&bytes) {
            Ok(saved) => saved,
            Err(_) if bytes.trim_ascii().is_empty() => BTreeMap::new(),
            Err(error) if error.is_data() || !may_be_ours(&bytes) => return Err(strange(&error)),
            Err(error) => {
                let aside = aside(&file);
                fs::rename(path, &aside).map_err(|error| failed("set aside", error))?;
                let (file, aside) = (path.display(), aside.display());
                tracing::warn!(%file, %error, "the saved settings are damaged and set aside as {aside}");
                BTreeMap::new()
            }
        };
        file.test().map_err(|error| failed("save to", error))?;
        let cameras: Vec<_> = cameras
            .map(|(name, hub)| {
                let key = name.map_or(UNNAMED, CameraName::as_str).to_owned();
                if let Some(saved) = saved.remove(&key) {
                    saved_camera::apply(&key, &saved, &hub.settings);
                }
                hub.settings.set_saved(true);
                (key, hub.clone())
            })
            .collect();
        if !saved.is_empty() {
            let cameras: Vec<_> = saved.keys().map(String::as_str).collect();
            tracing::info!(cameras = cameras.join(", "), "saved settings of other cameras are kept");
        }
        let written = Mutex::new(Written { content: Vec::new(), lock: Some(lock) });
        let shared = Shared { file, cameras, others: saved, written };
        // A file that says the same need not be written.
        shared.written().content = shared.content();
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Writes the file after each change, once a second at most, and again and again while that fails.
    pub(crate) async fn run(&self) {
        let hubs = || self.shared.cameras.iter().map(|(_, hub)| hub);
        let mut changes: Vec<_> = hubs().map(|hub| hub.settings.changes()).collect();
        let mut backoff = Backoff::without_jitter(PAUSE, LONGEST_PAUSE);
        let mut failing = false;
        loop {
            let shared = Arc::clone(&self.shared);
            let written = tokio::task::spawn_blocking(move || shared.write()).await;
            let failed = written.map_err(io::Error::other).and_then(|written| written).err();
            let file = self.shared.file.path().display();
            match &failed {
                Some(error) if !failing => {
                    tracing::warn!(%file, %error, "cannot save what was changed; trying again");
                }
                None if failing => tracing::info!(%file, "what was changed is saved again"),
                _ => {}
            }
            failing = failed.is_some();
            hubs().for_each(|hub| hub.settings.set_saved(!failing));
            if failing {
                tokio::time::sleep(backoff.failure()).await;
            } else {
                backoff.success();
                tokio::time::sleep(PAUSE).await;
                any_changed(&mut changes).await;
            }
        }
    }
}

impl Drop for Saver {
    fn drop(&mut self) {
        if let Err(error) = self.shared.write() {
            tracing::warn!(file = %self.shared.file.path().display(), %error, "cannot save what was changed");
        }
        self.shared.written().lock = None;
    }
}

impl Shared {
    fn content(&self) -> Vec<u8> {
        let others = self.others.iter().map(|(key, saved)| (key.as_str(), saved.clone()));
        let here = self.cameras.iter().map(|(key, hub)| (key.as_str(), saved_camera::of(&hub.settings)));
        let all: BTreeMap<&str, Members> =
            others.chain(here).filter(|(_, saved)| !saved.is_empty()).collect();
        // Strings and numbers always serialise.
        let mut bytes = serde_json::to_vec_pretty(&all).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }

    /// Writes the file if it is to be different.
    fn write(&self) -> io::Result<()> {
        // Also against writing at the same time.
        let mut written = self.written();
        let content = self.content();
        let Written { content: before, lock: Some(lock) } = &mut *written else { return Ok(()) };
        if *before == content {
            return Ok(());
        }
        lock.renew()?;
        self.file.write(&content)?;
        *before = content;
        Ok(())
    }

    fn written(&self) -> std::sync::MutexGuard<'_, Written> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the file holds; nothing if there is none.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
        Ok(about) if !about.is_file() => Err(io::Error::other("it is no file")),
        Ok(about) if about.len() > LONGEST => {
            Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it is longer than {LONGEST} bytes")))
        }
        Ok(_) => fs::read(path),
    }
}

/// Whether a file that is no JSON may be what is left of ours: a part, or zeros after a power cut.
fn may_be_ours(bytes: &[u8]) -> bool {
    bytes.trim_ascii_start().starts_with(b"{") || bytes.iter().all(|&byte| byte == 0)
}

/// A path for the damaged file. Once there are many, the last one is replaced.
fn aside(file: &WholeFile) -> PathBuf {
    let free = (1..DAMAGED).map(|number| file.beside(&format!(".damaged.{number}")));
    let mut paths = std::iter::once(file.beside(".damaged")).chain(free);
    let last = file.beside(&format!(".damaged.{}", DAMAGED - 1));
    paths.find(|path| fs::symlink_metadata(path).is_err()).unwrap_or(last)
}

async fn any_changed(changes: &mut [watch::Receiver<()>]) {
    let mut all: Vec<_> = changes.iter_mut().map(|one| Box::pin(one.changed())).collect();
    poll_fn(|cx| match all.iter_mut().any(|one| one.as_mut().poll(cx).is_ready()) {
        true => Poll::Ready(()),
        false => Poll::Pending,
    })
    .await;
}

#[cfg(test)]
mod tests {
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
        let (saver, hub) = restored(&path).unwrap();
        drop(saver);
        assert!(!path.exists(), "nothing has changed");
        let (saver, _) = (restored(&path).unwrap().0, ());
        drop((saver, hub));
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
        let damages = ["{\"front\":{\"qual", "\n{,}", "\0\0\0\0", "{\0\0"].into_iter().cycle().take(12);
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
    fn file_of_something_else_is_refused_and_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("my.toml");
        let long = format!("{{\"front\":{{}}}}{}", " ".repeat(1024 * 1024));
        for text in ["quality = 7\n", "[]", "7", "{\"front\":7}", "-----BEGIN", "\0\0x", &long] {
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
            assert_eq!(
                (hub.settings.quality(), kept.size, kept.fps),
                (Quality::DEFAULT, Some((320, 240)), None)
            );
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
    }
}
