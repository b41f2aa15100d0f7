//! What cannot be is an error at the start.

use crate::support::Grey;
use eyelet_core::{Eyelet, app::Builder, encode::ReferenceEncoder};
use eyelet_hal::{Error, ErrorKind};
use std::{
    net::TcpListener,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

#[test]
fn camera_that_cannot_be_opened_is_an_error_at_the_start() {
    let open = || Err::<Grey, _>(Error::new(ErrorKind::NotFound, "no such camera"));
    let error = Eyelet::builder().camera(open).bind("127.0.0.1:0").start().unwrap_err();
    assert_eq!((error.kind(), error.message()), (ErrorKind::NotFound, "no such camera"));
}

#[test]
fn address_that_is_none_is_an_error_with_examples() {
    let error = Eyelet::builder().bind("camera.lan").start().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert_eq!(error.message(), "cannot listen on \"camera.lan\"");
    assert!(error.remedy().unwrap().contains("127.0.0.1:8000"), "{error}");
}

#[test]
fn port_in_use_is_an_error_that_closes_the_camera() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let closed = Arc::new(AtomicUsize::new(0));
    let mine = Arc::clone(&closed);
    let builder = Eyelet::builder().camera(move || Ok(Grey::open(&mine)));
    let error = builder.bind(&taken.local_addr().unwrap().to_string()).start().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Busy);
    assert_eq!(closed.load(Ordering::SeqCst), 1);
}

#[test]
fn route_that_cannot_be_is_an_error_that_names_it() {
    let closed = Arc::new(AtomicUsize::new(0));
    for path in ["/stream", "/front/hello", "hello", "/"] {
        let closed = Arc::clone(&closed);
        let builder = Eyelet::builder().named_camera("front", move || Ok(Grey::open(&closed)));
        let error = builder.get(path, |_| ()).bind("127.0.0.1:0").start().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.message().contains(&format!("GET {path:?}")), "{error}");
    }
    assert_eq!(closed.load(Ordering::SeqCst), 4, "the cameras are closed");
}

#[test]
fn encoder_or_function_without_its_camera_is_an_error() {
    let closed = Arc::new(AtomicUsize::new(0));
    let grey = |builder: Builder| {
        let closed = Arc::clone(&closed);
        builder.camera(move || Ok(Grey::open(&closed)))
    };
    let builder = || Eyelet::builder().bind("127.0.0.1:0");
    let twice = |builder: Builder| builder.each_frame(|_| Ok(())).each_frame(|_| Ok(()));
    for (builder, message) in [
        (builder().each_frame(|_| Ok(())), "each_frame has no camera"),
        (builder().encoder(|| Ok(ReferenceEncoder::new())), "encoder has no camera"),
        (twice(grey(builder())), "two functions are to have each frame of one camera"),
        (grey(twice(builder())), "two functions are to have each frame of one camera"),
    ] {
        let error = builder.start().unwrap_err();
        assert_eq!((error.kind(), error.message()), (ErrorKind::InvalidInput, message));
    }
    let one = grey(builder()).each_frame(|_| Ok(())).encoder(|| Ok(ReferenceEncoder::new()));
    one.start().unwrap();
}

#[test]
fn name_that_a_camera_cannot_have_is_an_error() {
    let closed = Arc::new(AtomicUsize::new(0));
    let start = |names: &[&str]| {
        let builder = Eyelet::builder().bind("127.0.0.1:0");
        let add = |builder: Builder, name: &&str| {
            let closed = Arc::clone(&closed);
            let open = move || Ok(Grey::open(&closed));
            if name.is_empty() { builder.camera(open) } else { builder.named_camera(name, open) }
        };
        names.iter().fold(builder, add).start().map(drop)
    };
    for names in [&["stream"][..], &["Front"], &["a", "a"], &["a", ""], &["", ""]] {
        assert_eq!(start(names).unwrap_err().kind(), ErrorKind::InvalidInput, "{names:?}");
    }
    start(&["", "b"]).unwrap();
}
