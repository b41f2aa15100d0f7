"""eyelet behind the web servers of docs/proxies.md, with the configurations that are printed there."""

import itertools
import signal
import socket
import statistics
from urllib.parse import urlsplit

import pytest
import requests

import proxies
from deadline import until
from stream import Stream, Viewer


@pytest.fixture
def behind(serve, tmp_path):
    """Starts eyelet and a proxy in front of it, as the page says."""
    started = []

    def start(title, *flags):
        server = serve(*flags)
        started.append(proxies.Proxy(title, urlsplit(server.url).port, tmp_path / "proxy"))
        return server, started[-1]

    yield start
    for proxy in started:
        proxy.stop()
        print(proxy.log())


def delays(direct, proxied):
    """How many seconds later each picture came through the proxy, for those that came both ways."""
    first = dict(direct.seen)
    return [arrived - first[sequence] for sequence, arrived in list(proxied.seen) if sequence in first]


class Sleepy:
    """A viewer with a small buffer that takes its stream when it likes."""

    def __init__(self, url, source="127.0.0.1"):
        to = urlsplit(url)
        self._socket = socket.socket()
        self._socket.bind((source, 0))
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 << 10)
        self._socket.settimeout(15)
        self._socket.connect((to.hostname, to.port))
        self._socket.sendall(f"GET {to.path} HTTP/1.0\r\nHost: {to.netloc}\r\n\r\n".encode())
        self._bytes = b""

    def read_until_number(self, number):
        """Reads up to the picture of this number or a later one; how many bytes came before it."""
        before = 0
        while True:
            start = self._bytes.find(b"X-Sequence: ")
            end = self._bytes.find(b"\r\n", start)
            if 0 <= start < end:
                if int(self._bytes[start + 12:end]) >= number:
                    return before
                before += end
                self._bytes = self._bytes[end:]
                continue
            received = self._socket.recv(1 << 20)
            assert received, "the stream ended"
            # All but what may be the beginning of a header.
            before += max(0, len(self._bytes) - 64)
            self._bytes = self._bytes[-64:] + received

    def close(self):
        self._socket.close()


@pytest.mark.parametrize("title", proxies.NAMES)
def test_proxy_streams_at_once_and_buffers_little_for_a_slow_viewer(behind, title, measured):
    # Pictures that hardly shrink: they fill in seconds what a proxy may keep.
    server, proxy = behind(title, "--scene", "noise", "--quality", "90", "--trusted-proxy", "127.0.0.1")
    assert requests.get(proxy.url + "state", timeout=10).json()["source"]["name"] == "sim"
    answer = requests.get(proxy.url.rstrip("/") + "?token=x", timeout=10)
    assert answer.history and "canvas" in answer.text, "no way from /cam to /cam/"
    assert answer.url == proxy.url + "?token=x"
    with requests.get(proxy.url + "events", stream=True, timeout=10) as events:
        # Byte by byte: the next event is seconds away.
        lines = events.iter_lines(chunk_size=1, decode_unicode=True)
        assert "event: state" in itertools.islice(lines, 4), "not passed on at once"
    for path in ("", "snapshot", "metrics", "?action=snapshot"):
        assert requests.get(proxy.url + path, timeout=10).status_code == 200, path

    # Another address of this machine than the proxy's.
    sleepy, near = Sleepy(proxy.url + "stream", "127.0.0.2"), Sleepy(server.url + "stream")
    direct, proxied = Viewer(server.url + "stream"), Viewer(proxy.url + "stream")
    # One picture late would be 33 ms; a busy machine may delay some, in either.
    for wanted in (100, 200, 400):
        until(lambda: len(delays(direct, proxied)) >= wanted, f"{wanted} pictures both ways", 40)
        later = statistics.median(delays(direct, proxied)[-wanted // 2:])
        if later < 0.016:
            break
    assert later < 0.016, f"{1000 * later:.1f} ms later than without"
    addresses = [viewer["address"] for viewer in requests.get(server.url + "state", timeout=10).json()["viewers"]]
    assert any(address.startswith("127.0.0.2") for address in addresses), f"whose requests they are: {addresses}"
    for viewer in (direct, proxied):
        viewer.leave()
    # It has slept for all these pictures; what was kept for it comes before the newest.
    newest = max(sequence for sequence, _ in direct.seen)
    produced = newest * len(requests.get(server.url + "snapshot", timeout=10).content)
    old, old_near = (viewer.read_until_number(newest) for viewer in (sleepy, near))
    sleepy.close()
    near.close()
    # The kernel's buffers on the way hold up to 10 MB.
    assert old < produced / 2, "it kept what the viewer did not take"
    measured(f"{title}: {1000 * later:.1f} ms later (median); a viewer that took nothing for {newest} pictures "
             f"({produced / 1e6:.1f} MB) got {old / 1e6:.2f} MB of old ones, without a proxy {old_near / 1e6:.2f} MB")


# Caddy answers to a single address in these tests.
@pytest.mark.parametrize("title", [title for title in proxies.NAMES if title != "caddy"])
def test_control_through_a_proxy_is_for_known_names_alone(behind, title):
    _, proxy = behind(title, "--allow-control", "--trusted-proxy", "127.0.0.1", "--allow-origin", "http://cam.example")
    port = urlsplit(proxy.url).port
    # As a page whose name resolves to the proxy.
    for host, status in (("127.0.0.1", 200), ("cam.example", 200), ("hostile.example", 403)):
        headers = {"Host": f"{host}:{port}", "Origin": f"http://{host}:{port}", "Sec-Fetch-Site": "same-origin"}
        answer = requests.post(proxy.url + "control", data={"quality": 7}, headers=headers, timeout=10)
        assert answer.status_code == status, f"{host}: {answer.text}\n{proxy.log()}"


def test_path_that_nginx_passes_on_works_with_base_path(behind):
    server, proxy = behind("nginx base-path", "--base-path", "/cam")
    assert server.url.endswith("/cam/"), "the address that is printed works"
    for url in (server.url, proxy.url):
        with Stream(url + "stream") as stream:
            assert next(stream).jpeg.startswith(b"\xff\xd8")
        answer = requests.get(url.rstrip("/"), timeout=10)
        assert answer.history and answer.url == url and "canvas" in answer.text


def test_error_page_of_a_proxy_is_not_shown_on_the_page(behind, browser):
    server, proxy = behind("nginx")
    browser.get(proxy.url)
    status = lambda: browser.execute_script("return document.getElementById('status')?.textContent")  # noqa: E731
    until(lambda: status() == "live", "our page streams")
    server.stop()
    until(lambda: status() == "reconnecting: Bad Gateway", "the reason in words")


@pytest.mark.parametrize("title", proxies.NAMES)
def test_own_page_may_post_through_a_proxy_and_that_of_another_site_may_not(run, free_port, tmp_path, title):
    example = run(f"127.0.0.1:{free_port}", program="examples/detector")
    example.expect("streaming on ")
    proxy = proxies.Proxy(title, free_port, tmp_path / "proxy")
    try:
        # As a browser's page over plain http, which sends no Sec-Fetch-Site.
        for origin, status in ((f"http://{urlsplit(proxy.url).netloc}", 204), ("http://a.example", 403)):
            answer = requests.post(proxy.url + "threshold", data="0.1", headers={"Origin": origin}, timeout=10)
            assert answer.status_code == status, f"{origin}: {answer.text}\n{proxy.log()}"
    finally:
        proxy.stop()
        assert example.stop() == -signal.SIGTERM, example
