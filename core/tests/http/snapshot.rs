//! `/snapshot`: a picture that was captured after the request, or why there is none.

use crate::support::{serve, until};
use eyelet_core::http::SnapshotPolicy;
use eyelet_hal::clock::{Clock as _, SystemClock};
use std::time::Duration;

#[tokio::test]
async fn snapshot_is_captured_after_the_request() {
    let server = serve(|_| ());
    server.live();
    server.publish(1, 3);
    let ask = async { server.get("/snapshot?x=1").await };
    let publish = async {
        until(|| server.hub.feed.wanted()).await;
        server.publish(2, 5);
    };
    let (answer, ()) = tokio::join!(ask, publish);
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(answer.contains("X-Sequence: 2\r\n") && answer.ends_with("\r\n\r\n22222"), "{answer}");
    assert!(!server.hub.feed.wanted(), "the snapshot no longer asks for pictures");
}

#[tokio::test]
async fn snapshot_of_a_lost_camera_answers_503_with_the_reason() {
    let server = serve(|_| ());
    server.lose();
    let answer = server.get("/?action=snapshot").await;
    assert!(answer.starts_with("HTTP/1.1 503 ") && answer.ends_with("\r\n\r\nunplugged\n"), "{answer}");
}

#[tokio::test]
async fn snapshot_with_an_impossible_timestamp_is_served() {
    let times: [fn(Duration) -> Duration; 3] =
        [|_| Duration::ZERO, |now| now - Duration::from_secs(190), |now| now + Duration::from_secs(60)];
    for time in times {
        let server = serve(|_| ());
        server.live();
        let publish = |sequence| server.publish_at(sequence, time(SystemClock.unix()));
        publish(1);
        let ask = async { server.get("/snapshot").await };
        let stream = async {
            until(|| server.hub.feed.wanted()).await;
            let mut sequence = 2;
            while server.hub.feed.wanted() {
                publish(sequence);
                sequence += 1;
                tokio::task::yield_now().await;
            }
        };
        let (answer, ()) = tokio::join!(ask, stream);
        assert!(answer.starts_with("HTTP/1.1 200 ") && !answer.ends_with("\r\n\r\n[1]"), "{answer}");
    }
}

#[tokio::test]
async fn snapshot_in_progress_when_the_camera_is_lost_answers_503() {
    let server = serve(|_| ());
    server.live();
    let ask = async { server.get("/snapshot").await };
    let lose = async {
        until(|| server.hub.feed.wanted()).await;
        server.lose();
    };
    let (answer, ()) = tokio::join!(ask, lose);
    assert!(answer.starts_with("HTTP/1.1 503 ") && answer.ends_with("\r\n\r\nunplugged\n"), "{answer}");
}

#[tokio::test]
async fn snapshot_of_a_picture_published_once_shows_it() {
    let server = serve(|server| server.snapshot = SnapshotPolicy::FreshOrNewest);
    server.publish(1, 3);
    let answer = server.get("/snapshot.jpg").await;
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("\r\n\r\n111"), "{answer}");
}
