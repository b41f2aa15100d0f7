//! `JpegStreamer`: what an application writes is what a client sees.

use eyelet_core::{
    JpegStreamer,
    image::{Color, Image, Thickness},
};
use eyelet_hal::{ErrorKind, Quality};
use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

fn get(streamer: &JpegStreamer, path: &str) -> Vec<u8> {
    let mut socket = connect(streamer, path);
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).unwrap();
    answer
}

fn connect(streamer: &JpegStreamer, path: &str) -> TcpStream {
    let mut socket = TcpStream::connect((streamer.host(), streamer.port())).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    write!(socket, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    socket
}

fn image(color: Color) -> Image {
    let mut image = Image::new(64, 48).unwrap();
    image.draw_rect(0, 0, 64, 48, color, Thickness::Filled);
    image
}

fn streamer() -> JpegStreamer {
    let mut streamer = JpegStreamer::new("127.0.0.1", 0, 16).unwrap();
    streamer.start().unwrap();
    streamer
}

#[test]
fn html_set_while_running_is_served() {
    let streamer = streamer();
    assert!(String::from_utf8(get(&streamer, "/")).unwrap().contains("<canvas"));
    streamer.set_html("<html>mine</html>");
    assert!(get(&streamer, "/").ends_with(b"\r\n\r\n<html>mine</html>"));
}

#[test]
fn jpeg_is_shown_byte_for_byte() {
    let streamer = streamer();
    let jpeg = image(Color::RED).to_jpeg(Quality::DEFAULT).unwrap();
    streamer.write(jpeg.clone()).unwrap();
    assert!(get(&streamer, "/snapshot").ends_with(&jpeg));
    let error = streamer.write(jpeg.slice(..jpeg.len() - 2)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CorruptFrame);
    assert!(get(&streamer, "/snapshot").ends_with(&jpeg), "the picture before stays");
}

#[test]
fn picture_written_once_before_the_first_viewer_is_seen() {
    let streamer = streamer();
    let red = image(Color::RED);
    streamer.write(&red).unwrap();
    let mut viewer = connect(&streamer, "/stream");
    let jpeg = red.to_jpeg(Quality::DEFAULT).unwrap();
    let mut seen = Vec::new();
    while !seen.windows(jpeg.len()).any(|w| w == &jpeg[..]) {
        let mut bytes = [0; 4096];
        let read = viewer.read(&mut bytes).expect("the picture never arrived");
        assert!(read > 0, "closed");
        assert!(seen.len() < 10 * jpeg.len(), "other pictures arrived");
        seen.extend_from_slice(&bytes[..read]);
    }
}

#[test]
fn pictures_without_viewers_are_hardly_encoded() {
    let streamer = streamer();
    let picture = image(Color::RED);
    for _ in 0..100 {
        streamer.write(&picture).unwrap();
    }
    let state = String::from_utf8(get(&streamer, "/state")).unwrap();
    assert!(state.contains("\"captured\": 100"), "{state}");
    let encoded = state.split("\"encoded\": ").nth(1).unwrap().split(',').next().unwrap();
    assert!(encoded.parse::<u32>().unwrap() < 50, "{state}");
}

#[test]
fn streamer_restarts_any_number_of_times() {
    let mut streamer = streamer();
    let port = streamer.port();
    streamer.start().unwrap();
    streamer.stop();
    streamer.stop();
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err(), "the port is free");
    streamer.start().unwrap();
    assert_eq!(streamer.port(), port);
    assert!(get(&streamer, "/").starts_with(b"HTTP/1.1 200 "));
}

#[test]
fn host_is_an_address_that_a_browser_can_open() {
    let streamer = JpegStreamer::new("", 0, 16).unwrap();
    assert_ne!(streamer.host(), "0.0.0.0");
    assert_ne!(streamer.port(), 0);
}
