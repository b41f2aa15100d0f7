//! Pictures posted to a server on loopback: how many a second, and what keeping the connection alive is worth.

// criterion's macros generate functions without documentation.
#![allow(missing_docs)]

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use eyelet_bench::pictures;
use eyelet_core::upload::Uploader;
use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    thread,
};

/// A 640x480 picture of a natural scene at quality 70 or so.
const PICTURE: usize = 53_000;

/// A server that reads each picture and says ok. Storing them would measure the disk.
fn receive() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // The client has left: an error, or none.
            thread::spawn(move || answer(&stream));
        }
    });
    format!("http://{address}/upload")
}

fn answer(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::with_capacity(1 << 16, stream);
    let mut line = String::new();
    let mut length = 0;
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().unwrap_or(0);
        }
        if line == "\r\n" {
            io::copy(&mut reader.by_ref().take(length), &mut io::sink())?;
            reader.get_mut().write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n")?;
        }
    }
}

fn posted(uploader: &mut Uploader, jpeg: &Bytes) {
    let response = uploader.post(jpeg.clone()).expect("an answer");
    assert_eq!((response.status(), response.text()), (200, "ok\n"));
}

fn upload(c: &mut Criterion) {
    let jpeg = Bytes::from(pictures::make(1, (640, 480), PICTURE).remove(0));
    let url = receive();
    let mut group = c.benchmark_group("upload");
    group.throughput(Throughput::Elements(1));
    let mut uploader = Uploader::new(&url).expect("an address");
    group.bench_function("kept-alive", |b| b.iter(|| posted(&mut uploader, &jpeg)));
    // As `requests.post` does it, once a picture.
    group.bench_function("new-connection", |b| {
        b.iter(|| posted(&mut Uploader::new(&url).expect("an address"), &jpeg));
    });
    group.finish();
}

criterion_group!(benches, upload);
criterion_main!(benches);
