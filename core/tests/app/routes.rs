//! Routes of the application.

use crate::support::get;
use eyelet_core::{Eyelet, JpegStreamer, http::Reply};
use eyelet_hal::ErrorKind;

#[test]
fn routes_of_the_application_are_answered_below_the_base_path() {
    let running = Eyelet::builder()
        .get("/hello", |_| Reply::text("hello\n"))
        .post("/echo", |request| Reply::bytes("text/plain", request.body().clone()))
        .routes(|routes| _ = routes.get_async("/later", |_| async { Reply::json(&[1, 2]) }))
        .configure(|server| server.base_path = "/garden".parse().unwrap())
        .bind("127.0.0.1:0")
        .start()
        .unwrap();
    let address = running.addresses()[0].strip_suffix("garden/").unwrap();
    assert!(get(address, "/garden/hello").ends_with("\r\n\r\nhello\n"));
    assert!(get(address, "/later").ends_with("\r\n\r\n[1,2]"));
    assert!(get(address, "/echo").starts_with("HTTP/1.1 405 "));
}

#[test]
fn route_that_begins_as_the_base_path_is_found_with_and_without_that() {
    let running = Eyelet::builder()
        .get("/garden/hello", |_| Reply::text("hello\n"))
        .configure(|server| server.base_path = "/garden".parse().unwrap())
        .bind("127.0.0.1:0")
        .start()
        .unwrap();
    let address = running.addresses()[0].strip_suffix("garden/").unwrap();
    for path in ["/garden/garden/hello", "/garden/hello"] {
        assert!(get(address, path).ends_with("\r\n\r\nhello\n"), "{path}");
    }
    assert!(get(address, "/garden/nothing").starts_with("HTTP/1.1 404 "));
}

#[test]
fn streamer_has_routes_of_the_application_from_its_next_start() {
    let mut streamer = JpegStreamer::new("127.0.0.1", 0, 4).unwrap();
    let address = format!("http://127.0.0.1:{}/", streamer.port());
    streamer.routes().get("/hello", |_| Reply::text("hello\n"));
    streamer.start().unwrap();
    assert!(get(&address, "/hello").ends_with("hello\n"));
    streamer.stop();
    streamer.routes().get("/state", |_| ());
    assert_eq!(streamer.start().unwrap_err().kind(), ErrorKind::InvalidInput);
}
