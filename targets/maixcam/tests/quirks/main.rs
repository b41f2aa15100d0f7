//! The program against a camera with the quirks of real drivers, from opening it to its picture.
//!
//! The camera is `camera.c`, loaded into the program, so this runs where the program is linked dynamically.

#![cfg(all(target_os = "linux", target_env = "gnu"))]

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::LazyLock,
};
use zune_jpeg::{
    JpegDecoder,
    zune_core::{bytestream::ZCursor, colorspace::ColorSpace, options::DecoderOptions},
};

const WIDTH: usize = 64;

/// A folder with the compiled camera and a node to open it by.
static FOLDER: LazyLock<tempfile::TempDir> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    fs::write(node(folder.path()), "").unwrap();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/quirks/camera.c");
    let compiled = Command::new(std::env::var_os("CC").unwrap_or_else(|| "cc".into()))
        .args(["-O1", "-shared", "-fPIC", "-w", "-o"])
        .arg(library(folder.path()))
        .arg(source)
        .arg("-ldl")
        .status()
        .unwrap();
    assert!(compiled.success());
    folder
});

fn node(folder: &Path) -> PathBuf {
    folder.join("video0")
}

fn library(folder: &Path) -> PathBuf {
    folder.join("camera.so")
}

/// Takes a picture of a camera of the format `fourcc` with `quirks`; the program may have 1 GB.
fn snapshot(fourcc: &str, quirks: &str, flags: &[&str]) -> (Output, PathBuf) {
    let node = node(FOLDER.path());
    let flags = [&["--camera", node.to_str().unwrap()], flags].concat();
    snapshot_at(&node, &[], fourcc, quirks, &flags)
}

/// Takes one of the camera that the program finds, on a board that has a built-in one too.
fn snapshot_of_any(fourcc: &str, flags: &[&str]) -> (Output, PathBuf) {
    let maixpy = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ci/maix");
    let environment = [("CAMERA_FOLDER", FOLDER.path()), ("PYTHONPATH", &maixpy)];
    snapshot_at(Path::new("/dev/video0"), &environment, fourcc, "", flags)
}

fn snapshot_at(
    node: &Path,
    environment: &[(&str, &Path)],
    fourcc: &str,
    quirks: &str,
    flags: &[&str],
) -> (Output, PathBuf) {
    let folder = FOLDER.path();
    let name = format!("{fourcc}-{quirks}-{}.jpg", flags.concat());
    let picture = folder.join(name.replace(['/', ','], "+"));
    let output = Command::new("sh")
        .args(["-c", "ulimit -v 1000000; LD_PRELOAD=$CAMERA_SO exec \"$@\"", "sh"])
        .arg(env!("CARGO_BIN_EXE_eyelet"))
        .args(["snapshot", "--size", "64x48", "--quality", "95", "--encoder", "software"])
        .args(flags)
        .arg(&picture)
        .env("CAMERA_SO", library(folder))
        .env("CAMERA_NODE", node)
        .envs(environment.iter().copied())
        .env("CAMERA_FOURCC", fourcc)
        .env("CAMERA_QUIRKS", quirks)
        .output()
        .unwrap();
    (output, picture)
}

/// The luma of the middle of each row, all of whose samples have to be the same.
fn rows(fourcc: &str, quirks: &str, flags: &[&str]) -> Vec<u8> {
    let (output, picture) = snapshot(fourcc, quirks, flags);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{fourcc} with {quirks}: {:?}: {stderr}", output.status);
    let options = DecoderOptions::default().jpeg_set_out_colorspace(ColorSpace::Luma);
    let jpeg = fs::read(picture).unwrap();
    let luma = JpegDecoder::new_with_options(ZCursor::new(&jpeg), options).decode().unwrap();
    luma.chunks(WIDTH)
        .map(|row| {
            let (least, most) = (row.iter().min().unwrap(), row.iter().max().unwrap());
            assert!(most - least <= 8, "{fourcc} with {quirks}: a skewed picture: {row:?}");
            row[WIDTH / 2]
        })
        .collect()
}

/// A picture whose row y has the luma 4 * y.
fn assert_shown(fourcc: &str, quirks: &str, flags: &[&str]) {
    let rows = rows(fourcc, quirks, flags);
    assert_eq!(rows.len(), 48, "{quirks}");
    for (y, luma) in rows.into_iter().enumerate() {
        assert!(luma.abs_diff(4 * y as u8) <= 8, "{fourcc} with {quirks}: {luma} in row {y}");
    }
}

fn refusal(fourcc: &str, quirks: &str) -> String {
    let (output, picture) = snapshot(fourcc, quirks, &[]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(!picture.exists());
    let node = node(FOLDER.path()).display().to_string();
    String::from_utf8(output.stderr).unwrap().trim_end().replace(&node, "NODE")
}

/// As of any other camera of JPEGs: a supervisor is not to start the program again for ever.
#[test]
fn edits_of_a_camera_of_jpegs_alone_are_wrong_usage() {
    for flags in [&["--rotate", "90"][..], &["--flip", "h"], &["--mask", "0,0,8,8"], &["--overlay", "x"]] {
        let (output, picture) = snapshot("MJPG", "", flags);
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(!picture.exists());
        let node = node(FOLDER.path());
        let want =
            format!("error: cannot edit the pictures of {}: JPEGs cannot be rotated, ", node.display());
        assert!(text.starts_with(&want) && text.lines().count() == 1, "{text}");
        let remedy = "; use another camera, or leave out --rotate, --flip, --mask and --overlay\n";
        assert!(text.ends_with(remedy), "{text}");
    }
}

/// Whichever camera there is, it is the first one: another is not taken in its place without a word.
#[test]
fn edits_where_the_camera_that_is_found_has_jpegs_alone_are_wrong_usage() {
    let (output, _) = snapshot_of_any("YUYV", &["--flip", "h"]);
    assert!(output.status.success(), "{output:?}");
    for flags in [&["--rotate", "90"][..], &["--mask", "0,0,8,8"], &["--overlay", "x"]] {
        let (output, picture) = snapshot_of_any("MJPG", flags);
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(!picture.exists());
        let want = "error: cannot edit the pictures of /dev/video0: JPEGs cannot be rotated, ";
        let remedy = "; use another camera, or leave out --rotate, --flip, --mask and --overlay\n";
        assert!(text.starts_with(want) && text.ends_with(remedy) && text.lines().count() == 1, "{text}");
    }
}

/// Each of these ended the program, or refused the camera.
#[test]
fn camera_with_unknown_or_failing_answers_is_shown() {
    for quirks in [
        "",
        "colorspace=77,xfer_func=99,quantization=7,ycbcr_enc=55,flags=-1",
        "field=11",
        "field=-1",
        "description=0xe9,card=0xe9",
        "s_parm=95",
        "s_parm=5,g_parm=5",
        "g_parm=22",
        "numerator=0",
        "denominator=0",
        "caps=0x05208003",
        "formats=1,sizes=1,intervals=1",
        "sizetype=9,intervaltype=9",
        "buffers=1",
        "buffers=8",
        "stamps=0",
        "stamps=0x4000,sequence=0",
        "streamoff=5",
        "s_fmt=25",
        "signals=1",
    ] {
        assert_shown("YUYV", quirks, &[]);
    }
}

#[test]
fn rows_of_impossible_length_follow_from_the_buffer() {
    for (fourcc, quirks) in [
        ("YUYV", "bytesperline=0"),
        ("YUYV", "bytesperline=64"),
        ("YUYV", "bytesperline=4096"),
        ("YUYV", "bytesperline=129"),
        ("YUYV", "bytesperline=-1,sizeimage=6144"),
        ("GREY", "bytesperline=1,sizeimage=0"),
        ("YU12", "bytesperline=96"),
        ("YU12", "bytesperline=96,bytesused=65536"),
        ("NV12", "bytesperline=96,bytesused=4608"),
        ("YU12", "bytesperline=65"),
    ] {
        assert_shown(fourcc, quirks, &[]);
    }
}

#[test]
fn controls_of_any_name_type_and_error_do_not_hide_the_others() {
    for (quirks, control) in [
        ("contrast=5", "saturation=5"),
        ("contrast=22", "saturation=5"),
        ("names=1", "2j_2=5"),
        ("controls=1000000", "brightness=5"),
    ] {
        assert_shown("YUYV", quirks, &["--control", control]);
    }
    let (output, _) = snapshot("YUYV", "type=0x7777", &["--control", "brightness=5"]);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.ends_with("no such control; it has none\n"), "{stderr}");
}

#[test]
fn limited_range_becomes_the_full_range_of_jpeg() {
    for (sample, luma) in [(16, 0), (126, 128), (235, 255), (255, 255)] {
        for fourcc in ["GREY", "YUYV", "YU12"] {
            let rows = rows(fourcc, &format!("quantization=2,sample={sample}"), &[]);
            assert!(rows.iter().all(|row| row.abs_diff(luma) <= 1), "{sample} of {fourcc}: {rows:?}");
        }
        // Where the driver does not say so, samples are passed on.
        let rows = rows("YUYV", &format!("sample={sample}"), &[]);
        assert!(rows.iter().all(|row| row.abs_diff(sample) <= 1), "{sample}: {rows:?}");
    }
}

#[test]
fn camera_that_cannot_be_shown_is_one_line_with_a_remedy() {
    for (quirks, why) in [
        (
            "width=0",
            "cannot set 64x48 yuyv on NODE: its driver gives frames of 0x48; choose another format or size",
        ),
        (
            "length=4096,bytesused=4096",
            "cannot use NODE: a 64x48 yuyv frame needs 6144 bytes, and its driver's buffers have 4096; choose another \
             format or size",
        ),
        (
            "length=0",
            "cannot start NODE: its driver gives empty buffers; plug the camera in again, or use another",
        ),
        ("buffers=0", "cannot start NODE: no memory for its buffers; use a smaller size or fewer buffers"),
        (
            "index=99",
            "cannot read a frame from NODE: its driver returned a buffer that it did not have; open it again",
        ),
        ("caps=0x01000001", "cannot use NODE: it supports only read(), no streaming; use another camera"),
        ("caps=0x04201000", "cannot use NODE: it supports only the multi-planar API; use another camera"),
        ("caps=0x04208000", "cannot use NODE: it is a codec, not a camera; choose another /dev/video* node"),
    ] {
        let error = refusal("YUYV", quirks);
        assert_eq!(error, format!("error: {why}"), "{quirks}");
    }
}

/// These were wrong usage, exit code 2, which supervisors do not try again.
#[test]
fn refusal_while_streaming_is_no_wrong_usage() {
    for (quirks, operation) in [("streamon=22", "start"), ("dqbuf=22", "read a frame from")] {
        let error = refusal("YUYV", quirks);
        assert!(
            error.starts_with(&format!("error: cannot {operation} NODE: the driver refuses it; ")),
            "{error}"
        );
    }
}
