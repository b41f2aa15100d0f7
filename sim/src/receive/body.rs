//! A picture on its way in, of which only little is in memory.

use super::folder::Folder;
use std::io::{self, Read as _, Seek as _, Write as _};
use tempfile::NamedTempFile;

/// What comes is held in memory up to here, in bytes; a longer body goes into a file.
const MEMORY: usize = 256 * 1024;

/// What has come of a body. The file goes when this drops.
#[derive(Debug, Default)]
pub(super) struct Body {
    len: usize,
    memory: Vec<u8>,
    file: Option<NamedTempFile>,
}

impl Body {
    /// How long it is.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// More of it; whether it is time to [`spill`](Self::spill) it.
    pub(super) fn push(&mut self, bytes: &[u8]) -> bool {
        self.len += bytes.len();
        self.memory.extend_from_slice(bytes);
        self.memory.len() >= MEMORY
    }

    /// Writes what is in memory to an unfinished file of the folder. Blocks.
    pub(super) fn spill(&mut self, folder: &Folder) -> io::Result<()> {
        if self.file.is_none() {
            self.file = Some(folder.unfinished()?);
        }
        if let Some(file) = &mut self.file {
            file.write_all(&self.memory)?;
        }
        self.memory.clear();
        Ok(())
    }

    /// All of it, in memory. Blocks.
    pub(super) fn whole(self) -> io::Result<Vec<u8>> {
        let Some(mut file) = self.file else { return Ok(self.memory) };
        let mut whole = Vec::with_capacity(self.len);
        file.rewind()?;
        file.read_to_end(&mut whole)?;
        whole.extend_from_slice(&self.memory);
        Ok(whole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use eyelet_hal::clock::SystemClock;
    use std::sync::Arc;

    #[test]
    fn body_of_any_length_is_kept_whole_with_little_of_it_in_memory() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::open(dir.path(), Arc::new(SystemClock)).unwrap();
        let bytes: Vec<u8> = (0..3_000_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        for len in [0, 1, MEMORY - 1, MEMORY, MEMORY + 1, bytes.len()] {
            let mut body = Body::default();
            for piece in bytes[..len].chunks(10_000) {
                if body.push(piece) {
                    body.spill(&folder).unwrap();
                }
                assert!(body.memory.len() < MEMORY);
            }
            assert_eq!(body.len(), len);
            assert!(body.whole().unwrap() == bytes[..len]);
        }
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "no file is left");
    }
}
