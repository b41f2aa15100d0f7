//! The folder that pictures are stored in: each is there whole or not at all.

use super::check::Kind;
use eyelet_hal::{Error, ErrorKind, Result, clock::Clock};
use std::{
    fs::{self, File, Permissions},
    io::{self, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};
use tempfile::NamedTempFile;

/// What the names of unfinished files begin and end with. Nothing else in the folder is ever removed.
const UNFINISHED: (&str, &str) = (".receiving-", ".part");

/// A folder for received pictures. One receiver a folder: opening it removes what another has not finished.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    clock: Arc<dyn Clock>,
    stored: AtomicU64,
    /// Whether the last picture could not be stored.
    failing: AtomicBool,
    /// The last number that a name was made with.
    number: AtomicU64,
}

impl Folder {
    /// Makes the folder if there is none, removes unfinished files that a crash has left in it, and tries whether it
    /// can be written to.
    ///
    /// # Errors
    /// `InvalidInput` when the path is a file, `PermissionDenied` or `Other` when nothing can be made there.
    pub fn open(path: impl Into<PathBuf>, clock: Arc<dyn Clock>) -> Result<Self> {
        let path = path.into();
        let refuse = |kind, why: &str, remedy| {
            Error::new(kind, format!("cannot receive into {}: {why}", path.display())).with_remedy(remedy)
        };
        if path.exists() && !path.is_dir() {
            return Err(refuse(ErrorKind::InvalidInput, "it is a file", "name a folder"));
        }
        let prepare = || {
            fs::create_dir_all(&path)?;
            remove_unfinished(&path)?;
            unfinished(&path)
        };
        match prepare() {
            Ok(_) => {
                let (stored, failing, number) = Default::default();
                Ok(Self { path, clock, stored, failing, number })
            }
            Err(e) if e.kind() == io::ErrorKind::PermissionDenied => {
                let remedy = "name a folder that you may write to";
                Err(refuse(ErrorKind::PermissionDenied, "permission denied", remedy).with_source(e))
            }
            Err(e) => {
                let remedy = "name a folder that can be written to";
                Err(refuse(ErrorKind::Other, &e.to_string(), remedy).with_source(e))
            }
        }
    }

    /// Where the pictures are.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Pictures stored since the folder was opened.
    pub fn stored(&self) -> u64 {
        self.stored.load(Ordering::Relaxed)
    }

    /// Whether this outcome of storing is another than the last: then it is worth a line.
    pub(super) fn is_news(&self, failed: bool) -> bool {
        self.failing.swap(failed, Ordering::Relaxed) != failed
    }

    /// A file that goes away unless it is given a name.
    pub(super) fn unfinished(&self) -> io::Result<NamedTempFile> {
        unfinished(&self.path)
    }

    /// Stores a picture and gives its name. Names sort by time. When this returns the picture is on the disk, under
    /// its name, whole; after an error there is nothing.
    pub(super) fn store(&self, picture: &[u8], kind: Kind) -> io::Result<String> {
        let mut file = unfinished(&self.path)?;
        file.write_all(picture)?;
        file.as_file().sync_all()?;
        let name = loop {
            let number = self.number.fetch_add(1, Ordering::Relaxed) + 1;
            let name = name(self.clock.unix(), number, kind);
            match file.persist_noclobber(self.path.join(&name)) {
                Ok(_) => break name,
                // From an earlier run, when the clock was the same.
                Err(e) if e.error.kind() == io::ErrorKind::AlreadyExists => file = e.file,
                Err(e) => return Err(e.error),
            }
        };
        // The name, too, is to survive a power cut; that it may not is no reason to refuse the picture.
        let _ = File::open(&self.path).and_then(|folder| folder.sync_all());
        self.stored.fetch_add(1, Ordering::Relaxed);
        Ok(name)
    }
}

/// A file that goes away unless it is given a name.
fn unfinished(folder: &Path) -> io::Result<NamedTempFile> {
    tempfile::Builder::new()
        .prefix(UNFINISHED.0)
        .suffix(UNFINISHED.1)
        .permissions(Permissions::from_mode(0o666)) // less what the umask takes, as for any file
        .tempfile_in(folder)
}

fn remove_unfinished(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with(UNFINISHED.0) && name.ends_with(UNFINISHED.1) && entry.file_type()?.is_file() {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// `20261122T075306.123-000001.jpg`: UTC to the millisecond, and a number that tells apart what came within it.
fn name(unix: Duration, number: u64, kind: Kind) -> String {
    let seconds = unix.as_secs();
    let (year, month, day) = date(seconds / 86_400);
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    let (millis, extension) = (unix.subsec_millis(), kind.extension());
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}.{millis:03}-{number:06}.{extension}")
}

/// Year, month and day of the Gregorian calendar, of a number of days since 1970-01-01.
///
/// Counted in years that begin in March, so that the leap day comes last; 400 of them have 146097 days.
fn date(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468; // since 0000-03-01
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153; // from March = 0; five months have 153 days
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use eyelet_hal::clock::ManualClock;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn clock() -> Arc<dyn Clock> {
        Arc::new(ManualClock::new(Duration::from_millis(1_795_333_986_123)))
    }

    #[test]
    fn dates_follow_the_calendar() {
        let mut days = 0;
        for year in 1970..2450 {
            let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            let february = if leap { 29 } else { 28 };
            for (month, len) in (1..).zip([31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]) {
                for day in 1..=len {
                    assert_eq!(date(days), (year, month, day));
                    days += 1;
                }
            }
        }
    }

    #[test]
    fn stored_pictures_get_names_that_sort_and_replace_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/b");
        let folder = Folder::open(&path, clock()).unwrap();
        assert_eq!(folder.store(b"one", Kind::Jpeg).unwrap(), "20261122T075306.123-000001.jpg");
        assert_eq!(folder.store(b"two", Kind::Png).unwrap(), "20261122T075306.123-000002.png");
        // A second run at the same moment.
        let folder = Folder::open(&path, clock()).unwrap();
        assert_eq!(folder.store(b"three", Kind::Jpeg).unwrap(), "20261122T075306.123-000002.jpg");
        assert_eq!(folder.stored(), 1);
        let want = [
            "20261122T075306.123-000001.jpg",
            "20261122T075306.123-000002.jpg",
            "20261122T075306.123-000002.png",
        ];
        assert_eq!(names(&path), want);
        assert_eq!(fs::read(path.join(want[0])).unwrap(), b"one");
        assert_eq!(fs::read(path.join(want[1])).unwrap(), b"three");
        let mode = fs::metadata(path.join(want[0])).unwrap().permissions().mode();
        assert_eq!(mode & 0o400, 0o400, "{mode:o}");
        assert_eq!(mode & 0o111, 0, "{mode:o}");
    }

    #[test]
    fn unfinished_files_of_a_crash_are_removed_at_the_start() {
        let dir = tempfile::tempdir().unwrap();
        for name in [".receiving-x1.part", ".receiving-", "x.part", "old.jpg"] {
            fs::write(dir.path().join(name), b"x").unwrap();
        }
        Folder::open(dir.path(), clock()).unwrap();
        assert_eq!(names(dir.path()), [".receiving-", "old.jpg", "x.part"]);
    }

    #[test]
    fn path_that_cannot_be_a_folder_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, b"x").unwrap();
        let error = Folder::open(&file, clock()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert_eq!(
            error.to_string(),
            format!("cannot receive into {}: it is a file; name a folder", file.display())
        );
        let error = Folder::open(file.join("below"), clock()).unwrap_err();
        assert!(error.to_string().contains("cannot receive into"), "{error}");
    }

    #[test]
    fn folder_that_is_gone_fails_to_store() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        let folder = Folder::open(&path, clock()).unwrap();
        fs::remove_dir(&path).unwrap();
        assert_eq!(folder.store(b"one", Kind::Jpeg).unwrap_err().kind(), io::ErrorKind::NotFound);
        assert_eq!(folder.stored(), 0);
    }
}
