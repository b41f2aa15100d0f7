"""The page, an <img> and a typed address in three browser engines; one session of each for all of it."""

import statistics
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import cv2
import pytest
import requests

import proxies
from deadline import until
from pattern import HEIGHT, WIDTH, read_sequence
from stream import Viewer
from test_access import USERS
from test_browser import MAIXPY_PAGE, PATTERN, SAMPLER

FRAME_MS = 1000 / 30


def status(engine):
    return engine.text("status") or ""


def number(engine, identity):
    """The number that the page shows there; None where it shows none."""
    try:
        return float(engine.text(identity))
    except (TypeError, ValueError):
        return None


def viewers(server):
    return len(requests.get(server.url + "state", timeout=10).json()["viewers"])


def painted(engine, url, direct):
    """How many milliseconds after its last byte was here without a proxy each of some pictures is on the page."""
    engine.open(url)
    until(lambda: status(engine) == "live", f"{url} is live", 30)
    engine.run(PATTERN + SAMPLER % "canvas#picture")
    until(lambda: engine.run("return Object.keys(seen).length") >= 60, "60 pictures on the page", 40)
    trips = []
    for _ in range(10):
        before = time.time()
        page = engine.run("return performance.timeOrigin + performance.now()")
        after = time.time()
        trips.append((after - before, page - 500 * (before + after)))
    offset = min(trips)[1]
    arrived = dict(direct.seen)
    seen = engine.run("return Object.entries(seen)")
    return [at - offset - 1000 * arrived[int(number)] for number, at in seen if int(number) in arrived]


def test_page_streams_directly_and_behind_nginx_below_a_path(engine, serve, tmp_path, measured, artifacts):
    server = serve()
    proxy = proxies.Proxy("nginx", urlsplit(server.url).port, tmp_path / "nginx")
    direct = Viewer(server.url + "stream")
    try:
        tries = []
        # One after the other, since two pages would share the processor; a busy machine gets several tries, of which the best counts.
        for _ in range(4):
            near, far = (statistics.median(painted(engine, url, direct)) for url in (server.url, proxy.url))
            tries.append((near, far))
            near, far = min(tries, key=lambda medians: max(medians[0], 2 * (medians[1] - medians[0])))
            if near < FRAME_MS and far - near < FRAME_MS / 2:
                break
        until(lambda: (number(engine, "fps") or 0) > 27, "30 fps on the page", 40)
        (artifacts / f"page-{engine.name}.png").write_bytes(engine.png())
        measured(f"painted {near:.1f} ms (median) after the last byte was here, behind nginx {far:.1f} ms; "
                 f"the page shows {engine.text('fps')} fps, {engine.text('latency')} ms")
        assert near < 1.5 * FRAME_MS, "later than the browser must be"
        assert far - near < FRAME_MS, "one frame later behind nginx"
        links = engine.run("return [...document.querySelectorAll('nav a')].map(link => link.href)")
        assert [requests.get(link, stream=True, timeout=10).status_code for link in links] == [200] * 4, links
        assert all(link.startswith(proxy.url) for link in links), links
    finally:
        direct.leave()
        proxy.stop()


def look(engine):
    """The number in the pixels of the page's <img>, as a person sees them."""
    place = engine.run(
        "const found = document.querySelector('img'); if (!found) return null;"
        "const { left, top, width } = found.getBoundingClientRect(); return width ? [left, top] : null")
    if not place:
        return None
    left, top = (round(edge) for edge in place)
    grey = cv2.cvtColor(engine.pixels(), cv2.COLOR_BGR2GRAY)
    return read_sequence(grey[top:top + HEIGHT, left:left + WIDTH])


@pytest.mark.parametrize("opened", ["an img", "a typed address"])
def test_stream_opened_by_itself_plays(engine, opened, serve, tmp_path):
    page = tmp_path / "maixpy.html"
    page.write_text(MAIXPY_PAGE)
    server = serve("--fps", "10", "--html", page)
    engine.open(server.url if opened == "an img" else server.url + "stream")
    seen = []

    def three_pictures():
        if (sequence := look(engine)) is not None and sequence not in seen:
            seen.append(sequence)
        return len(seen) >= 3

    until(three_pictures, "three different pictures", 30)
    assert seen == sorted(seen), "the picture goes back in time"


def test_hidden_page_requests_nothing_until_it_is_visible_again(engine, serve):
    server = serve("--fps", "10")
    engine.open(server.url)
    until(lambda: status(engine) == "live" and viewers(server) == 1, "one viewer")
    engine.run("window.requests = 0; const ask = fetch; window.fetch = (...all) => { requests++; return ask(...all); }")
    hide = "Object.defineProperty(document, 'hidden', { get: () => %s, configurable: true });" \
        "document.dispatchEvent(new Event('visibilitychange'))"
    engine.run(hide % "true")
    until(lambda: viewers(server) == 0, "no viewer")
    assert status(engine) == "paused"
    assert [number(engine, name) for name in ("fps", "latency", "viewers")] == [None] * 3, "numbers of what is over"
    requested, since = engine.run("return [requests, performance.now()]")
    until(lambda: engine.run("return performance.now()") > since + 2500, "two rounds of the page's clock")
    assert engine.run("return requests") == requested, "the page goes on requesting"
    engine.run(hide % "false")
    until(lambda: status(engine) == "live" and viewers(server) == 1, "it watches again")


def test_tab_behind_another_is_hidden(engine, serve):
    if engine.name != "chromium":
        pytest.skip("only Chromium without a window knows tabs in front and behind")
    server = serve("--fps", "10")
    engine.open(server.url)
    until(lambda: viewers(server) == 1, "one viewer")
    driver = engine.driver
    first = driver.current_window_handle
    driver.switch_to.new_window("tab")
    try:
        until(lambda: viewers(server) == 0, "no viewer")
    finally:
        driver.close()
        driver.switch_to.window(first)
    until(lambda: viewers(server) == 1, "it watches again")


def test_page_without_signal_shows_that_and_counts_no_pictures(engine, serve, artifacts):
    server = serve("--unplug-chance", "1")
    engine.open(server.url)
    until(lambda: status(engine).startswith("no signal: "), "the reason")
    since = engine.run("return performance.now()")
    until(lambda: engine.run("return performance.now()") > since + 1500, "three rounds of the page's clock")
    assert (number(engine, "fps"), number(engine, "latency")) == (0, None)
    assert status(engine).startswith("no signal: "), status(engine)
    (artifacts / f"no-signal-{engine.name}.png").write_bytes(engine.png())


def test_repeated_picture_changes_neither_rate_nor_latency(engine, serve):
    if engine.name != "chromium":
        pytest.skip("the same script, and it takes its time")
    # Repeated twice before the next one comes.
    server = serve("--fps", "0.4")
    engine.open(server.url)

    def right():
        # With the repeats the median would be a second late, and there would be more than one picture a second.
        fps, latency = number(engine, "fps"), number(engine, "latency")
        return fps and 0.3 < fps < 0.6 and latency is not None and latency < 1000

    until(right, "the rate and the latency of the pictures alone", 40)


class Refusing:
    """A server with our page that refuses all else."""

    def __init__(self, page, code, text, headers):
        self.asked = asked = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                path = urlsplit(self.path).path
                if path == "/":
                    self._answer(200, "text/html", page, {})
                else:
                    asked.append(path)
                    self._answer(code, "text/plain", text + "\n", headers)

            def _answer(self, code, kind, text, headers):
                self.send_response(code)
                for name, value in {"Content-Type": kind, "Content-Length": len(text.encode()), **headers}.items():
                    self.send_header(name, str(value))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()


@pytest.mark.parametrize("code, text, headers, shown, remedy", [
    (401, "who are you?", {"WWW-Authenticate": 'Bearer realm="eyelet"'}, "log in",
     "Authentication required: enter the token, or add ?token=TOKEN to the address."),
    (429, "too many requests", {"Retry-After": "7"}, "too many attempts", "too many requests; wait 7 s"),
    # As eyelet says it.
    (429, "too many failed attempts; wait 7 s", {"Retry-After": "7"}, "too many attempts", "too many failed attempts; wait 7 s"),
], ids=["401", "429", "429 with a remedy"])
def test_refused_page_stops_retrying_and_shows_the_remedy(engine, serve, code, text, headers, shown, remedy, artifacts):
    page = requests.get(serve().url, timeout=10).text
    with Refusing(page, code, text, headers) as server:
        engine.open(server.url)
        until(lambda: status(engine) == shown, f"{shown!r} instead of {status(engine)!r}")
        assert engine.run("return getComputedStyle(document.getElementById('login')).display") != "none"
        # Where a token is all that it takes, the field for it is there, and what to do with it.
        assert engine.text("why") == remedy
        # What was asked at the same time as what was refused is under way.
        asked, since = len(server.asked), engine.run("return performance.now()")
        until(lambda: engine.run("return performance.now()") > since + 3000, "three rounds of the page's clock")
        assert len(server.asked) <= max(asked, 2), server.asked
        (artifacts / f"refused-{code}-{engine.name}.png").write_bytes(engine.png())


def test_page_without_a_token_asks_for_it_and_streams(engine, serve, free_port, artifacts):
    address = f"127.0.0.1:{free_port}"
    server = serve("--fps", "10", "--token", "a+b/c=&d", bind=address)
    engine.open(server.url)
    until(lambda: status(engine) == "log in", "a login")
    assert "?token=TOKEN" in engine.text("why"), "what a person can do"
    (artifacts / f"login-{engine.name}.png").write_bytes(engine.png())
    engine.run("document.getElementById('secret').value = 'a+b/c=&d'; document.querySelector('#token button').click()")
    until(lambda: status(engine) == "live", "the stream", 30)
    server.stop()
    # The token is another one now: the page does not go on with the old one.
    serve("--token", "new", bind=address)
    until(lambda: status(engine) == "log in", "a login instead of the old token", 30)
    assert engine.run("return document.activeElement.id") == "secret", "a person can type"
    # At any address, to which the token leads.
    engine.open(server.url + "metrics")
    until(lambda: engine.run("return location.pathname") == "/metrics" and status(engine) == "log in", "a login")
    engine.run("document.getElementById('secret').value = 'new'; document.querySelector('#token button').click()")
    until(lambda: engine.run("return location.href") == server.url + "metrics?token=new", "the address, with the token")
    until(lambda: "eyelet_viewers" in (engine.run("return document.body?.textContent") or ""), "what is there")


def test_page_with_a_password_in_its_address_streams(engine, serve, tmp_path):
    users = tmp_path / "users"
    users.write_text(USERS)
    users.chmod(0o600)
    server = serve("--fps", "10", "--auth-file", users)
    # No script may fetch an address that is relative to one with a password.
    engine.open(server.url.replace("//", "//ann:open%20sesame@"))
    until(lambda: status(engine) == "live" and number(engine, "viewers") == 1, "the stream and its numbers", 30)
