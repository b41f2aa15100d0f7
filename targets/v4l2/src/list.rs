//! Which nodes there are, and which of them is the camera.

use crate::device::{Capabilities, Role, V4l2Device};
use eyelet_hal::clock::Clock;
use eyelet_hal::{Error, ErrorKind, Result};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// The driver of USB cameras, preferred by `auto`.
const USB: &str = "uvcvideo";

/// A `/dev/video*` node.
#[derive(Debug)]
#[non_exhaustive]
pub struct Node {
    /// Where it is.
    pub path: PathBuf,
    /// Its number: 0 of `/dev/video0`.
    pub number: u32,
    /// Its name in sysfs, which is there also if the node cannot be opened.
    pub name: Option<String>,
    /// What it reports about itself, or why it cannot be opened.
    pub capabilities: Result<Capabilities>,
}

impl Node {
    /// `/dev/videoN`, which need not be there, for tests.
    #[cfg(any(test, feature = "testing"))]
    pub fn of(number: u32, capabilities: Result<Capabilities>) -> Self {
        Self { path: format!("/dev/video{number}").into(), number, name: None, capabilities }
    }

    /// `/dev/video1 is a metadata node`; `None` if it cannot be opened.
    pub fn role_in_words(&self) -> Option<String> {
        Some(format!("{} is {}", self.path.display(), self.capabilities.as_ref().ok()?.role()))
    }

    /// Whether it is a camera that can be opened.
    pub fn is_camera(&self) -> bool {
        self.capabilities.as_ref().is_ok_and(|c| c.role() == Role::Camera)
    }
}

/// All video nodes of the device folder `dev` (`/dev`) by number, with their names from `sys` (`/sys`). Each
/// is opened once to query what it is.
pub fn nodes(dev: &Path, sys: &Path, clock: &dyn Clock) -> Vec<Node> {
    nodes_with(dev, sys, |path| V4l2Device::open(path, clock).map(|device| device.capabilities().clone()))
}

fn nodes_with(dev: &Path, sys: &Path, ask: impl Fn(&Path) -> Result<Capabilities>) -> Vec<Node> {
    let entries = fs::read_dir(dev).into_iter().flatten().flatten();
    let mut found: Vec<(u32, String)> = entries
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let digits = name.strip_prefix("video")?;
            // Not `video+1`, which parses, nor a link `video` or `video-cam`.
            let number = digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok())??;
            Some((number, name))
        })
        .collect();
    found.sort_unstable();
    let node = |(number, file): (u32, String)| {
        let path = dev.join(&file);
        let name = fs::read_to_string(sys.join("class/video4linux").join(&file).join("name")).ok();
        let name = name.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
        Node { number, name, capabilities: ask(&path), path }
    };
    found.into_iter().map(node).collect()
}

/// The camera that `auto` means: the USB camera with the lowest number, else what is only a camera, else any, such as a
/// loopback device.
///
/// # Errors
/// `NotFound`, with what there is instead; or why the only nodes there are cannot be opened.
pub fn find_camera(nodes: Vec<Node>) -> Result<PathBuf> {
    let usb = |node: &&Node| node.capabilities.as_ref().is_ok_and(|c| c.driver == USB);
    let cameras = || nodes.iter().filter(|node| node.is_camera());
    let only = |node: &&Node| node.capabilities.as_ref().is_ok_and(Capabilities::only_captures);
    if let Some(camera) = cameras().find(usb).or_else(|| cameras().find(only)).or_else(|| cameras().next()) {
        return Ok(camera.path.clone());
    }
    let others: Vec<String> = nodes.iter().filter_map(Node::role_in_words).collect();
    if let Some(error) = nodes.into_iter().find_map(|node| node.capabilities.err()) {
        return Err(error);
    }
    let there = if others.is_empty() { "there is no /dev/video* node".to_owned() } else { others.join(", ") };
    Err(Error::new(ErrorKind::NotFound, format!("cannot find a camera: {there}"))
        .with_remedy("plug a USB camera in"))
}

/// The camera of the same card and bus, wherever it is now.
pub(crate) fn same_camera<'a>(nodes: &'a [Node], known: &Capabilities) -> Option<&'a Path> {
    let same = |node: &&Node| {
        node.is_camera()
            && node.capabilities.as_ref().is_ok_and(|c| c.bus == known.bus && c.card == known.card)
    };
    nodes.iter().find(same).map(|node| node.path.as_path())
}

#[cfg(test)]
mod tests {
    use super::*;
    use eyelet_hal::clock::ManualClock;
    use std::time::Duration;

    const CAMERA: u32 = 0x0420_0001;
    const METADATA: u32 = 0x04a0_0000;
    const OUTPUT: u32 = 0x0420_0002;

    /// A `/dev` and a `/sys` with these nodes.
    fn roots(files: &[&str]) -> (tempfile::TempDir, PathBuf, PathBuf) {
        let root = tempfile::tempdir().unwrap();
        let (dev, sys) = (root.path().join("dev"), root.path().join("sys"));
        fs::create_dir_all(&dev).unwrap();
        for file in files {
            fs::write(dev.join(file), "").unwrap();
            let class = sys.join("class/video4linux").join(file);
            fs::create_dir_all(&class).unwrap();
            fs::write(class.join("name"), format!("name of {file}\n")).unwrap();
        }
        (root, dev, sys)
    }

    fn caps(driver: &str, flags: u32) -> Result<Capabilities> {
        Ok(Capabilities::of(driver, "Card", &format!("bus of {driver}"), flags))
    }

    #[test]
    fn nodes_come_by_number_with_their_names() {
        let (_root, dev, sys) = roots(&["video10", "video2", "video0", "vbi0", "video+1", "video", "videox"]);
        fs::remove_dir_all(sys.join("class/video4linux/video0")).unwrap();
        let nodes = nodes_with(&dev, &sys, |path| {
            assert!(path.starts_with(&dev));
            caps("uvcvideo", CAMERA)
        });
        let seen: Vec<_> = nodes.iter().map(|n| (n.number, n.name.as_deref())).collect();
        assert_eq!(seen, [(0, None), (2, Some("name of video2")), (10, Some("name of video10"))]);
    }

    #[test]
    fn node_that_is_no_device_is_listed_with_the_reason() {
        let (_root, dev, sys) = roots(&["video0"]);
        let nodes = nodes(&dev, &sys, &ManualClock::new(Duration::ZERO));
        assert_eq!(nodes[0].capabilities.as_ref().unwrap_err().kind(), ErrorKind::Unsupported);
        assert!(!nodes[0].is_camera());
    }

    #[test]
    fn missing_folder_has_no_nodes() {
        assert!(nodes_with(Path::new("/nowhere"), Path::new("/nowhere"), |_| unreachable!()).is_empty());
    }

    #[test]
    fn find_camera_takes_the_first_usb_camera_then_any() {
        let all = || {
            vec![
                Node::of(0, caps("g_uvc", OUTPUT)),
                Node::of(1, caps("vivid", CAMERA)),
                Node::of(2, caps("uvcvideo", METADATA)),
                Node::of(3, Err(Error::new(ErrorKind::PermissionDenied, "no"))),
                Node::of(4, caps("uvcvideo", CAMERA)),
                Node::of(5, caps("uvcvideo", CAMERA)),
            ]
        };
        assert_eq!(find_camera(all()).unwrap(), Path::new("/dev/video4"));
        let loopback = || Node::of(0, caps("v4l2 loopback", 0x0520_8003));
        assert_eq!(
            find_camera(vec![loopback(), Node::of(1, caps("vivid", CAMERA))]).unwrap(),
            Path::new("/dev/video1")
        );
        assert_eq!(find_camera(vec![loopback()]).unwrap(), Path::new("/dev/video0"));
        let mut rest = all();
        rest.truncate(3);
        assert_eq!(find_camera(rest).unwrap(), Path::new("/dev/video1"));
    }

    #[test]
    fn find_camera_without_a_camera_lists_what_there_is() {
        let error = find_camera(vec![]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot find a camera: there is no /dev/video* node; plug a USB camera in"
        );
        let gadget = vec![Node::of(0, caps("g_uvc", OUTPUT)), Node::of(1, caps("uvcvideo", METADATA))];
        let error = find_camera(gadget).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert_eq!(
            error.to_string(),
            "cannot find a camera: /dev/video0 is an output node (as of a UVC gadget), /dev/video1 is a metadata \
             node; plug a USB camera in"
        );
        let denied =
            vec![Node::of(0, Err(Error::new(ErrorKind::PermissionDenied, "add the user to `video`")))];
        assert_eq!(find_camera(denied).unwrap_err().kind(), ErrorKind::PermissionDenied);
    }

    #[test]
    fn same_camera_under_another_number_is_found() {
        let known = caps("uvcvideo", CAMERA).unwrap();
        let nodes = [
            Node::of(0, caps("vivid", CAMERA)),
            Node::of(2, caps("uvcvideo", METADATA)),
            Node::of(3, caps("uvcvideo", CAMERA)),
        ];
        assert_eq!(same_camera(&nodes, &known), Some(Path::new("/dev/video3")));
        assert_eq!(same_camera(&nodes[..2], &known), None);
    }
}
