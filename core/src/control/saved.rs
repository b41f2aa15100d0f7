//! What clients have changed, kept in a file over a restart.

use super::{SavedCamera, lock::lock};
use crate::{
    Backoff,
    feed::{CameraName, Hub},
    whole_file::WholeFile,
};
use eyelet_hal::{Error, ErrorKind, Result};
use std::{
    collections::BTreeMap,
    fs::{self, File},
    future::poll_fn,
    io,
    path::Path,
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

/// The key of a camera without a name.
const UNNAMED: &str = "camera";

/// Writes what clients change about these cameras to a file. What is not written yet when it drops is written then.
#[derive(Debug)]
pub(crate) struct Saver {
    shared: Arc<Shared>,
    /// So that no other program writes the file. Freed after the last write.
    _lock: File,
}

#[derive(Debug)]
struct Shared {
    file: WholeFile,
    cameras: Vec<(String, Hub)>,
    /// Of cameras that are not here now, and may come back.
    others: BTreeMap<String, SavedCamera>,
    /// What the file holds.
    written: Mutex<Vec<u8>>,
}

impl Saver {
    /// Gives the cameras what the file holds for them, if there is one, before they are started.
    ///
    /// A file that is damaged is set aside and logged: a camera that runs is worth more than its settings.
    ///
    /// # Errors
    /// `Busy` while another program saves there; and if the file cannot be read, or could not be written.
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
        let lock = lock(&file.beside(".lock")).map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock => {
                let what = format!("cannot save to {}: another program saves there", path.display());
                Error::new(ErrorKind::Busy, what).with_remedy("stop it, or name another file")
            }
            _ => failed("save to", error),
        })?;
        let bytes = read(path).map_err(|error| failed("read", error))?;
        let mut saved: BTreeMap<String, SavedCamera> = match serde_json::from_slice(&bytes) {
            Ok(saved) => saved,
            Err(_) if bytes.is_empty() => BTreeMap::new(),
            Err(error) => {
                let aside = file.beside(".damaged");
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
                    saved.apply(&hub.settings);
                }
                hub.settings.set_saved(true);
                (key, hub.clone())
            })
            .collect();
        if !saved.is_empty() {
            let cameras: Vec<_> = saved.keys().map(String::as_str).collect();
            tracing::info!(cameras = cameras.join(", "), "saved settings of other cameras are kept");
        }
        let shared = Shared { file, cameras, others: saved, written: Mutex::default() };
        // A file that says the same need not be written.
        *shared.written() = shared.content();
        Ok(Self { shared: Arc::new(shared), _lock: lock })
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
    }
}

impl Shared {
    fn content(&self) -> Vec<u8> {
        let others = self.others.iter().map(|(key, saved)| (key.as_str(), saved.clone()));
        let here = self.cameras.iter().map(|(key, hub)| (key.as_str(), SavedCamera::of(&hub.settings)));
        let all: BTreeMap<&str, SavedCamera> =
            others.chain(here).filter(|(_, saved)| *saved != SavedCamera::default()).collect();
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
        if *written == content {
            return Ok(());
        }
        self.file.write(&content)?;
        *written = content;
        Ok(())
    }

    fn written(&self) -> std::sync::MutexGuard<'_, Vec<u8>> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the file holds; nothing if there is none.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
        Ok(about) if !about.is_file() => Err(io::Error::other("it is no file")),
        Ok(about) if about.len() > LONGEST => Err(io::Error::other("it is too long")),
        Ok(_) => fs::read(path),
    }
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
        for damage in ["{\"front\":{\"qual", "[]", "{\"front\":7}", "\0\0\0\0"] {
            fs::write(&path, damage).unwrap();
            let (_saver, hub) = restored(&path).unwrap();
            assert_eq!(hub.settings.quality(), Quality::DEFAULT);
            assert_eq!(fs::read_to_string(folder.path().join("control.json.damaged")).unwrap(), damage);
        }
    }

    #[test]
    fn value_that_cannot_be_is_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("control.json");
        fs::write(&path, r#"{"front":{"quality":0,"size":[320,240],"later":1},"gone":{"quality":7}}"#)
            .unwrap();
        let (_saver, hub) = restored(&path).unwrap();
        let kept = hub.settings.kept();
        assert_eq!((hub.settings.quality(), kept.size, kept.fps), (Quality::DEFAULT, Some((320, 240)), None));
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
