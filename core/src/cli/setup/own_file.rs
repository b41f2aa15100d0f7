//! The file of `--save-control`, and those beside it that are written with it, are of no other flag.

use crate::{
    cli::{CameraSpec, Failure},
    control::Saver,
    http::Bind,
    whole_file::{beside, linked},
};
use clap::ArgMatches;
use std::{
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

/// Refuses a file that a command with these flags reads, writes or listens on for something else.
pub(in crate::cli) fn check(flags: &ArgMatches) -> Result<(), Failure> {
    const OWN: &str = "save_control";
    let Ok(Some(file)) = flags.try_get_one::<PathBuf>(OWN) else { return Ok(()) };
    let place = linked(file);
    let all_beside = Saver::BESIDE.map(|ending| beside(&place, ending));
    for flag in flags.ids().map(clap::Id::as_str).filter(|flag| *flag != OWN) {
        // Flags of other types name no files.
        let files = flags.try_get_many::<PathBuf>(flag).ok().flatten().into_iter().flatten();
        // But a camera may be one, or `replay:FOLDER`.
        let cameras = flags.try_get_many::<CameraSpec>(flag).ok().flatten().into_iter().flatten();
        let cameras = cameras.map(|CameraSpec { device, .. }| {
            Path::new(device.split_once(':').map_or(&**device, |(_, path)| path))
        });
        let sockets = flags.try_get_many::<Bind>(flag).ok().flatten().into_iter().flatten();
        let sockets = sockets.filter_map(|bind| match bind {
            Bind::Unix(path) => Some(path.as_path()),
            Bind::Tcp(_) => None,
        });
        for other in files.map(PathBuf::as_path).chain(cameras).chain(sockets) {
            let what = if is_same(file, other) {
                String::new()
            } else if let Some(own) = all_beside.iter().find(|own| is_same(own, other)) {
                format!("needs {} for itself, which ", own.display())
            } else {
                continue;
            };
            let (file, flag) = (file.display(), flag.replace('_', "-"));
            return Err(Failure::Usage(format!(
                "--save-control {file} {what}is the file of --{flag} too; give it one of its own"
            )));
        }
    }
    Ok(())
}

/// Whether two paths lead to one file, through links, whether it is there or not.
fn is_same(a: &Path, b: &Path) -> bool {
    let which = |path| fs::metadata(path).map(|about| (about.dev(), about.ino())).ok();
    match (which(a), which(b)) {
        (None, None) => place(a).is_some_and(|place_of_a| Some(place_of_a) == place(b)),
        (a, b) => a == b,
    }
}

/// Where a file is to be: a folder that is there, and a name in it.
fn place(path: &Path) -> Option<PathBuf> {
    let path = linked(path);
    Some(fs::canonicalize(path.parent()?).ok()?.join(path.file_name()?))
}
