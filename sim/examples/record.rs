//! Every picture to the disk, which never holds more than a given number of megabytes: the oldest ones go.
//!
//! Each file is JPEGs one after another, which mpv, VLC and ffmpeg play (`ffplay -framerate 30 FILE`), named by the time and the
//! number of its first picture.
//!
//! ```text
//! cargo run --release -p eyelet-sim --example record FOLDER [MEGABYTES] [ADDRESS]
//! ```
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout)]

use eyelet_core::{
    Eyelet,
    feed::{Picture, Utc},
};
use eyelet_hal::clock::SystemClock;
use eyelet_sim::camera::{SimCamera, SimConfig};
use std::{
    error::Error,
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
};

/// The oldest of so many files goes when a new one begins.
const FILES: u64 = 8;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().ok_or("record to which folder?")?;
    let megabytes: u64 = arguments.next().map_or(Ok(1000), |number| number.parse())?;
    let running = Eyelet::builder()
        .camera(|| SimCamera::open(SimConfig::default(), Arc::new(SystemClock)))
        .bind(arguments.next().as_deref().unwrap_or("127.0.0.1:8000"))
        .start()?;
    println!("streaming on {}", running.addresses().join(" "));

    let mut recording = Recording::new(folder.into(), megabytes * 1_000_000 / FILES)?;
    let mut pictures = running.hubs()[0].feed.queue(30); // a second's, for when the disk is slow
    loop {
        recording.write(&pictures.blocking_next())?;
    }
}

/// The files of a folder, the newest of which is written.
struct Recording {
    folder: PathBuf,
    /// The longest file, in bytes.
    longest: u64,
    file: Option<File>,
    len: u64,
}

impl Recording {
    fn new(folder: PathBuf, longest: u64) -> io::Result<Self> {
        fs::create_dir_all(&folder)?;
        Ok(Self { folder, longest, file: None, len: 0 })
    }

    fn write(&mut self, picture: &Picture) -> io::Result<()> {
        let len = picture.jpeg.len() as u64;
        if self.len + len > self.longest {
            self.file = None;
        }
        let file = match &mut self.file {
            Some(file) => file,
            none => {
                make_room(&self.folder)?;
                let begins = Utc::from_unix(picture.label.captured_at).to_string().replace(':', "");
                let name = format!("{begins}-{:08}.mjpeg", picture.label.sequence);
                self.len = 0;
                println!("recording {name}");
                none.insert(File::create(self.folder.join(name))?)
            }
        };
        file.write_all(&picture.jpeg)?;
        self.len += len;
        Ok(())
    }
}

/// Removes the oldest recordings until one more may be there.
fn make_room(folder: &Path) -> io::Result<()> {
    let files = fs::read_dir(folder)?.map(|entry| Ok(entry?.path()));
    let mut files: Vec<_> = files.collect::<io::Result<_>>()?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "mjpeg"));
    files.sort(); // by time, which the name begins with
    let excess = files.len().saturating_sub(FILES as usize - 1);
    files.drain(..excess).try_for_each(fs::remove_file)
}
