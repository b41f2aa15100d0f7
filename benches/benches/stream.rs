//! Published to the last byte at the last viewer, for 1, 8 and 64 viewers on loopback.

#![forbid(unsafe_code)]

use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use eyelet_core::{
    Hub,
    clock::SystemClock,
    feed::{Picture, PictureKind},
    http::{self, Server},
};
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    sync::{Arc, mpsc},
    thread,
    time::{Duration, Instant},
};

/// A 640x480 picture of a natural scene at quality 80.
const PICTURE: usize = 53_000;

/// Serves `hub` on a thread that ends with the process.
fn serve(hub: Hub, viewers: usize) -> SocketAddr {
    let listener = http::listen("127.0.0.1:0".parse().expect("an address")).expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let mut server = Server::new(hub, Arc::new(SystemClock));
            server.max_viewers = viewers;
            server.run(tokio::net::TcpListener::from_std(listener).expect("a listener")).await;
        });
    });
    address
}

/// Reads parts and reports each one's number when its last byte is there.
fn watch(address: SocketAddr, arrived: &mpsc::Sender<u64>) -> std::io::Result<()> {
    let mut socket = TcpStream::connect(address)?;
    socket.write_all(b"GET /stream HTTP/1.1\r\nHost: bench\r\n\r\n")?;
    let mut reader = BufReader::with_capacity(1 << 17, socket);
    let mut body = vec![0; PICTURE];
    let mut line = String::new();
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        if let Some(number) = line.strip_prefix("X-Sequence: ") {
            let sequence = number.trim().parse().expect("a number");
            reader.read_line(&mut line)?;
            reader.read_exact(&mut body)?;
            if arrived.send(sequence).is_err() {
                return Ok(());
            }
        }
    }
}

fn published_to_arrived(c: &mut Criterion) {
    let mut group = c.benchmark_group("stream");
    for viewers in [1, 8, 64] {
        let hub = Hub::default();
        let address = serve(hub.clone(), viewers);
        let (sender, arrivals) = mpsc::channel();
        for _ in 0..viewers {
            let sender = sender.clone();
            thread::spawn(move || watch(address, &sender));
        }
        while hub.metrics.viewers.get() < viewers as i64 {
            thread::yield_now();
        }
        let jpeg = Bytes::from(vec![0x55; PICTURE]);
        let mut sequence = 0;
        group.throughput(Throughput::Bytes((PICTURE * viewers) as u64));
        group.bench_function(BenchmarkId::from_parameter(viewers), |b| {
            b.iter_custom(|pictures| {
                let mut took = Duration::ZERO;
                for _ in 0..pictures {
                    sequence += 1;
                    let picture = Picture {
                        jpeg: jpeg.clone(),
                        sequence,
                        captured_at: Duration::ZERO,
                        kind: PictureKind::Live,
                    };
                    let began = Instant::now();
                    hub.feed.publish(picture);
                    let mut missing = viewers;
                    while missing > 0 {
                        // A repeat of an earlier picture may come in between.
                        missing -= usize::from(arrivals.recv().expect("viewers read") == sequence);
                    }
                    took += began.elapsed();
                }
                took
            });
        });
    }
    group.finish();
}

criterion_group!(benches, published_to_arrived);
criterion_main!(benches);
