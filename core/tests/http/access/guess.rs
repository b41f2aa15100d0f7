//! Guessing slows down the guesser alone.

use super::support::{TOKEN, basic, serve, somebody, sources, status};
use eyelet_core::http::Access;
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

#[tokio::test]
async fn concurrent_guesses_are_rejected_and_others_admitted() {
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
        // A browser shows its text alone.
        assert!(wait.is_none_or(|wait| answer.ends_with(&format!("; wait {wait} s\n"))), "{answer}");
        answers.push(status(&answer));
        if answers.len() == 92 {
            // Most were turned away and the rest still waits: the right ones come in now, from elsewhere. From here even
            // the right password does not, which nobody has shown here before.
            for header in &owners {
                assert_eq!(status(&server.get(somebody(), "/state", header).await), 200);
                assert_eq!(status(&server.get(owner, "/state", header).await), 200);
            }
            assert_eq!(status(&server.get(guesser, "/state", &owners[0]).await), 429);
        }
    }
    // Four at once, then after 0.5, 1.5, 3.5 and 7.5 s: the next would have to wait for longer than 8 s.
    assert_eq!(
        (answers.iter().filter(|&&s| s == 401).count(), answers.iter().filter(|&&s| s == 429).count()),
        (8, 92)
    );
    assert!(start.elapsed().as_secs_f64() >= 7.5, "{:?}", start.elapsed());
}

#[tokio::test]
async fn guesses_from_many_addresses_do_not_delay_a_login() {
    const GUESSERS: usize = 8;
    let folder = tempfile::tempdir().unwrap();
    let mut sources = sources(folder.path());
    // So dear that all guesses wait for their turn.
    let users = format!("ann:{}\n", bcrypt::hash("open sesame", 8).unwrap());
    std::fs::write(sources.users.as_ref().unwrap(), users).unwrap();
    sources.token = None;
    let server = Arc::new(serve(Access::only(sources).unwrap()));
    let (answered, mut guesses) = (Arc::new(AtomicUsize::new(0)), tokio::task::JoinSet::new());
    for guesser in (0..GUESSERS).map(|_| somebody()) {
        for guess in 0..4 {
            let (server, answered) = (Arc::clone(&server), Arc::clone(&answered));
            guesses.spawn(async move {
                let header = basic("ann", &format!("guess {guess} of {guesser}"));
                assert_eq!(status(&server.get(guesser, "/state", &header).await), 401);
                answered.fetch_add(1, Ordering::Relaxed);
            });
        }
    }
    // The first guess of each was treated like anyone's.
    while answered.load(Ordering::Relaxed) < GUESSERS {
        tokio::task::yield_now().await;
    }
    let header = basic("ann", "open sesame");
    assert_eq!(status(&server.get(somebody(), "/state", &header).await), 200);
    let waiting = 4 * GUESSERS - answered.load(Ordering::Relaxed);
    assert!(waiting >= GUESSERS, "only {waiting} guesses were still waiting");
    while let Some(guess) = guesses.join_next().await {
        guess.unwrap();
    }
}
