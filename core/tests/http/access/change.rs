//! The files change while the server runs.

use super::support::{PATIENCE, Running, USERS, basic, serve, somebody, sources, status};
use crate::support;
use eyelet_core::http::{Access, CredentialSources, Token};
use std::{fs, time::Duration};
use tokio::time::timeout;

/// Waits until the answer to somebody with `header` has this status. Each time it is somebody else, who is not slowed
/// down.
async fn until(server: &Running, header: &str, wanted: u16) {
    let wait = async {
        while status(&server.get(somebody(), "/state", header).await) != wanted {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("never {wanted} for {header:?}"));
}

#[tokio::test]
async fn user_is_added_and_removed_with_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let sources = sources(folder.path());
    let file = sources.users.clone().unwrap();
    let server = serve(Access::only(sources).unwrap());
    let [ann, bob] = ["ann", "bob"].map(|user| basic(user, "open sesame"));
    until(&server, &ann, 200).await;
    until(&server, &bob, 200).await;

    let (first, _) = USERS.split_once('\n').unwrap();
    fs::write(&file, first).unwrap();
    until(&server, &bob, 401).await;
    until(&server, &ann, 200).await;

    // Replaced as editors do it; what was remembered of ann is forgotten.
    let new = folder.path().join("new");
    fs::write(&new, USERS.replace("ann:", "carol:")).unwrap();
    fs::rename(&new, &file).unwrap();
    until(&server, &ann, 401).await;
    until(&server, &bob, 200).await;
    until(&server, &basic("carol", "open sesame"), 200).await;

    // Damaged or gone, the last good state stays; and it never opens.
    for damage in ["rewritten", "removed"] {
        match damage {
            "removed" => fs::remove_file(&file).unwrap(),
            _ => fs::write(&file, "nonsense").unwrap(),
        }
        tokio::time::sleep(Duration::from_millis(1100)).await;
        until(&server, &bob, 200).await;
        until(&server, &ann, 401).await;
        until(&server, "", 401).await;
    }
    fs::write(&file, first).unwrap();
    until(&server, &bob, 401).await;
    until(&server, &ann, 200).await;
}

#[tokio::test]
async fn token_changes_with_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let mut sources = CredentialSources::default();
    let file = folder.path().join("token");
    fs::write(&file, " first\n").unwrap();
    sources.token_file = Some(file.clone());
    let server = serve(Access::only(sources).unwrap());
    let bearer = |token: &str| format!("Authorization: Bearer {token}\r\n");
    until(&server, &bearer("first"), 200).await;
    // Browsers are not to prompt for a password where there are no users.
    let answer = server.get(somebody(), "/", "").await;
    assert!(answer.contains("www-authenticate: Bearer ") && !answer.contains("Basic"), "{answer}");
    fs::write(&file, "second").unwrap();
    until(&server, &bearer("second"), 200).await;
    until(&server, &bearer("first"), 401).await;
}

#[tokio::test]
async fn browser_is_asked_for_a_token_only_where_there_is_one() {
    let folder = tempfile::tempdir().unwrap();
    for token in [true, false] {
        let mut sources = sources(folder.path());
        sources.token = sources.token.filter(|_| token);
        let server = support::serve(|server| server.access = Access::only(sources).unwrap());
        let answer =
            server.ask("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAccept: text/html\r\n\r\n").await;
        assert_eq!(answer.contains("<body data-login>"), token, "{answer}");
        assert_eq!(answer.contains("log in with user and password\n"), !token, "{answer}");
    }
}

#[test]
fn unusable_credentials_are_reported_in_one_line_without_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |change: &dyn Fn(&mut CredentialSources)| {
        let mut sources = CredentialSources::default();
        change(&mut sources);
        let error = Access::only(sources).unwrap_err().to_string();
        assert!(!error.contains('\n') && !error.contains("hunter2"), "{error}");
        error
    };
    let file = folder.path().join("file");
    let missing = refused(&|sources| sources.users = Some("/no/such".into()));
    assert!(
        missing.starts_with("cannot read /no/such: ") && missing.ends_with("; name a readable file"),
        "{missing}"
    );
    fs::write(&file, "ann:hunter2").unwrap();
    let plain = refused(&|sources| sources.users = Some(file.clone()));
    assert!(plain.contains("line 1: the password is not hashed"), "{plain}");
    assert!(plain.ends_with("; write it with: htpasswd -B FILE USER"), "{plain}");
    fs::write(&file, "hunter2 hunter2").unwrap();
    let spaced = refused(&|sources| sources.token_file = Some(file.clone()));
    assert!(spaced.contains("file: cannot use the token"), "{spaced}");
    assert!(Token::new("hunter2 ").is_err() && Token::new("").is_err());
    assert_eq!(format!("{:?}", Token::new("hunter2").unwrap()), "Token(..)");
}
