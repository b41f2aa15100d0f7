//! Certificates of a server, and whom an upload trusts.

use super::*;
use crate::{
    feed::{Hub, Label, Picture, PictureKind, RunId},
    http::{self, Server, ServerTls},
};
use eyelet_hal::clock::SystemClock;
use std::{path::PathBuf, sync::Arc, time::Duration};

fn pair(folder: &std::path::Path, name: &str) -> [PathBuf; 2] {
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate =
        rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
    let files = ["pem", "key"].map(|extension| folder.join(name).with_extension(extension));
    std::fs::write(&files[0], certificate.pem()).unwrap();
    std::fs::write(&files[1], key.serialize_pem()).unwrap();
    files
}

#[test]
fn error_of_a_certificate_or_its_key_names_the_flag_at_fault() {
    let folder = tempfile::tempdir().unwrap();
    let [certificate, key] = pair(folder.path(), "own");
    let [_, other_key] = pair(folder.path(), "other");
    let broken = folder.path().join("broken");
    std::fs::write(&broken, "no PEM").unwrap();
    for (certificate, key, flag) in [
        (&broken, &key, "--tls-cert"),
        (&folder.path().join("none"), &key, "--tls-cert"),
        (&certificate, &broken, "--tls-key"),
        (&certificate, &folder.path().join("none"), "--tls-key"),
        (&certificate, &other_key, "--tls-key"),
    ] {
        let [certificate, key] = [certificate, key].map(|file| file.to_str().unwrap());
        let args = serve(&["serve", "--tls-cert", certificate, "--tls-key", key]);
        let mut server = Server::new(Hub::default(), Arc::new(SystemClock));
        let what = args.tls.secure(&mut server).unwrap_err().to_string();
        assert!(what.ends_with(&format!(" ({flag})")), "{what}");
    }
}

#[test]
fn running_upload_to_an_unknown_authority_names_the_flag() {
    let folder = tempfile::tempdir().unwrap();
    let [certificate, key] = pair(folder.path(), "own");
    runtime().unwrap().block_on(async {
        let listener = http::listen("127.0.0.1:0".parse().unwrap()).unwrap();
        let url = format!("https://localhost:{}/upload", listener.local_addr().unwrap().port());
        let mut server = Server::new(Hub::default(), Arc::new(SystemClock));
        server.tls = Some(ServerTls::open(&certificate, &key, Arc::new(SystemClock)).unwrap());
        let serving = server.run(tokio::net::TcpListener::from_std(listener).unwrap());
        let args = serve(&["serve", "--upload", &url]);
        let hub = Hub::default();
        let sender = setup::upload::prepare(args.upload, &args.upload_flags, &hub).unwrap().unwrap();
        let progress = sender.progress();
        hub.feed.publish(Picture {
            jpeg: b"a picture".as_slice().into(),
            label: Label { run: RunId::new(1), sequence: 1, captured_at: Duration::ZERO },
            kind: PictureKind::Live,
        });
        let failed = async {
            loop {
                if let Some(why) = progress.status().last_error {
                    return why;
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        let why = tokio::select! {
            why = failed => why,
            () = serving => unreachable!(),
            _ = sender.run() => unreachable!(),
            () = tokio::time::sleep(Duration::from_secs(60)) => panic!("the upload does not fail"),
        };
        assert!(why.ends_with("; name its certificate, or its authority's, with --tls-roots"), "{why}");
    });
}

#[test]
fn unreadable_tls_roots_are_refused_at_the_start() {
    let upload = |url: &str| match parsed(&["upload", url, "--tls-roots", "/no/such"]) {
        Ok(Command::Upload(args)) => {
            setup::upload::to(args.url, &args.upload_flags, &crate::feed::Hub::default())
        }
        other => panic!("{other:?}"),
    };
    match upload("https://cam/") {
        Err(Failure::Runtime(what)) => {
            assert!(what.starts_with("cannot read /no/such: "), "{what}");
            assert!(what.ends_with("; name a readable file (--tls-roots)"), "{what}");
        }
        _ => panic!("it is found with the first connection"),
    }
    assert!(upload("http://cam/").is_ok(), "they are not needed");
}
