"""What an application finds in its frames, in Chromium: painted over the very frame that it was found in."""

import json
import signal
import time
from pathlib import Path

import pytest
import requests

from application import Application
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
    # Data comes before its picture here. A picture is bare if it gave way to the next one before its data was there.
    assert bare < len(since) / 5


def test_routes_of_the_application_set_what_is_painted(detector, browser):
    assert requests.get(detector + "threshold", timeout=10).json() == 0.5
    browser.get(detector)
    until(lambda: browser.find_elements("css selector", "canvas#picture"), "the page")
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


@pytest.fixture
def application(serve):
    sent = Application(serve("--fps", "60").url)
    yield sent
    sent.stop()


# Counts the pictures that wait for their data, and lets the server know of each picture when it waits or is painted; notes
# the texts that are painted, and what goes to the console.
OBSERVER = """
window.holds = 0;
window.texts = [];
window.warnings = [];
const holdOf = hold, fillTextOf = paper.fillText, warnOf = console.warn;
window.hold = sequence => {
  const waits = holdOf(sequence);
  if (waits) holds++;
  if (waits) fetch("asked?" + sequence);
  else requestAnimationFrame(() => fetch("asked?" + sequence));
  return waits;
};
paper.fillText = (text, ...place) => { texts.push(text); fillTextOf.call(paper, text, ...place); };
console.warn = (...words) => { warnings.push(words.join(" ")); warnOf(...words); };
"""


@pytest.fixture
def listening(application, browser):
    """The application, once the page listens and shows the first picture."""
    browser.get(application.url)
    until(lambda: application.connections["/stream"] and application.connections["/events"], "the page listens")
    browser.execute_script(PATTERN + SAMPLER + OBSERVER)
    show(browser, application, application.numbers[0])
    return application


def until_sent(application, number, condition, what):
    """Sends a picture until the condition is true, again and again: a page that got nothing for 5 s connects anew, and between
    two connections a picture is lost. Of one connection it takes a picture once."""
    sent = 0

    def holds():
        nonlocal sent
        if time.monotonic() > sent + 2:
            application.picture(number)
            sent = time.monotonic()
        return condition()

    until(holds, what, 30)


def show(browser, application, number):
    """Sends a picture and waits until it is painted."""
    until_sent(application, number, lambda: number in seen(browser), f"picture {number}")


def status(browser):
    return browser.execute_script("return document.getElementById('status')?.textContent ?? ''")


def box(number):
    """The data of the example's box."""
    return json.dumps({"boxes": [{"x": number % 64 * 8, "y": 200, "width": 96, "height": 64}]})


def boxed(browser, number):
    return any(seen(browser).get(number, []))


def test_late_data_is_painted_over_its_own_frame_and_no_other(listening, browser):
    # Promptly after its picture, or while that waits for it.
    listening.asked = lambda number: listening.data(number, box(number))
    prompt, slow = listening.numbers[1:40], listening.numbers[40:50]
    for number in prompt:
        until_sent(listening, number, lambda: boxed(browser, number), f"the box of {number}")
    # When the next picture is there already, and then that one's own.
    listening.asked = lambda number: None
    for before, number in zip(slow, slow[1:]):
        show(browser, listening, number)
        listening.data(before, box(before))
        until(lambda: browser.execute_script(f"return found.has({before})"), f"the data of {before}")
        browser.execute_async_script("requestAnimationFrame(() => requestAnimationFrame(arguments[0]))")
        listening.data(number, box(number))
        until(lambda: boxed(browser, number), f"the box of {number}")
        # So that it shows above when this comes again, too late.
        browser.execute_script(f"found.delete({number})")
    for number, states in seen(browser).items():
        for columns in states:
            assert columns in ([], columns_of(number)), f"the box of another frame is on {number}: {columns}"


def test_pictures_are_no_longer_held_back_when_late_data_stops(listening, browser, measured):
    listening.asked = lambda number: listening.data(number, box(number))
    numbers = iter(listening.numbers[1:])
    holds = "return window.holds"
    while browser.execute_script(holds) < 3:
        number = next(numbers)
        until_sent(listening, number, lambda: boxed(browser, number), f"the box of {number}")

    # From now on each picture is followed by the next one, while it waits or when it is painted, and never by data.
    rest = list(numbers)
    following = dict(zip(rest, rest[1:]))
    listening.asked = lambda number: number in following and listening.picture(following[number])
    before = browser.execute_script(holds)
    listening.picture(rest[0])
    until(lambda: rest[-1] in seen(browser), "the last picture", 60)
    held = browser.execute_script(holds) - before
    measured(f"{held} of {len(rest)} pictures were held back after the last data")
    assert held <= 3


def test_wrong_data_leaves_picture_and_status_right(listening, browser):
    wrong = ['{"boxes":[null]}', "no JSON", "7", "null", "[1]", '{"boxes":7,"labels":"x","values":null}',
             '{"labels":[null,{}],"boxes":[{"x":null,"y":200,"width":96,"height":64},{"label":"x"}]}',
             '{"values":{"a":null,"b":{}}}', '{"boxes":[{"x":"8","y":"200","width":"96","height":"64"}]}']
    for number, text in zip(listening.numbers[1:], wrong):
        listening.data(number, text)
        show(browser, listening, number)
    assert not any(any(states) for states in seen(browser).values()), "a box was painted"
    assert status(browser).startswith("live")
    warnings = browser.execute_script("return window.warnings")
    assert len(warnings) == 1 and "data" in warnings[0], warnings
    number = listening.numbers[len(wrong) + 1]
    listening.data(number, box(number))
    until_sent(listening, number, lambda: boxed(browser, number), "the box of right data")


def test_data_published_again_adds_up_to_a_limit_and_the_newest_value_counts(listening, browser):
    number = listening.numbers[1]
    listening.data(number, box(number))
    for value in range(20):
        listening.data(number, json.dumps({"values": {"lux": value + 0.30000001192092896}}))
    listening.data(number, box(number))
    until(lambda: browser.execute_script(f"return (found.get({number}) || []).length >= 8"), "eight of them")
    until_sent(listening, number, lambda: boxed(browser, number), "the box")
    until(lambda: browser.execute_script("return window.texts")[-1] == "lux 19.3", "the newest value")
    assert browser.execute_script(f"return found.get({number}).length") == 8


def test_data_of_the_run_before_a_restart_is_not_painted(listening, browser):
    for number in listening.numbers[1:41]:
        listening.data(number, box(number))
    until(lambda: browser.execute_script("return found.size") == 40, "the page has the data")
    listening.stop_events()
    until(lambda: len(listening.connections["/events"]) >= 2, "the page listens again")
    for number in listening.numbers[1:41]:
        show(browser, listening, number)
    assert not any(any(states) for states in seen(browser).values()), "a box of the run before"


def test_camera_that_is_lost_without_a_picture_that_says_so_is_no_signal(listening, browser):
    until(lambda: status(browser).startswith("live"), "live")
    listening.state["source"].update(connected=False, reason="the camera thread has hung; restart the program")
    until_sent(listening, listening.numbers[0],
               lambda: status(browser) == "no signal: the camera thread has hung; restart the program", "the reason")
    # That is what to do, and nothing is wrong with a cable.
    assert browser.find_element("id", "hint").text == "The page keeps trying."
    listening.state["source"].update(reason="no frame has come yet")
    until_sent(listening, listening.numbers[0],
               lambda: browser.find_element("id", "hint").text.startswith("Check the camera's cable and power; the server's log"), "what to do")
    listening.state["source"].update(connected=True, reason=None)
    until_sent(listening, listening.numbers[1], lambda: status(browser).startswith("live"), "live again")


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
