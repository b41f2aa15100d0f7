"""What an application finds in its frames, in Chromium: painted over the very frame that it was found in."""

import json
import signal
from pathlib import Path

import pytest
import requests

from deadline import until

PATTERN = Path(__file__).with_name("pattern.js").read_text()

# Reads both out of one state of the canvas, on each repaint: the number in the picture, and in which columns the lines of
# the box cross its middle row. They have exactly the page's colour, as nothing that went through a JPEG has.
SAMPLER = """
window.seen = {};
const row = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
row.canvas.width = 640;
row.canvas.height = 1;
(function sample() {
  const picture = document.querySelector("canvas#picture");
  const sequence = readSequence(picture);
  row.drawImage(picture, 0, -232);
  const { data } = row.getImageData(0, 0, 640, 1);
  const columns = [];
  for (let x = 0; x < 640; x++) {
    if (data[4 * x] === 232 && data[4 * x + 1] === 184 && data[4 * x + 2] === 74) columns.push(x);
  }
  if (sequence !== null) (seen[sequence] ||= []).push(columns);
  requestAnimationFrame(sample);
})();
"""


def columns_of(sequence):
    """Where the example's box is in the frame of this number: two lines of two pixels, 96 pixels apart."""
    left = sequence % 64 * 8
    return [x for x in (left - 1, left, left + 95, left + 96) if x >= 0]


@pytest.fixture
def detector(run, free_port):
    example = run(f"127.0.0.1:{free_port}", program="examples/detector")
    yield example.expect(r"streaming on (http://[\w.]+:\d+/)")[1]
    # It watches for no signals.
    assert example.stop() == -signal.SIGTERM, example


def seen(browser):
    """{sequence: [columns of each repaint]}"""
    shown = browser.execute_script("return Object.entries(window.seen)")
    return {int(sequence): states for sequence, states in shown}


def test_detection_is_painted_over_its_own_frame_and_no_other(detector, browser, measured, artifacts):
    browser.get(detector)
    until(lambda: browser.find_elements("css selector", "canvas#picture"), "the page")
    browser.execute_script(PATTERN + SAMPLER)

    def painted():
        return [sequence for sequence, states in seen(browser).items() if any(states)]

    until(lambda: len(painted()) >= 200, "200 pictures with a box", 60)
    shown = seen(browser)
    shot = artifacts / "detector.png"
    shot.unlink(missing_ok=True)
    assert browser.save_screenshot(str(shot))
    for sequence, states in shown.items():
        for columns in states:
            # A picture may be shown before its data has come, but never with another's.
            assert columns in ([], columns_of(sequence)), f"the box of another frame is on {sequence}: {columns}"
    first = min(sequence for sequence, states in shown.items() if any(states))
    since = {sequence: states for sequence, states in shown.items() if sequence >= first}
    bare = sum(not states[-1] for states in since.values())
    late = sum(not states[0] and any(states) for states in since.values())
    measured(f"{len(since)} pictures since the first box: {bare} never had theirs, {late} had it after a repaint")
    # Data that never comes in time would leave most of them bare.
    assert bare < len(since) / 2


def test_routes_of_the_application_set_what_is_painted(detector, browser):
    assert requests.get(detector + "threshold", timeout=10).json() == 0.5
    browser.get(detector)
    browser.execute_script(PATTERN + SAMPLER)
    until(lambda: any(any(states) for states in seen(browser).values()), "a box", 60)
    # From the page's own origin, as a slider on a page of the application would.
    status = browser.execute_async_script("""
        const done = arguments[arguments.length - 1];
        fetch("threshold", { method: "POST", body: "0.95" }).then(response => done(response.status), done);
    """)
    assert status == 204
    assert requests.get(detector + "threshold", timeout=10).json() == 0.95
    browser.execute_script("window.seen = {}")
    until(lambda: sum(not states[-1] for states in seen(browser).values()) >= 20, "20 pictures without a box")
    refused = requests.post(detector + "threshold", data="0.1", headers={"Origin": "http://a.example"}, timeout=10)
    assert refused.status_code == 403
    assert requests.get(detector + "threshold", timeout=10).json() == 0.95


def test_events_are_the_state_and_each_frames_data(detector):
    with requests.get(detector + "events", stream=True, timeout=20) as answer:
        assert answer.headers["Content-Type"] == "text/event-stream"
        lines, names, numbers = answer.iter_lines(decode_unicode=True), [], []
        while len(numbers) < 30:
            line = next(lines)
            if line.startswith("event: "):
                names.append(line.removeprefix("event: "))
            if line.startswith("data: ") and names[-1] == "frame":
                frame = json.loads(line.removeprefix("data: "))
                [box] = frame["data"]["boxes"]
                assert box["x"] == frame["sequence"] % 64 * 8
                numbers.append(frame["sequence"])
    assert names[0] == "state" and set(names) <= {"state", "frame"}
    assert numbers == sorted(set(numbers))


def test_page_without_data_does_not_listen(serve, browser):
    server = serve()
    browser.get(server.url)

    def asked(name):
        script = "return performance.getEntriesByType('resource').map(entry => new URL(entry.name).pathname)"
        return browser.execute_script(script).count(name)

    until(lambda: asked("/state") >= 3, "the page has asked for the state three times")
    assert asked("/events") == 0
    state = requests.get(server.url + "state", timeout=10).json()
    assert state["frames"]["with_data"] == 0
