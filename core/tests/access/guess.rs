//! Who guesses is slowed down, and nobody else.

use crate::support::{TOKEN, basic, serve, somebody, sources, status};
use eyelet_core::http::Access;
use std::{sync::Arc, time::Instant};

#[tokio::test]
async fn guesses_at_once_are_turned_away_and_others_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let server = Arc::new(serve(Access::only(sources(folder.path())).unwrap()));
    let (guesser, owner) = (somebody(), somebody());
    let owners = [basic("ann", "open sesame"), format!("Authorization: Bearer {TOKEN}\r\n")];
    // The owner was here before the guesser: what is remembered must not help to guess.
    assert_eq!(status(&server.get(owner, "/state", &owners[0]).await), 200);
    let mut guesses = tokio::task::JoinSet::new();
    let start = Instant::now();
    for i in 0..100 {
        let server = Arc::clone(&server);
        let header = match i % 3 {
            0 => basic("ann", &format!("guess {i}")),
            1 => format!("Authorization: Bearer guess{i}\r\n"),
            _ => basic(&format!("user{i}"), "open sesame"),
        };
        guesses.spawn(async move { server.get(guesser, "/state", &header).await });
    }
    let mut answers = vec![];
    while let Some(answer) = guesses.join_next().await {
        let answer = answer.unwrap();
        let wait = answer.split("retry-after: ").nth(1).and_then(|rest| rest.split("\r\n").next());
        assert_eq!(wait.is_some(), status(&answer) == 429, "{answer}");
        answers.push(status(&answer));
        if answers.len() == 92 {
            // Most were turned away and the rest still waits: the right ones come in now, from elsewhere, and even
            // the right one does not from here.
            for header in &owners {
                assert_eq!(status(&server.get(somebody(), "/state", header).await), 200);
                assert_eq!(status(&server.get(owner, "/state", header).await), 200);
                assert_eq!(status(&server.get(guesser, "/state", header).await), 429);
            }
        }
    }
    // Four at once, then after 0.5, 1.5, 3.5 and 7.5 s: the next would have to wait for longer than 8 s.
    assert_eq!(
        (answers.iter().filter(|&&s| s == 401).count(), answers.iter().filter(|&&s| s == 429).count()),
        (8, 92)
    );
    assert!(start.elapsed().as_secs_f64() >= 7.5, "{:?}", start.elapsed());
}
