//! Whether this system has MaixPy.

use super::child::PYTHON;
use std::{
    env,
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
};

/// Whether Python and a folder of MaixPy's name are there. Nothing is run: importing it takes seconds.
pub(crate) fn is_installed() -> bool {
    is_found(Path::new("/"), env::var_os("PATH").as_deref(), env::var_os("PYTHONPATH").as_deref())
}

/// The same, of the system in the folder `root`, for a program with these variables.
fn is_found(root: &Path, path: Option<&OsStr>, python_path: Option<&OsStr>) -> bool {
    let list = |list: Option<&OsStr>| env::split_paths(list.unwrap_or_default()).collect::<Vec<_>>();
    let inside = |folder: PathBuf| folder.strip_prefix("/").map_or(folder.clone(), |inner| root.join(inner));
    let python = list(path).into_iter().any(|folder| inside(folder).join(PYTHON).is_file());
    let own = list(python_path).into_iter().map(inside);
    python && own.chain(packages(root)).any(|folder| folder.join("maix").is_dir())
}

/// The folders that Python's packages are in.
fn packages(root: &Path) -> impl Iterator<Item = PathBuf> {
    let libraries = ["usr/lib", "usr/local/lib"].map(|library| root.join(library));
    let versions =
        libraries.into_iter().flat_map(|library| fs::read_dir(library).into_iter().flatten().flatten());
    versions
        .filter(|version| version.file_name().as_encoded_bytes().starts_with(b"python3"))
        .flat_map(|version| ["site-packages", "dist-packages"].map(|packages| version.path().join(packages)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maixpy_is_found_where_python_and_its_folder_are() {
        let root = tempfile::tempdir().unwrap();
        let (root, path) = (root.path(), Some(OsStr::new("/bin:/usr/bin")));
        fs::create_dir_all(root.join("usr/lib/python3.11/site-packages/maix")).unwrap();
        fs::create_dir_all(root.join("opt/fake/maix")).unwrap();
        assert!(!is_found(root, path, None), "there is no Python");
        fs::create_dir_all(root.join("usr/bin")).unwrap();
        fs::write(root.join("usr/bin/python3"), "").unwrap();
        assert!(is_found(root, path, None));
        assert!(!is_found(root, None, None));
        fs::remove_dir(root.join("usr/lib/python3.11/site-packages/maix")).unwrap();
        assert!(!is_found(root, path, None));
        assert!(is_found(root, path, Some(OsStr::new("/nowhere:/opt/fake"))));
    }
}
