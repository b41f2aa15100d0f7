//! `/events`, by the raw bytes on its socket.

use crate::support::{PATIENCE, Running, STATE, read_until, rest, serve, skip, until};
use eyelet_core::feed::{FrameData, Label, RunId};
use eyelet_hal::{PixelFormat, StreamFormat};
use std::time::Duration;
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    net::TcpStream,
    time::timeout,
};

const EVENTS: &str = "GET /events HTTP/1.1\r\nHost: x\r\n\r\n";

impl Running {
    fn data(&self, sequence: u64, data: &dyn std::fmt::Display) {
        let label = Label { run: RunId::new(0), sequence, captured_at: Duration::from_millis(1_250) };
        self.hub.events.publish(&label, data);
    }

    /// A listener that has had its first event.
    async fn listen(&self) -> TcpStream {
        let mut listener = self.connect(EVENTS).await;
        read_until(&mut listener, "\r\n\r\n").await;
        assert!(read_until(&mut listener, "}}\n\n").await.contains("event: state\n"));
        listener
    }
}

/// The JSON of the next event, which must be of this name.
async fn event(listener: &mut TcpStream, name: &str) -> serde_json::Value {
    let event = read_until(listener, "\n\n").await;
    let Some(data) = event.strip_prefix(&format!("event: {name}\ndata: ")) else { panic!("{event:?}") };
    serde_json::from_str(data).unwrap()
}

#[tokio::test]
async fn listener_gets_the_state_at_once_and_whenever_it_changes() {
    let server = serve(|_| ());
    let mut listener = server.connect(EVENTS).await;
    let head = read_until(&mut listener, "\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.0 200 OK\r\n"), "{head}");
    for line in ["Content-Type: text/event-stream", "X-Accel-Buffering: no", "Cache-Control: no-store"] {
        assert!(head.contains(&format!("\r\n{line}\r\n")), "{line} is not in {head}");
    }
    assert_eq!(read_until(&mut listener, "\n\n").await, "retry: 2000\n\n");
    let state = event(&mut listener, "state").await;
    assert_eq!(state["source"]["reason"], "no frame has come yet");
    assert_eq!(state["source"]["fps"], serde_json::Value::Null, "it would change all the time");
    server.live();
    let state = event(&mut listener, "state").await;
    assert_eq!((&state["source"]["connected"], &state["source"]["width"]), (&true.into(), &4.into()));
    server.live(); // no change
    server.hub.status.lost("unplugged");
    let state = event(&mut listener, "state").await;
    assert_eq!(
        (&state["source"]["connected"], &state["source"]["reason"]),
        (&false.into(), &"unplugged".into())
    );
    let format = StreamFormat::new(PixelFormat::Grey, 8, 8).unwrap();
    server.hub.status.connected("other", format);
    assert_eq!(event(&mut listener, "state").await["source"]["name"], "other");
}

#[tokio::test]
async fn data_comes_with_the_sequence_and_time_of_its_frame() {
    let server = serve(|_| ());
    server.data(1, &"null");
    let mut listener = server.listen().await;
    let mut data = FrameData::default();
    data.detection([1.0, 2.0, 3.5, 4.0], "cat", 0.5);
    server.data(7, &data);
    server.data(9, &serde_json::json!({ "any": [1, "line\nbreak"] }));
    let frame = event(&mut listener, "frame").await;
    assert_eq!((&frame["sequence"], &frame["time"]), (&7.into(), &1.25.into()));
    let cat = serde_json::json!({
        "boxes": [{ "x": 1.0, "y": 2.0, "width": 3.5, "height": 4.0, "label": "cat", "score": 0.5 }]
    });
    assert_eq!(frame["data"], cat);
    let frame = event(&mut listener, "frame").await;
    assert_eq!((&frame["sequence"], &frame["data"]["any"][1]), (&9.into(), &"line\nbreak".into()));
    assert!(server.get("/state").await.contains("\"with_data\": 3"));
}

/// The number of the next frame whose data comes.
async fn sequence(lines: &mut Lines<BufReader<TcpStream>>) -> u64 {
    loop {
        let line =
            timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap().expect("the connection ended");
        if let Some(data) = line.strip_prefix("data: {\"sequence\":") {
            return data.split(',').next().unwrap().parse().unwrap();
        }
    }
}

#[tokio::test]
async fn listener_that_does_not_read_delays_nobody_and_loses_the_oldest() {
    let server = serve(|_| ());
    let [mut slow, mut quick] =
        [server.listen().await, server.listen().await].map(|listener| BufReader::new(listener).lines());
    let long = format!("\"{}\"", "x".repeat(60_000));
    // More than the kernel takes, and than is kept.
    for number in 0..500 {
        server.data(number, &long);
        assert_eq!(sequence(&mut quick).await, number);
    }
    let (mut last, mut had) = (sequence(&mut slow).await, 1);
    while last < 499 {
        let next = sequence(&mut slow).await;
        assert!(next > last, "{next} after {last}");
        (last, had) = (next, had + 1);
    }
    assert!(had < 500, "all were kept for it");
}

#[tokio::test]
async fn silent_listener_gets_a_comment_and_one_that_left_frees_its_slot() {
    let server = serve(|server| server.max_viewers = 1);
    let mut listener = server.listen().await;
    let refused = server.get("/events").await;
    assert!(refused.starts_with("HTTP/1.1 503 ") && refused.contains("Retry-After: "), "{refused}");
    skip(Duration::from_secs(11)).await;
    assert_eq!(read_until(&mut listener, "\n\n").await, ":\n\n");
    drop(listener);
    until(|| server.connections() == 0).await;
    assert!(!server.hub.events.wanted());
    server.listen().await;
}

#[tokio::test]
async fn listener_that_takes_nothing_more_is_dropped_and_frees_its_slot() {
    let server = serve(|server| server.max_viewers = 1);
    let _listener = server.listen().await;
    let long = format!("\"{}\"", "x".repeat(60_000));
    // More than the kernel takes.
    for number in 0..500 {
        server.data(number, &long);
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert!(server.hub.events.wanted());
    // All that is kept for it, at the slowest.
    skip(Duration::from_secs(150)).await;
    until(|| !server.hub.events.wanted()).await;
    server.listen().await;
}

#[tokio::test]
async fn state_is_looked_at_every_ten_seconds_while_data_comes() {
    let server = serve(|_| ());
    let mut listener = server.listen().await;
    for number in 0..3 {
        skip(Duration::from_secs(4)).await;
        server.data(number, &"{}");
        if number == 2 {
            // What it sends if the state is the same.
            assert_eq!(read_until(&mut listener, "\n\n").await, ":\n\n");
        }
        assert_eq!(event(&mut listener, "frame").await["sequence"], number);
    }
}

#[tokio::test]
async fn listener_gives_way_to_a_request_and_a_viewer_does_not() {
    let server = serve(|server| server.limits.connections = Some(2));
    server.publish(1, 3);
    let mut viewer = server.connect(crate::support::STREAM).await;
    read_until(&mut viewer, "111").await;
    let listener = server.listen().await;
    assert!(server.ask(STATE).await.starts_with("HTTP/1.1 200 "));
    rest(listener).await;
    server.publish(2, 3);
    read_until(&mut viewer, "222").await;
}

#[tokio::test]
async fn events_have_a_head_and_end_with_the_server() {
    let server = serve(|_| ());
    let head = server.ask("HEAD /events HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.1 200 ") && head.contains("text/event-stream"), "{head}");
    assert!(!server.hub.events.wanted());
    let listener = server.listen().await;
    drop(server);
    assert_eq!(rest(listener).await, "");
}
