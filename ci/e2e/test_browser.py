"""Chromium in front of the stream: MaixPy's plain page, and our own."""

import re
import signal
import statistics
import time
from pathlib import Path

import cv2
import pytest

from deadline import until
from stream import Viewer

PATTERN = Path(__file__).with_name("pattern.js").read_text()

# What MaixPy serves, and what its users give to set_html: a heading and an <img>.
MAIXPY_PAGE = "<html>\n<body>\n<h1>JPG Stream</h1>\n<img src='/stream'>\n</body>\n</html>"

# Notes when the pixels of an element first show which picture, on each repaint of the page.
SAMPLER = """
window.seen = {};
(function sample() {
  const sequence = readSequence(document.querySelector("%s"));
  if (sequence !== null && !(sequence in seen)) seen[sequence] = performance.timeOrigin + performance.now();
  requestAnimationFrame(sample);
})();
"""


def open_page(browser, url, selector):
    """Opens a page and watches the pixels of the element that `selector` names."""
    browser.get(url)
    until(lambda: browser.find_elements("css selector", selector), f"a page with {selector}")
    browser.execute_script(PATTERN + SAMPLER % selector)


def seen(browser):
    """{sequence: Unix milliseconds by the page's clock}, in the order shown."""
    shown = browser.execute_script("return Object.entries(window.seen)")
    return {int(sequence): at for sequence, at in sorted(shown, key=lambda entry: entry[1])}


def clock_offset(browser):
    """The page's clock minus ours in milliseconds, by the quickest of some round trips."""
    trips = []
    for _ in range(30):
        before = time.time()
        page = browser.execute_script("return performance.timeOrigin + performance.now()")
        after = time.time()
        trips.append((after - before, page - 500 * (before + after)))
    return min(trips)[1]


@pytest.fixture
def maixpy_page(tmp_path):
    page = tmp_path / "maixpy.html"
    page.write_text(MAIXPY_PAGE)
    return page


def test_img_paints_each_picture_at_once(serve, browser, maixpy_page, measured):
    server = serve("--fps", "2", "--html", maixpy_page)
    viewer = Viewer(server.url + "stream")
    try:
        open_page(browser, server.url, "img")
        assert browser.find_element("tag name", "h1").text == "JPG Stream"
        # A busy machine holds a picture up; a page that paints each with the next one has no good stretch.
        for _ in range(4):
            browser.execute_script("window.seen = {}")
            until(lambda: len(seen(browser)) >= 13, "13 pictures painted", 40)
            offset = clock_offset(browser)
            # The first one was there before, or may have waited for the page.
            shown = list(seen(browser).items())[1:]
            # When it came first: it may come again.
            arrived = {sequence: 1000 * at for sequence, at in reversed(list(viewer.seen))}
            sequences = [sequence for sequence, _ in shown]
            missing = set(range(sequences[0], sequences[-1] + 1)) - (set(sequences) & set(arrived))
            delays = [at - offset - arrived[sequence] for sequence, at in shown if sequence in arrived]
            measured(f"painted {statistics.median(delays):.1f} ms after the last byte (median), {len(missing)} missing, "
                     f"each: {' '.join(f'{delay:.1f}' for delay in delays)}")
            # One frame later would be 500 ms; the sampling itself adds up to one repaint, 17 ms.
            if not missing and statistics.median(delays) < 50 and max(delays) < 250:
                break
        else:
            pytest.fail("pictures are shown late, or not at all")
    finally:
        viewer.leave()


def status(browser):
    return browser.execute_script("return document.getElementById('status')?.textContent ?? ''")


def test_page_shows_the_stream_and_its_figures(serve, browser, artifacts):
    server = serve("--fps", "10")
    open_page(browser, server.url, "canvas#picture")
    until(lambda: len(seen(browser)) >= 20, "20 pictures on the page")
    sequences = list(seen(browser))
    assert sequences == sorted(sequences), "the picture goes back in time"

    def number(name):
        text = browser.find_element("id", name).text
        match = re.search(r"-?\d+(\.\d+)?", text)
        return float(match[0]) if match else None

    until(lambda: 8 <= (number("fps") or 0) <= 12, "#fps shows about 10")

    def small(latency):
        # The same clock on both sides: about nothing, and never a picture of the future.
        assert latency is None or latency >= 0
        return latency is not None and latency < 1000

    until(lambda: small(number("latency")), "#latency is a small number")
    until(lambda: number("viewers") == 1, "#viewers shows 1")
    assert status(browser)

    shot = artifacts / "page.png"
    shot.unlink(missing_ok=True)
    assert browser.save_screenshot(str(shot))
    pixels = cv2.imread(str(shot))
    assert pixels.shape[0] >= 600 and pixels.shape[1] >= 800
    assert pixels.std() > 10, "a blank page"


def test_page_reconnects_after_a_restart_of_the_server(serve, browser, free_port):
    address = f"127.0.0.1:{free_port}"
    server = serve(bind=address)
    open_page(browser, server.url, "canvas#picture")
    browser.execute_script("window.notReloaded = true")
    until(lambda: len(seen(browser)) >= 10 and status(browser) == "live", "10 pictures on the page")

    server.stop(signal.SIGKILL)
    until(lambda: not status(browser).startswith("live"), "#status shows that the stream is gone")
    browser.execute_script("window.seen = {}")
    serve(bind=address)
    until(lambda: len(seen(browser)) >= 10, "10 pictures of the new server")
    assert browser.execute_script("return window.notReloaded")
    until(lambda: status(browser) == "live", "#status is as before")


def test_page_of_a_stalled_server_reconnects(serve, browser):
    server = serve()
    open_page(browser, server.url, "canvas#picture")
    until(lambda: len(seen(browser)) >= 10 and status(browser) == "live", "10 pictures on the page")

    # The connection stays open, so nothing but a clock can tell.
    server.send(signal.SIGSTOP)
    try:
        until(lambda: not status(browser).startswith("live"), "#status shows that nothing comes", 30)
    finally:
        server.send(signal.SIGCONT)
    browser.execute_script("window.seen = {}")
    until(lambda: len(seen(browser)) >= 10, "10 pictures after the stall", 30)
