//! What clients have changed, kept in a file over a restart.

mod camera;
mod lock;
#[cfg(test)]
mod tests;

use crate::{
    Backoff,
    feed::{CameraName, Hub},
    whole_file::WholeFile,
};
use camera::Members;
use eyelet_hal::{Error, ErrorKind, Result};
use lock::Lock;
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

/// The time from a change to its write, and so from one write to the next: memory cards wear out from writing.
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
    /// How the names of the files beside it end: of the next version while it is written, and of the lock.
    pub(crate) const BESIDE: [&str; 2] = [".new", ".lock"];

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
        let [new, lock] = Self::BESIDE;
        let file = WholeFile::new(path, MODE, new);
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
        // Beside a device or a folder no lock is left.
        if fs::metadata(path).is_ok_and(|about| !about.is_file()) {
            return Err(failed("save to", io::Error::other("it is no file")));
        }
        let lock = Lock::take(file.beside(lock)).map_err(|error| match error.kind() {
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
            Err(error) if !is_damage(&error, &bytes) => return Err(strange(&error)),
            Err(error) => {
                let aside = aside(&file);
                fs::rename(path, &aside).map_err(|error| failed("set aside", error))?;
                let (file, aside) = (path.display(), aside.display());
                tracing::warn!(%file, %error, "the saved settings are damaged and set aside as {aside}");
                BTreeMap::new()
            }
        };
        if let Some((name, _)) = saved.iter().find(|(_, members)| !camera::may_be(members)) {
            return Err(strange(&format!("{name:?} has nothing of a camera")));
        }
        file.test().map_err(|error| failed("save to", error))?;
        let cameras: Vec<_> = cameras
            .map(|(name, hub)| {
                let key = name.map_or(UNNAMED, CameraName::as_str).to_owned();
                if let Some(saved) = saved.remove(&key) {
                    camera::apply(&key, &saved, &hub.settings);
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

    /// Writes the file a second after a change, with all that was changed meanwhile, and again and again while that fails.
    pub(crate) async fn run(&self) {
        let hubs = || self.shared.cameras.iter().map(|(_, hub)| hub);
        let mut changes: Vec<_> = hubs().map(|hub| hub.settings.changes()).collect();
        let mut backoff = Backoff::without_jitter(PAUSE, LONGEST_PAUSE);
        let mut failing = false;
        let mut pause = PAUSE;
        loop {
            tokio::time::sleep(pause).await;
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
                pause = backoff.failure();
            } else {
                backoff.success();
                pause = PAUSE;
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
        let here: Vec<_> = self.cameras.iter().map(|(key, hub)| (key, camera::of(&hub.settings))).collect();
        let here = here.iter().map(|(key, saved)| (*key, saved));
        let all: BTreeMap<&String, &Members> =
            self.others.iter().chain(here).filter(|(_, saved)| !saved.is_empty()).collect();
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
        Ok(about) if about.len() > LONGEST => {
            Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it is longer than {LONGEST} bytes")))
        }
        Ok(_) => fs::read(path),
    }
}

/// Whether a file that is no JSON, for this reason, may be what is left of ours: a part, or zeros after a power cut.
fn is_damage(error: &serde_json::Error, bytes: &[u8]) -> bool {
    let is_cut = error.is_eof() || (bytes.contains(&0) && !error.is_data());
    (is_cut && bytes.trim_ascii_start().starts_with(b"{")) || bytes.iter().all(|&byte| byte == 0)
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
