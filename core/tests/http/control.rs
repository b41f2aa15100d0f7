//! `/control`, by the raw bytes on its socket.

use crate::support::{Running, read_until, serve};
use eyelet_hal::Quality;
use serde_json::{Value, json};

const FORM: &str = "application/x-www-form-urlencoded";

/// A server whose clients may change something.
fn controlled() -> Running {
    let server = serve(|_| ());
    server.hub.settings.allow_changes();
    server.live();
    server
}

impl Running {
    async fn send(&self, method: &str, headers: &str, body: &str) -> String {
        let len = body.len();
        self.ask(&format!(
            "{method} /control HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}Content-Length: {len}\r\n\r\n{body}"
        ))
        .await
    }

    async fn post(&self, content_type: &str, body: &str) -> String {
        self.send("POST", &format!("Content-Type: {content_type}\r\n"), body).await
    }

    fn quality(&self) -> u8 {
        self.hub.settings.quality().get()
    }
}

fn body(answer: &str) -> Value {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.to_ascii_lowercase().contains("content-type: application/json"), "{answer}");
    serde_json::from_str(body).unwrap()
}

/// The value of the control of this name.
fn value(document: &Value, name: &str) -> Value {
    let controls = document["controls"].as_array().unwrap();
    controls.iter().find(|control| control["name"] == name).unwrap()["value"].clone()
}

#[tokio::test]
async fn quality_is_changed_by_json_and_by_a_form_for_all() {
    let server = controlled();
    let listed = body(&server.get("/control").await);
    let quality = json!({
        "name": "quality", "type": "integer", "min": 1, "max": 100, "step": 1, "default": 80, "value": 80,
        "unit": "percent"
    });
    assert_eq!(listed, json!({ "controls": [quality] }));
    let changed = server.post("application/json", "{\"quality\":60}").await;
    assert!(changed.starts_with("HTTP/1.1 200 "), "{changed}");
    assert_eq!((value(&body(&changed), "quality"), server.quality()), (60.into(), 60));
    let changed = server.post(FORM, "quality=61").await;
    assert_eq!((value(&body(&changed), "quality"), server.quality()), (61.into(), 61));
    let state = body(&server.get("/state").await);
    assert_eq!((&state["encoder"]["quality"], &state["control"]), (&61.into(), &true.into()));
}

#[tokio::test]
async fn control_that_is_not_allowed_answers_403() {
    let server = serve(|_| ());
    for answer in [server.get("/control").await, server.post(FORM, "quality=7").await] {
        assert!(
            answer.starts_with("HTTP/1.1 403 ") && answer.contains("control is off on this server; allow it"),
            "{answer}"
        );
    }
    let state = body(&server.get("/state").await);
    assert_eq!((server.quality(), &state["control"]), (80, &false.into()));
}

#[tokio::test]
async fn request_that_is_wrong_changes_nothing() {
    let server = controlled();
    let long = format!("quality=7&a={}", "x".repeat(64 * 1024));
    let form = format!("Content-Type: {FORM}\r\n");
    for (status, method, headers, body) in [
        (400, "POST", form.clone(), "quality=7&hue=1"),
        (400, "POST", form.clone(), "quality=7&quality=8"),
        (415, "POST", "Content-Type: text/plain\r\n".to_owned(), "{\"quality\":7}"),
        (415, "POST", "Content-Type: multipart/form-data; boundary=x\r\n".to_owned(), "quality=7"),
        (415, "POST", String::new(), "quality=7"),
        (413, "POST", form.clone(), long.as_str()),
        (413, "GET", form.clone(), "quality=7"),
        (405, "PUT", form.clone(), "quality=7"),
        (405, "DELETE", form.clone(), ""),
        (405, "OPTIONS", String::new(), ""),
        (403, "POST", format!("{form}Origin: http://hostile.example\r\n"), "quality=7"),
        (403, "POST", format!("{form}Origin: null\r\n"), "quality=7"),
        (403, "POST", format!("{form}Sec-Fetch-Site: cross-site\r\n"), "quality=7"),
        (400, "POST", format!("{form}{form}"), "quality=7"),
        (400, "POST", format!("{form}Origin: http://x\r\nOrigin: http://hostile.example\r\n"), "quality=7"),
        (
            400,
            "POST",
            format!("{form}Sec-Fetch-Site: same-origin\r\nSec-Fetch-Site: cross-site\r\n"),
            "quality=7",
        ),
        (415, "POST", format!("{form}Content-Encoding: gzip\r\n"), "quality=7"),
    ] {
        let answer = server.send(method, &headers, body).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{method} {headers} {body}: {answer}");
        if status == 405 {
            assert!(answer.to_ascii_lowercase().contains("\r\nallow: get, head, post\r\n"), "{answer}");
        }
        assert_eq!(server.quality(), 80, "{method} {headers} {body}");
    }
    let answer = server.post(FORM, "quality=101&hue=1").await;
    let errors = json!({ "quality": "a whole number from 1 to 100", "hue": "there is no such control" });
    assert_eq!(body(&answer), json!({ "errors": errors }));
}

/// A page that rebinds its name to the server's address is a page of the server to a browser.
#[tokio::test]
async fn name_of_the_web_changes_nothing_without_credentials() {
    async fn post_to(server: &Running, host: &str) -> String {
        let origin = host.rsplit(": ").next().unwrap();
        let headers =
            format!("Origin: http://{origin}\r\nSec-Fetch-Site: same-origin\r\nContent-Type: {FORM}\r\n");
        server
            .ask(&format!(
                "POST /control HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{headers}Content-Length: 9\r\n\r\nquality=7"
            ))
            .await
    }
    let allowing = |with: fn(&mut eyelet_core::http::Server)| {
        let server = serve(with);
        server.hub.settings.allow_changes();
        server
    };
    let server = allowing(|_| ());
    let answer = post_to(&server, "a.example:8000").await;
    assert!(
        answer.starts_with("HTTP/1.1 403 ") && answer.contains("use the server's IP address"),
        "{answer}"
    );
    assert_eq!(server.quality(), 80);
    for host in ["127.0.0.1:8000", "[::1]:8000", "localhost", "cam.local"] {
        assert!(post_to(&server, host).await.starts_with("HTTP/1.1 200 "), "{host}");
    }
    let named = allowing(|server| server.origins = vec!["http://a.example:3000".parse().unwrap()].into());
    let answer = post_to(&named, "a.example").await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    // Whether the peer is a proxy or not: it may pass on any host, or have changed it.
    let proxied = allowing(|server| server.proxies = vec!["127.0.0.1".parse().unwrap()].into());
    for host in [
        "a.example",
        "127.0.0.1:8000\r\nX-Forwarded-Host: a.example",
        "cam\r\nX-Forwarded-Host: cam, a.example",
    ] {
        let answer = post_to(&proxied, host).await;
        assert!(answer.starts_with("HTTP/1.1 403 "), "{host}: {answer}");
        assert_eq!(proxied.quality(), 80, "{host}");
    }
    for host in ["127.0.0.1:8000", "127.0.0.1:8000\r\nX-Forwarded-Host: 192.168.0.2, cam.local"] {
        let answer = post_to(&proxied, host).await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{host}: {answer}");
    }
}

#[tokio::test]
async fn preflight_of_an_allowed_origin_grants_posts() {
    let server = serve(|server| server.origins = vec!["http://a.example".parse().unwrap()].into());
    server.hub.settings.allow_changes();
    let headers = "Origin: http://a.example\r\nAccess-Control-Request-Method: POST\r\n";
    let answer = server.send("OPTIONS", headers, "").await.to_ascii_lowercase();
    assert!(answer.contains("access-control-allow-methods: get, head, post\r\n"), "{answer}");
    let headers = format!("Origin: http://a.example\r\nContent-Type: {FORM}\r\n");
    let answer = server.send("POST", &headers, "quality=7").await.to_ascii_lowercase();
    assert!(answer.contains("access-control-allow-origin: http://a.example\r\n"), "{answer}");
    assert_eq!(server.quality(), 7);
}

#[tokio::test]
async fn every_listener_sees_each_change() {
    const EVENTS: &str = "GET /events HTTP/1.1\r\nHost: x\r\n\r\n";
    let server = controlled();
    let mut listeners = [server.connect(EVENTS).await, server.connect(EVENTS).await];
    for listener in &mut listeners {
        read_until(listener, "event: control\ndata: ").await;
        assert!(read_until(listener, "\n\n").await.contains("\"value\":80"), "what it is now comes at once");
    }
    server.post("application/json", "{\"quality\":60}").await;
    for listener in &mut listeners {
        let state = read_until(listener, "event: control\ndata: ").await;
        assert!(state.contains("event: state") && state.contains("\"quality\":60"), "{state}");
        let document: Value = serde_json::from_str(&read_until(listener, "\n\n").await).unwrap();
        assert_eq!(value(&document, "quality"), 60);
    }
}

#[tokio::test]
async fn cameras_are_changed_one_by_one() {
    let back = eyelet_core::Hub::default();
    let other = back.clone();
    let server = serve(move |server| {
        server.name = Some("front".parse().unwrap());
        server.others.push(("back".parse().unwrap(), other));
    });
    for hub in [&server.hub, &back] {
        hub.settings.allow_changes();
    }
    let head = format!("Host: x\r\nConnection: close\r\nContent-Type: {FORM}\r\nContent-Length: 10\r\n\r\n");
    for (path, value) in [("/back/control", 50), ("/control", 60), ("/front/control", 61)] {
        server.ask(&format!("POST {path} HTTP/1.1\r\n{head}quality={value}")).await;
    }
    assert_eq!((server.quality(), back.settings.quality()), (61, Quality::new(50).unwrap()));
}
