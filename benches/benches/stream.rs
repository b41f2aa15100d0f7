//! Published to the last byte at the last viewer, for 1, 8 and 64 viewers on loopback.
//!
//! The thread that publishes reads for all viewers, so that on two cores the server has one for itself. After each
//! measurement a line has the latency over all viewers, where criterion has that of the last one.

// criterion's macros generate functions without documentation.
#![allow(missing_docs)]
#![forbid(unsafe_code)]

use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use eyelet_bench::{
    load::{Audience, Target},
    pictures,
};
use eyelet_core::{
    Hub,
    feed::{Label, Picture, PictureKind, RunId},
    http::{self, Server},
};
use eyelet_hal::clock::{Clock, SystemClock};
use std::{
    io::{self, Write},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

/// A 640x480 picture of a natural scene at quality 70 or so.
const PICTURE: usize = 53_000;

/// Serves `hub` on a thread that ends with the process.
fn serve(hub: Hub, viewers: usize) -> Target {
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
    format!("http://{address}/stream").parse().expect("an address")
}

fn published_to_arrived(c: &mut Criterion) {
    let jpeg = Bytes::from(pictures::make(1, (640, 480), PICTURE).remove(0));
    let mut group = c.benchmark_group("stream");
    for viewers in [1, 8, 64] {
        let hub = Hub::default();
        let target = serve(hub.clone(), viewers);
        let mut audience = Audience::connect(&target, viewers).expect("sockets");
        let mut sequence = 0;
        let mut publish = || {
            sequence += 1;
            let captured_at = SystemClock.unix();
            hub.feed.publish(Picture {
                jpeg: jpeg.clone(),
                label: Label { run: RunId::new(0), sequence, captured_at },
                kind: PictureKind::Live,
            });
            sequence
        };
        audience.until(publish()).expect("every viewer gets its first picture");
        audience.latency();
        group.throughput(Throughput::Bytes((jpeg.len() * viewers) as u64));
        group.bench_function(BenchmarkId::from_parameter(viewers), |b| {
            b.iter_custom(|pictures| {
                let mut took = Duration::ZERO;
                for _ in 0..pictures {
                    let began = Instant::now();
                    audience.until(publish()).expect("every viewer gets every picture");
                    took += began.elapsed();
                }
                took
            });
        });
        if let Some(latency) = audience.latency() {
            let _ = writeln!(io::stdout(), "stream/{viewers}: latency {latency} ms (p50 / p99 / max)");
        }
    }
    group.finish();
}

criterion_group!(benches, published_to_arrived);
criterion_main!(benches);
