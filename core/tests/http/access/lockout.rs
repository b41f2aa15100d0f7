//! No client is locked out by others behind the same address, by an old tab, or by any page of the web; and none of what
//! sees to that is a way to guess without end.

use super::support::{Running, TOKEN, basic, serve, somebody, sources, status};
use eyelet_core::http::{Access, CredentialSources, Token};
use std::{net::SocketAddr, sync::Arc};
use tokio::io::AsyncWriteExt as _;

const LONG: &str = "0123456789abcdef";
const CROSS_SITE: &str = "Sec-Fetch-Site: cross-site\r\n";

fn bearer(token: &str) -> String {
    format!("Authorization: Bearer {token}\r\n")
}

fn with_token(token: &str) -> Running {
    let mut sources = CredentialSources::default();
    sources.token = Some(Token::new(token).unwrap());
    serve(Access::only(sources).unwrap())
}

/// Only ann and bob, no token.
fn with_users(folder: &tempfile::TempDir) -> Running {
    let mut sources = sources(folder.path());
    sources.token = None;
    serve(Access::only(sources).unwrap())
}

async fn status_of(server: &Running, from: SocketAddr, path: &str, header: &str) -> u16 {
    status(&server.get(from, path, header).await)
}

#[tokio::test]
async fn old_tab_with_a_stale_token_is_charged_once() {
    let folder = tempfile::tempdir().unwrap();
    let server = serve(Access::only(sources(folder.path())).unwrap());
    let right = [basic("ann", "open sesame"), bearer(TOKEN)];
    let old = [
        ("/state", basic("ann", "last year's")),
        ("/state", bearer("last-years")),
        ("/state?token=last-years", String::new()),
    ];
    // All behind one router.
    let home = somebody();
    for round in 0..45 {
        for (path, header) in &old {
            assert_eq!(status_of(&server, home, path, header).await, 401, "{path} {header}, round {round}");
        }
        for header in &right {
            assert_eq!(status_of(&server, home, "/state", header).await, 200, "{header}, round {round}");
        }
    }
}

#[tokio::test]
async fn cross_site_page_that_guesses_tokens_does_not_lock_out_others() {
    for token in [LONG, "short"] {
        let server = Arc::new(with_token(token));
        for mark in ["", CROSS_SITE] {
            // Who comes for the first time, and with each way to show the token.
            let home = somebody();
            let mut page = tokio::task::JoinSet::new();
            for round in 0..45 {
                for guess in 0..4 {
                    let (server, path) = (Arc::clone(&server), format!("/?token={guess}-{round}"));
                    // Some wait for seconds; the page does not.
                    page.spawn(async move { status_of(&server, home, &path, mark).await });
                }
                assert_eq!(
                    status_of(&server, home, "/state", &bearer(token)).await,
                    200,
                    "{token} {mark} {round}"
                );
                let path = format!("/state?token={token}");
                assert_eq!(status_of(&server, home, &path, "").await, 200, "{token} {mark} {round}");
            }
            let mut refused = 0;
            while let Some(Ok(status)) = page.try_join_next() {
                assert_ne!(status, 200);
                refused += usize::from(status == 429);
            }
            assert!(refused > 100, "{token} {mark}: only {refused} guesses were turned away");
        }
    }
}

#[tokio::test]
async fn token_without_a_configured_token_is_no_failed_try() {
    let folder = tempfile::tempdir().unwrap();
    let server = with_users(&folder);
    let home = somebody();
    for guess in 0..45 {
        for (path, header) in
            [(format!("/?token={guess}"), ""), ("/".to_owned(), &*bearer(&guess.to_string()))]
        {
            let answer = server.get(home, &path, header).await;
            assert!(status(&answer) == 401 && answer.contains("Basic realm"), "{answer}");
        }
    }
    assert_eq!(status_of(&server, home, "/state", &basic("ann", "open sesame")).await, 200);
}

/// Chromium held the answer back behind a prompt of its own, and took that away whenever the page gave up waiting.
#[tokio::test]
async fn script_is_told_without_a_prompt_of_the_browser() {
    let folder = tempfile::tempdir().unwrap();
    let server = with_users(&folder);
    let wrong = basic("ann", "wrong");
    for credential in ["", &wrong] {
        let header = format!("{credential}X-Requested-With: eyelet\r\n");
        let answer = server.get(somebody(), "/state", &header).await;
        assert!(status(&answer) == 401 && answer.contains("\r\nwww-authenticate: xBasic realm"), "{answer}");
    }
}

#[tokio::test]
async fn pretending_to_be_a_page_gives_no_more_guesses_than_one_account_has() {
    let folder = tempfile::tempdir().unwrap();
    let server = Arc::new(with_users(&folder));
    let guesser = somebody();
    let mut all = tokio::task::JoinSet::new();
    for i in 0..200 {
        let server = Arc::clone(&server);
        let header = format!("{CROSS_SITE}{}", basic("ann", &format!("guess {i}")));
        all.spawn(async move { status_of(&server, guesser, "/state", &header).await });
    }
    let mut tried = 0;
    while let Some(status) = all.join_next().await {
        tried += usize::from(status.unwrap() == 401);
    }
    assert_eq!(tried, 8, "as many as without saying so");
    // And it is not the account of the people there.
    assert_eq!(status_of(&server, guesser, "/state", &basic("ann", "open sesame")).await, 200);
}

#[tokio::test]
async fn earlier_login_is_admitted_while_others_guess_behind_the_same_address() {
    let folder = tempfile::tempdir().unwrap();
    let server = with_users(&folder);
    let (home, right) = (somebody(), basic("ann", "open sesame"));
    let answer = server.get(home, "/state", &right).await;
    let cookie = answer.split("eyelet=").nth(1).and_then(|rest| rest.split(';').next()).expect(&answer);
    let cookie = format!("Cookie: eyelet={cookie}\r\n");
    let (mut wrong, mut guesses) = (0, vec![]);
    while status_of(&server, home, "/state", &right).await == 200 {
        for _ in 0..20 {
            // The socket is left alone: what comes of the guess, and after how long, is of no interest.
            let mut socket = server.connect(home).await;
            let header = basic("ann", &format!("guess {wrong}"));
            let request = format!("GET /state HTTP/1.1\r\nHost: x\r\n{header}\r\n");
            socket.write_all(request.as_bytes()).await.unwrap();
            guesses.push(socket);
            wrong += 1;
        }
        assert!(wrong < 1000, "it could guess for ever what is remembered");
    }
    assert!(wrong >= 500, "after {wrong} guesses the owner is locked out");
    // By then only a browser that was here before is known.
    assert_eq!(status_of(&server, home, "/state", &format!("{cookie}{right}")).await, 200);
    let forged = format!("Cookie: eyelet={:032x}\r\n{right}", 5);
    assert_eq!(status_of(&server, home, "/state", &forged).await, 429);
    // It opens nothing by itself.
    assert_eq!(status_of(&server, somebody(), "/state", &cookie).await, 401);
    drop(guesses);
}
