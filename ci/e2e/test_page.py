"""What a person does on eyelet's page, in Chromium and Firefox: each control by mouse, finger and key, and what it says."""

import base64
import json
import re
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice

import cv2
import numpy
import pytest
import requests

import engines
import proxies
from deadline import until
from page import SIZES, Page, unfinished
from pattern import read_sequence, sequence_of
from stream import Stream
from test_browser import PATTERN
from test_data import application, until_sent  # noqa: F401: a fixture

SAVED = r"sim-\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d( ?\(\d+\))?"


@pytest.fixture
def person(engine):
    """A browser with hands: WebKit's small one saves no files."""
    if engine.name == "webkit":
        pytest.skip("no downloads and no fingers there; test_engines.py has what WebKit must show")
    # Files are called after the second in which they begin, and Chromium without a window replaces one of the same name.
    until(lambda: not unfinished(engine.downloads), "the files of the test before are whole")
    for file in engine.downloads.iterdir():
        file.unlink(missing_ok=True)
    return engine


def until_painted(page):
    """A page is live with the first picture that came, which it has yet to decode."""
    until(lambda: page.run("return Boolean(shown && shown.live)"), "a picture is painted")


def canvas_sequence(page):
    return page.run(PATTERN + "return readSequence(document.getElementById('picture'))")


def probe(file, *what):
    command = ["ffprobe", "-v", "warning", "-of", "json", *what, str(file)]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert not result.stderr, result.stderr
    return json.loads(result.stdout)


def jpegs_of(file, folder):
    """The pictures of a video, byte for byte."""
    folder.mkdir()
    subprocess.run(["ffmpeg", "-v", "error", "-i", file, "-c", "copy", "-f", "image2", folder / "%06d.jpg"], check=True)
    return [one.read_bytes() for one in sorted(folder.iterdir())]


def test_snapshot_is_the_very_picture_that_is_shown(person, serve):
    page = Page(person, serve("--fps", "10").url)
    until_painted(page)
    # A paused page has one picture and no other, also when it is mirrored.
    page.tool("pause")
    page.until_status("paused")
    sequence = canvas_sequence(page)
    page.tool("mirror")
    page.tool("snapshot")
    file = page.downloaded(".jpg")
    assert re.fullmatch(SAVED + r"\.jpg", file.name), file.name
    page.until_note(f"Saved {re.sub(r' ?[(].*[)]', '', file.stem)}")
    assert sequence_of(file.read_bytes()) == sequence
    assert cv2.imread(str(file)).shape == (480, 640, 3)
    page.tool("mirror")
    assert not page.faults()


def recording_of(person, page, server):
    """The file of some 60 pictures that are recorded on the page, which is paused then; and what the server sent meanwhile."""
    before = set(person.downloads.iterdir())
    page.engine.press("r")
    until(lambda: page.pressed("record"), "it records")
    sent = {}
    with Stream(server.url + "stream") as stream:
        read = lambda count: sent.update((part.sequence, part.jpeg) for part in islice(stream, count))  # noqa: E731
        read(20)
        # A pause stops what is seen and not what is recorded.
        page.tool("pause")
        until(lambda: read(5) or page.run("return recording.pictures") >= 60, "60 pictures", 40)
    page.tool("record")
    file = page.downloaded(".avi", before)
    assert re.fullmatch(SAVED + r"\.avi", file.name), file.name
    page.until_status("paused")
    return file, sent


def test_recording_is_a_file_of_the_pictures_that_came(person, serve, tmp_path):
    server = serve("--fps", "20")
    page = Page(person, server.url)
    until(lambda: page.run("return periods.length") == 9, "the page knows the rate")
    # The camera of a busy machine leaves out a number now and then, and the server a picture that a viewer has no room for:
    # the next test has recordings of its own for that.
    for _ in range(4):
        file, sent = recording_of(person, page, server)
        pictures = jpegs_of(file, tmp_path / file.stem)
        sequences = [sequence_of(jpeg) for jpeg in pictures]
        assert sequences == sorted(set(sequences)), sequences
        stream, = probe(file, "-count_packets", "-show_streams")["streams"]
        missing = [number for number in sent if sequences[0] <= number <= sequences[-1] and number not in sequences]
        off = float(stream["duration"]) - (sequences[-1] - sequences[0] + 1) / 20
        if not missing and abs(off) < 0.5:
            break
        page.tool("pause")
        page.until_status("live")
    assert not missing, f"{missing} are missing of {sequences}"
    assert abs(off) < 0.5, stream
    assert (stream["codec_name"], stream["width"], stream["height"]) == ("mjpeg", 640, 480)
    rate = eval(stream["avg_frame_rate"])
    assert 18 < rate < 22, stream
    assert len(sequences) >= 60, sequences
    same = [sent[sequence] == jpeg for sequence, jpeg in zip(sequences, pictures) if sequence in sent]
    assert len(same) > 20 and all(same), "other bytes than the server sent"
    # Another program's way to them, by the index; before the first gap, as such a program has its own way with those.
    video = cv2.VideoCapture(str(file))
    at = max(index for index in range(31) if sequences[index] == sequences[0] + index)
    assert video.set(cv2.CAP_PROP_POS_FRAMES, at)
    assert abs(read_sequence(cv2.cvtColor(video.read()[1], cv2.COLOR_BGR2GRAY)) - sequences[at]) <= 1
    page.tool("pause")
    page.until_status("live")
    assert not page.faults()


RECORD = """
    const jpeg = shown.jpeg, made = [];
    recording = new Recording();
    recording.rate = 10;
    const save = window.save;
    window.save = blob => { made.push(blob); return "name"; };
    for (const timestamp of %s) record({ body: jpeg, timestamp, live: true });
    const files = window.made = [];
    if (recording) finish();
    window.save = save;
    for (const blob of made) blob.arrayBuffer().then(bytes => files.push(btoa(Array.from(new Uint8Array(bytes), byte => String.fromCharCode(byte)).join(""))));
    return made.length;
"""


def recorded(page, times):
    """The files of a recording whose pictures were captured at these times."""
    until_painted(page)
    count = page.run(RECORD % times)
    until(lambda: page.run("return made.length") == count, "their bytes")
    return [base64.b64decode(text) for text in page.run("return made")]


def test_recording_keeps_time_over_gaps_jitter_and_set_clocks(person, serve, tmp_path):
    page = Page(person, serve("--size", "64x48").url)
    times = [1000 + tenth / 10 + (0.03 if tenth % 3 else -0.03) for tenth in range(10)] + [1005 + tenth / 10 for tenth in range(10)]
    content, = recorded(page, times)
    file = tmp_path / "gap.avi"
    file.write_bytes(content)
    packets = probe(file, "-show_packets")["packets"]
    at = [float(packet["pts_time"]) for packet in packets if int(packet["size"]) > 0]
    assert len(at) == len(times)
    off = [shown - (time - times[0]) for shown, time in zip(at, times)]
    assert max(map(abs, off)) < 0.12, off
    # The clock is set, a year on and then back: what cannot be in one file is in three, and no file is endless.
    files = recorded(page, [0, 0.1, 0.2, 3e7, 3e7 + 0.1, 5, 5.1])
    assert len(files) == 3 and all(len(content) < 100_000 for content in files)
    # Nor is one of a camera that was away for days.
    page.run("const { end } = Recording.prototype; Recording.prototype.end = function() { this.at -= 2e8; end.call(this); }")
    assert len(recorded(page, [0, 0.1, 0.2])[0]) < 3_000_000
    assert not page.faults()


def test_recording_is_one_file_however_its_pictures_arrive_and_are_painted(person, serve):
    page = Page(person, serve("--size", "64x48", "--fps", "20").url)
    until(lambda: page.run("return periods.length") == 9, "pictures")
    # Pictures painted three times as slowly as they are taken.
    page.run("for (const one of painted) one.interval = 150; actions.record()")
    made = page.run("return Math.round(recording.rate)")
    page.run("actions.record()")
    assert 15 <= made <= 27, made
    # A rate that was measured a little too low.
    files = recorded(page, [index / 12 for index in range(600)])
    assert len(files) == 1
    assert not page.faults()


def test_recording_of_a_still_picture_lasts_until_it_is_ended(person, serve, tmp_path):
    page = Page(person, serve("--size", "64x48").url)
    page.run("const { end } = Recording.prototype; Recording.prototype.end = function() { this.at -= 5000; end.call(this); }")
    content, = recorded(page, [0, 0.1, 0.2])
    (tmp_path / "still.avi").write_bytes(content)
    stream, = probe(tmp_path / "still.avi", "-show_streams")["streams"]
    assert 5 < float(stream["duration"]) < 6, stream
    assert not page.faults()


def test_recording_ends_at_its_limit_and_says_so(person, serve):
    page = Page(person, serve("--size", "64x48").url)
    page.tool("record")
    until(lambda: (page.run("return recording && recording.pictures") or 0) > 2, "pictures")
    page.run("recording.bytes = 499999999")
    assert "500 MB" in page.until_note("Saved sim-")
    until(lambda: not page.pressed("record"), "it records no more")
    page.downloaded(".avi")
    assert not page.faults()


def test_recording_is_saved_when_access_is_denied(person, serve, free_port):
    address = f"127.0.0.1:{free_port}"
    server = serve("--fps", "10", "--token", "a-token-of-some-length", bind=address)
    page = Page(person, server.url + "?token=a-token-of-some-length")
    page.tool("record")
    until(lambda: (page.run("return recording && recording.pictures") or 0) > 5, "pictures")
    server.stop()
    serve("--fps", "10", "--token", "another-token-of-its-own", bind=address)
    page.until_status("log in")
    stream, = probe(page.downloaded(".avi"), "-count_packets", "-show_streams")["streams"]
    assert int(stream["nb_read_packets"]) > 5
    # Nothing is left that a question would have to save.
    page.run("document.getElementById('secret').value = 'another-token-of-its-own'; document.querySelector('#token button').click()")
    page.until_status("live")


def test_recording_is_another_file_of_its_own_size_when_the_size_changes(person, serve):
    server = serve("--fps", "20", "--allow-control")
    page = Page(person, server.url)
    recorded = lambda: page.run("return recording && recording.pictures") or 0  # noqa: E731
    page.tool("record")
    # Not in the second of the file before.
    until(lambda: recorded() > 5 and page.run("return Math.floor(Date.now() / 1000) > Math.floor(recording.date / 1000)"), "pictures")
    change(server, size="320x240")
    assert "size changed; the recording goes on in another file" in page.until_note("Saved sim-")
    file = page.downloaded(".avi")
    stream, = probe(file, "-show_streams")["streams"]
    assert (stream["width"], stream["height"]) == (640, 480)
    assert page.pressed("record")
    until(lambda: recorded() > 5, "pictures of the new size")
    page.tool("record")
    stream, = probe(page.downloaded(".avi", {file}), "-show_streams")["streams"]
    assert (stream["width"], stream["height"]) == (320, 240)
    assert not page.faults()


def test_paused_recording_says_so_again_after_a_restart(person, serve, free_port):
    address = f"127.0.0.1:{free_port}"
    server = serve("--fps", "10", bind=address)
    page = Page(person, server.url)
    page.tool("record")
    page.tool("pause")
    page.until_status("paused")
    server.stop()
    page.until_status("reconnecting")
    serve("--fps", "10", bind=address)
    page.until_status("paused")
    assert "The recording goes on" in page.text("hint")
    page.tool("record")
    until(lambda: not page.pressed("record"), "it records no more")
    page.downloaded(".avi")
    assert not page.faults()


def test_pause_while_recording_is_no_time_between_pictures(person, serve):
    page = Page(person, serve("--fps", "10").url)
    page.tool("record")
    until(lambda: page.run("return painted.length") >= 2, "pictures")
    page.tool("pause")
    page.until_status("paused")
    # Of what came before, one may still have been on its way.
    count = page.run("return recording.pictures")
    until(lambda: page.run("return recording.pictures") > count + 10, "pictures that are not painted")
    since = page.run("const since = now(); actions.pause(); return since")
    first = until(lambda: page.run(f"return painted.find(one => one.at > {since})"), "a picture")
    assert first["interval"] == 0, first
    page.tool("record")
    until(lambda: not page.pressed("record"), "it records no more")
    page.downloaded(".avi")
    assert not page.faults()


def test_still_picture_that_came_during_a_pause_is_shown_after_it(person, application):  # noqa: F811
    page = Page(person, application.url, ready="")
    until(lambda: application.connections["/stream"], "the page watches")
    first, second = application.numbers[:2]
    until_sent(application, first, lambda: page.run("return shown && shown.sequence") == first, "the first picture")
    page.tool("record")
    page.tool("pause")
    page.until_status("paused")
    until_sent(application, second, lambda: page.run("return recording.pictures") >= 1, "recorded, and not shown")
    page.tool("pause")
    # As a server does until there is another one.
    until_sent(application, second, lambda: page.run("return shown.sequence") == second, "the second picture")
    assert page.run("return painted.at(-1).latency") is None, "a repeated picture tells none"
    page.tool("record")
    until(lambda: not page.pressed("record"), "it records no more")
    # Neither of these would ever be a whole picture.
    for head in b"Content-Type: image/jpeg\r\n\r\n", 1100 * b"x":
        def refused():
            application.connections["/stream"][-1].send(head)
            return "a part has no length; a proxy in between must pass on Accept" in page.status

        until(refused, "the reason")
        assert page.text("hint") == "The page keeps trying.", "no other remedy"
        until_sent(application, second, lambda: page.status.startswith("live"), "another connection")
    assert not page.faults()


def test_first_picture_that_came_during_a_pause_is_shown_after_it(person, application):  # noqa: F811
    page = Page(person, application.url, ready="")
    until(lambda: application.connections["/stream"], "the page watches")
    page.tool("record")
    page.tool("pause")
    until(lambda: page.pressed("record") and page.pressed("pause"), "it records and shows nothing")
    first = application.numbers[0]
    # A new connection would show it in any case.
    page.run("AbortController.prototype.abort = () => {}")
    until_sent(application, first, lambda: page.run("return recording.pictures") >= 1, "recorded, and not shown")
    assert page.run("return shown") is None
    connections = len(application.connections["/stream"])
    page.tool("pause")
    until_sent(application, first, lambda: page.run("return shown && shown.sequence") == first, "the first picture")
    assert len(application.connections["/stream"]) == connections
    page.tool("record")
    until(lambda: not page.pressed("record"), "it records no more")


def test_latency_is_right_again_after_a_clock_was_set(person, serve):
    page = Page(person, serve("--fps", "10").url)
    until(lambda: page.run("return offset !== null"), "the server's clock is known")
    # By an hour, and no round trip will ever be as quick as the one before it.
    page.run("offset += 3600000; bestTrip = -1e9")
    until(lambda: page.run("return Math.abs(offset)") < 60000, "the server's clock is known again")
    assert not page.faults()


def test_mirrored_and_turned_picture_has_its_boxes_and_upright_texts(person, application):  # noqa: F811
    page = Page(person, application.url, ready="")
    until(lambda: application.connections["/stream"] and application.connections["/events"], "the page listens")
    number = application.numbers[0]
    application.data(number, '{"boxes":[{"x":100,"y":200,"width":50,"height":30,"label":"cat"}]}')
    until(lambda: page.run(f"return found.has({number})"), "its data")
    application.picture(number)
    until(lambda: page.run("return shown && shown.sequence") == number, "its picture")
    script = """
        const marks = [], paper = canvas.getContext("2d"), { strokeRect, fillText } = CanvasRenderingContext2D.prototype;
        paper.strokeRect = (...place) => { marks.push(place); strokeRect.apply(paper, place); };
        paper.fillText = (text, ...place) => {
          const { a, b } = paper.getTransform();
          marks.push([text, a, b]);
          fillText.call(paper, text, ...place);
        };
        actions.%s();
        delete paper.strokeRect;
        delete paper.fillText;
        return [marks, [canvas.width, canvas.height]];
    """
    upright = ["cat", 1, 0]
    for action, box, size in [
        ("mirror", [490, 200, 50, 30], [640, 480]),
        # Clockwise, as it is seen.
        ("turn", [250, 490, 30, 50], [480, 640]),
        ("mirror", [200, 490, 30, 50], [480, 640]),
        ("turn", [100, 200, 50, 30], [640, 480]),
        ("turn", [250, 100, 30, 50], [480, 640]),
        ("turn", [490, 250, 50, 30], [640, 480]),
        ("turn", [200, 490, 30, 50], [480, 640]),
        ("turn", [100, 200, 50, 30], [640, 480]),
    ]:
        marks, now = page.run(script % action)
        assert (marks, now) == ([box, upright], size), (action, marks, now)
    assert canvas_sequence(page) == number, "as it was"
    assert not page.faults()


def place_of(page):
    """Left, top, width of the picture in the window."""
    return page.run("const { left, top, width } = canvas.getBoundingClientRect(); return [left, top, width]")


def test_picture_is_zoomed_and_moved_by_wheel_fingers_mouse_and_keys(person, serve):
    person.resize(1024, 900)
    page = Page(person, serve("--fps", "5").url)
    x, y = page.place("#stage")
    x, y = round(x) - 100, round(y) - 50
    fit = place_of(page)

    def under(x, y):
        left, top, width = place_of(page)
        return [(x - left) / width, (y - top) / width]

    def placed(right, what):
        """The place, once it is right: the page may still be at an earlier one of several moves."""
        return until(lambda: right(place := place_of(page)) and place, what)

    point = under(x, y)
    person.act({"type": "wheel", "id": "wheel", "actions": [
        {"type": "scroll", "x": x, "y": y, "deltaX": 0, "deltaY": -400}]})
    zoomed = placed(lambda place: place[2] > 1.5 * fit[2], "zoomed by the wheel")
    assert numpy.allclose(under(x, y), point, atol=0.01), "what is under the pointer stays there"
    assert not page.pressed("fit")
    # Dragged with the mouse.
    person.act({"type": "pointer", "id": "mouse", "actions": [
        {"type": "pointerMove", "x": x, "y": y}, {"type": "pointerDown", "button": 0},
        {"type": "pointerMove", "x": x + 60, "y": y + 40, "duration": 50}, {"type": "pointerUp", "button": 0}]})
    moved = placed(lambda place: numpy.allclose(place[:2], [zoomed[0] + 60, zoomed[1] + 40], atol=1.5), "moved by the mouse")
    person.press("\ue012")
    placed(lambda place: place[0] > moved[0] + 3, "moved by a key")
    person.press("0")
    until(lambda: place_of(page) == fit and page.pressed("fit"), "it fits again")
    # Two fingers apart, about the point between them.
    finger = {"type": "pointer", "parameters": {"pointerType": "touch"}}
    person.act(*({**finger, "id": f"finger{side}", "actions": [
        {"type": "pointerMove", "x": x + 30 * side, "y": y}, {"type": "pointerDown", "button": 0},
        {"type": "pointerMove", "x": x + 90 * side, "y": y, "duration": 100}, {"type": "pointerUp", "button": 0}]}
        for side in (-1, 1)))
    placed(lambda place: place[2] > 2 * fit[2], "zoomed by two fingers")
    until(lambda: numpy.allclose(under(x, y), point, atol=0.02), "what is between them stays there")
    page.tool("exact")
    until(lambda: place_of(page)[2] == 640 and page.pressed("exact"), "a pixel is a pixel")
    person.press("+")
    until(lambda: place_of(page)[2] == 960, "one and a half")
    page.tool("fit")
    person.click(x, y, times=2)
    until(lambda: place_of(page)[2] > 1.9 * fit[2], "zoomed by a double click")
    person.click(x, y, times=2)
    until(lambda: place_of(page) == fit, "and back")
    assert not page.faults()


def test_released_and_third_pointers_move_nothing(person, serve):
    person.resize(1024, 900)
    page = Page(person, serve("--fps", "5").url)
    x, y = map(round, page.place("#stage"))
    person.press("+", "+", "+")
    until(lambda: not page.pressed("fit"), "zoomed")
    # As after a menu that kept the release from the page.
    move = lambda *places: person.act({"type": "pointer", "id": "mouse", "actions": [  # noqa: E731
        {"type": "pointerMove", "x": x, "y": y} for x, y in places]})
    move((x, y))
    page.run("const mouse = new Map(); on(canvas, 'pointermove', event => mouse.set(event.pointerId, 1)); window.mouse = mouse")
    move((x + 1, y))
    number, = until(lambda: page.run("return [...mouse.keys()]"), "the mouse")
    page.run(f"pointers.set({number}, [0, 0])")
    before = place_of(page)
    move((x + 40, y + 40), (x + 80, y + 40))
    until(lambda: page.run("return pointers.size") == 0, "the pointer is forgotten")
    assert place_of(page) == before
    # Three fingers move nothing, and where they are is known when one of them is lifted.
    left, top = page.run("const { left, top } = stage.getBoundingClientRect(); return [left, top]")
    page.run("window.three = []; on(stage, 'pointermove', () => { if (pointers.size === 3) three = [...pointers.values()]; })")
    places = [(x - 60, y), (x + 60, y), (x, y - 60)]
    person.act(*({"type": "pointer", "id": f"finger{index}", "parameters": {"pointerType": "touch"}, "actions": [
        {"type": "pointerMove", "x": across, "y": down}, {"type": "pointerDown", "button": 0},
        {"type": "pointerMove", "x": across, "y": down + 60}, {"type": "pointerUp", "button": 0}]}
        for index, (across, down) in enumerate(places)))
    until(lambda: page.run("return three.length === 3 && pointers.size === 0"), "three fingers, and none")
    wanted = sorted([across - left, down + 60 - top] for across, down in places)
    assert numpy.allclose(sorted(page.run("return three")), wanted, atol=1), (page.run("return three"), wanted)
    assert place_of(page) == before
    assert not page.faults()


def test_key_that_is_held_down_repeats_the_zoom_alone(person, serve):
    page = Page(person, serve("--fps", "5").url)
    held = "document.body.dispatchEvent(new KeyboardEvent('keydown', { key: '%s', repeat: true, bubbles: true }))"
    person.press("+")
    until(lambda: not page.pressed("fit"), "zoomed")
    width = place_of(page)[2]
    page.run(held % "+")
    assert place_of(page)[2] > 1.4 * width
    page.run(held % "m" + ";" + held % "r" + ";" + held % "p")
    assert not any(page.pressed(name) for name in ("mirror", "record", "pause"))
    assert not page.faults()


def test_video_of_picture_in_picture_ends_with_it(person, serve):
    page = Page(person, serve("--fps", "5").url)
    state = page.run("const stream = video.srcObject = canvas.captureStream(); video.dispatchEvent(new Event('leavepictureinpicture'));"
                     "return [video.srcObject, stream.getTracks()[0].readyState]")
    assert state == [None, "ended"], "the canvas is captured for nobody"
    if page.run("return Boolean(document.pictureInPictureEnabled)"):
        page.run("video.requestPictureInPicture = () => Promise.reject(new Error('Not now.'));"
                 "const capture = canvas.captureStream; canvas.captureStream = () => window.captured = capture.call(canvas)")
        page.tool("pip")
        until(lambda: "The browser refuses" in page.text("note"), "the reason")
        state = page.run("return [video.srcObject, captured.getTracks()[0].readyState]")
        assert state == [None, "ended"], "nor where it never was one"
    # Pressed again while it opens, it opens once.
    page.run("let opened; video.play = () => new Promise(done => { opened = done; }); video.requestPictureInPicture = async () => {};"
             "window.captured = []; const { captureStream } = HTMLCanvasElement.prototype;"
             "canvas.captureStream = () => { captured.push(captureStream.call(canvas)); return captured.at(-1); };"
             "actions.pip(); window.second = actions.pip(); opened()")
    until(lambda: page.run("return pip !== null"), "it is open")
    assert page.run("return captured.map(stream => stream.getTracks()[0].readyState)") == ["live"]
    page.run("video.dispatchEvent(new Event('leavepictureinpicture'))")
    assert page.run("return captured[0].getTracks()[0].readyState") == "ended"
    assert not page.faults()


def test_pause_ends_the_stream_and_all_goes_on_afterwards(person, serve):
    server = serve("--fps", "10")
    page = Page(person, server.url)
    until_painted(page)
    person.press("p")
    page.until_status("paused")
    assert "Press Pause again" in page.text("hint")
    # What is said over the picture does not keep anybody from moving it.
    x, y = page.place("#hint")
    assert page.run(f"return document.elementFromPoint({x}, {y}).id") != "hint"
    # An empty note stays in the accessibility tree, so that what it says next is read out.
    assert page.run("const note = document.getElementById('note'); return [note.textContent, getComputedStyle(note).display, note.offsetHeight]") == ["", "block", 0]
    watching = lambda: len(requests.get(server.url + "state", timeout=10).json()["viewers"])  # noqa: E731
    until(lambda: watching() == 0, "nobody watches")
    stopped = canvas_sequence(page)
    page.tool("pause")
    page.until_status("live")
    until(lambda: watching() == 1 and canvas_sequence(page) > stopped, "new pictures")


def test_full_screen_and_picture_in_picture_are_where_the_browser_has_them(person, serve):
    page = Page(person, serve("--fps", "10").url)
    for name, possible in ("full", "document.fullscreenEnabled"), ("pip", "document.pictureInPictureEnabled"):
        there = page.run(f"return Boolean({possible})")
        assert page.run(f"return Boolean(document.getElementById('do-{name}'))") == there, name
    if page.run("return document.fullscreenEnabled"):
        page.tool("full")
        until(lambda: page.run("return Boolean(document.fullscreenElement)") and page.pressed("full"), "full screen")
        shown = "return ['header', '#tools', 'footer'].map(name => document.querySelector(name).getClientRects().length)"
        assert page.run(shown) == [0, 1, 0], "the picture and what can be done with it, while all is well"
        person.press("f")
        until(lambda: not page.run("return Boolean(document.fullscreenElement)") and not page.pressed("full"), "and back")
    if page.run("return Boolean(document.pictureInPictureEnabled)"):
        page.tool("pip")
        # Without a window there may be none: then the page says so.
        until(lambda: page.pressed("pip") or "The browser refuses" in page.text("note"), "a picture in a picture, or why not")
        if page.pressed("pip"):
            page.tool("pip")
            until(lambda: not page.pressed("pip"), "and back")
    page.run("refusedBy(new Error('Denied.'))")
    assert page.text("note") == "The browser refuses: Denied. Allow it in its settings."
    assert not page.faults()


def test_every_control_is_reached_and_used_by_keys_alone(person, serve):
    server = serve("--fps", "10", "--allow-control")
    page = Page(person, server.url)
    person.press("c")
    until(lambda: page.run("return document.activeElement.tagName") == "H2", "the panel has the focus")
    # Opened again, the page still has its panel, and the focus is at its beginning.
    page = Page(person, server.url + "?again")
    # Not by scrolling to it: Chromium goes on from there.
    until(lambda: page.run("return document.querySelector('#control-quality')?.getClientRects().length"), "the settings")
    wanted = page.run("return [...document.querySelectorAll('a, button, input, select')]"
                      ".filter(one => one.getClientRects().length && !one.disabled).length")
    reached = {}
    for _ in range(wanted):
        person.press("\ue004")
        name, seen = page.run(
            "const one = document.activeElement, style = getComputedStyle(one);"
            "return [one === document.body ? null : one.outerHTML.slice(0, 90), style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2]")
        if name:
            reached[name] = seen or reached.get(name, False)
    assert len(reached) == wanted, reached
    # Firefox without a window may show none when the focus comes in from there.
    hidden = [name for name, seen in reached.items() if not seen][person.name == "firefox":]
    assert not hidden, f"no outline shows the focus on {hidden}"
    # An arrow scrolls the panel, and moves the picture elsewhere.
    page.run("actions.closer(); actions.closer(); document.querySelector('#panel h2').focus()")
    before = place_of(page)
    person.press("\ue012")
    assert place_of(page) == before
    page.run("actions.fit(); document.getElementById('do-mirror').focus()")
    person.press(" ")
    until(lambda: page.pressed("mirror"), "mirrored by the space bar")
    person.press("m")
    until(lambda: not page.pressed("mirror"), "and back by its letter")
    # Who speaks to the computer turns single letters off.
    page.click("#keys")
    person.press("m")
    person.press("\ue00c")
    until(lambda: page.run("return document.getElementById('panel').hidden"), "closed by Escape")
    assert page.run("return document.activeElement.id") == "do-settings"
    assert not page.pressed("mirror")
    for tool in page.run("return TOOLS.map(one => one[2])"):
        assert tool in page.run("return document.getElementById('shortcuts').textContent")


def test_screen_reader_hears_changes_and_no_numbers(person, serve):
    server = serve("--fps", "0.1")
    page = Page(person, server.url)
    page.run("window.heard = []; new MutationObserver(() => heard.push(document.getElementById('said').textContent))"
             ".observe(document.getElementById('said'), { childList: true, characterData: true, subtree: true })")
    until(lambda: re.match("live, last picture [5-9]", page.status), "an old picture", 40)
    heard = page.run("return heard")
    assert len(heard) <= 3 and not any(re.search(r"\d", text) for text in heard), heard
    assert any("no new picture" in text for text in heard), heard


HEARS = "return Boolean(events && events.readyState === EventSource.OPEN)"


def settings_of(engine, url):
    """A page with its settings open, which hears of changes."""
    page = Page(engine, url)
    if page.run("return document.getElementById('panel').hidden"):
        page.tool("settings")
    page.place("#control-quality")
    until(lambda: page.run(HEARS), "the page listens")
    return page


def controls(server):
    return requests.get(server.url + "control", timeout=10).json()["controls"]


def quality(server):
    control = controls(server)[0]
    assert control["name"] == "quality"
    return control["value"]


def change(server, **values):
    requests.post(server.url + "control", json=values, timeout=10).raise_for_status()


def test_changes_on_one_page_are_on_the_other_within_a_second(person, serve):
    server = serve("--fps", "10", "--allow-control")
    page = settings_of(person, server.url)
    assert page.run("return document.getElementById('closed').hidden")
    with person.another() as window:
        other = settings_of(window, server.url)
        took = []

        def follows(one, another, value):
            one.run(f"const box = document.getElementById('control-quality'); box.value = {value}; box.dispatchEvent(new Event('change'))")
            until(lambda: quality(server) == value, "the server has it")
            since = time.monotonic()
            until(lambda: another.value("#control-quality") == str(value), "the change of the other one")
            took.append(time.monotonic() - since)

        follows(other, page, 33)
        follows(page, other, 34)
        # What is changed while the page is paused, or hidden, is there when it goes on, and it follows as before.
        hide = ("Object.defineProperty(document, 'hidden', { get: () => %s, configurable: true });"
                "document.dispatchEvent(new Event('visibilitychange'))")
        for value, stop, go_on in [
            (43, lambda: page.tool("pause"), lambda: page.tool("pause")),
            (53, lambda: page.run(hide % "true"), lambda: page.run(hide % "false")),
        ]:
            stop()
            page.until_status("paused")
            follows(page, other, value)
            other.run(f"const box = document.getElementById('control-quality'); box.value = {value + 1}; box.dispatchEvent(new Event('change'))")
            until(lambda: quality(server) == value + 1, "the server has it")
            go_on()
            page.until_status("live")
            until(lambda: page.value("#control-quality") == str(value + 1), "what changed in between")
            until(lambda: page.run(HEARS), "the page listens again")
            follows(other, page, value + 2)
        # The page asks for nothing while it listens, so all of them came that way; a busy machine holds up some.
        assert min(took) < 1, took
        assert not other.faults()
    assert not page.faults()


def test_setting_is_changed_by_keys_and_pointer_and_a_wrong_value_is_refused(person, serve):
    server = serve("--fps", "10", "--allow-control")
    change(server, quality=33)
    page = settings_of(person, server.url)
    # By keys on the slider, which follows at once.
    page.run("document.querySelector('input[type=range]').focus()")
    person.press("\ue014", "\ue014")
    until(lambda: quality(server) == 35, "the server has it")
    assert page.value("#control-quality") == "35"
    # One that is moved stays where it is.
    x, y = page.place("input[type=range]")
    person.act({"type": "pointer", "id": "mouse", "actions": [
        {"type": "pointerMove", "x": round(x), "y": round(y)}, {"type": "pointerDown", "button": 0}]})
    until(lambda: 40 < quality(server) < 60, "moved to the middle")
    moved = page.value("input[type=range]")
    # Another setting of the same document shows that the page has heard of it.
    change(server, quality=90, noise=7)
    until(lambda: page.value("#control-noise") == "7", "the page has heard of the change")
    assert page.value("input[type=range]") == moved
    person.act({"type": "pointer", "id": "mouse", "actions": [{"type": "pointerUp", "button": 0}]})
    until(lambda: page.value("input[type=range]") == "90", "let go, it follows")
    # A wrong value is refused beside its field, and nothing has changed.
    page.run("document.getElementById('control-quality').select()")
    page.click("#control-quality")
    person.press("\ue010", "0", "0", "\ue004")
    until(lambda: "1 to 100" in (page.text("control-quality-problem") or ""), "the reason")
    assert page.run("return document.getElementById('control-quality').getAttribute('aria-invalid')") == "true"
    assert page.run("return Boolean(document.getElementById('control-quality-problem').closest('[role=alert]'))"), "it is read out"
    page.click("#reset")
    until(lambda: quality(server) == 80 and page.value("#control-quality") == "80", "the default")
    assert page.text("control-quality-problem") == ""
    assert not page.faults()


def test_setting_under_the_finger_stays_when_others_come_and_go(person, serve):
    server = serve("--fps", "10", "--allow-control")
    page = settings_of(person, server.url)
    # As if the camera were unplugged while the slider moves.
    page.run("document.querySelector('input[type=range]').addEventListener('input', () => {"
             f"showControls({{ controls: {json.dumps(controls(server)[:1])} }});"
             "window.others = document.querySelectorAll('.field').length - 1; }, { once: true })")
    x, y = map(round, page.place("input[type=range]"))
    person.act({"type": "pointer", "id": "mouse", "actions": [
        {"type": "pointerMove", "x": x, "y": y}, {"type": "pointerDown", "button": 0},
        *({"type": "pointerMove", "x": x + right, "y": y, "duration": 100} for right in (20, 40, 60)),
        # Let go elsewhere.
        {"type": "pointerMove", "x": x + 60, "y": 300}, {"type": "pointerUp", "button": 0}]})
    assert page.run("return others") == 0
    until(lambda: quality(server) > 65, "it moves on")
    ids = "return [...document.querySelectorAll('#controls > *')].map(row => row.querySelector('[id]')?.id || row.id)"
    until(lambda: len(page.run(ids)) == len(controls(server)) + 1, "the others are back")
    order = page.run(ids)
    assert order[0] == "control-quality" and order[-1] == "reset", order
    assert page.run("return document.activeElement.type") == "range", "it still has the focus"
    until(lambda: page.run("return pending.size + sent.size") == 0, "all is sent")
    change(server, quality=30)
    until(lambda: page.value("input[type=range]") == "30", "it follows")
    assert not page.faults()


def test_closed_panel_needs_no_connection(person, serve):
    server = serve("--fps", "10", "--allow-control")
    page = settings_of(person, server.url)
    page.tool("settings")
    until(lambda: page.run("return events === null"), "the page listens no more")
    change(server, quality=33)
    page.tool("settings")
    until(lambda: page.value("#control-quality") == "33", "what changed in between")
    until(lambda: page.run(HEARS), "the page listens again")
    assert not page.faults()


def test_panel_is_open_again_after_a_login(person, serve):
    server = serve("--fps", "10", "--token", "a-token-of-some-length")
    url, token = server.url.split("?")[0], "?token=a-token-of-some-length"
    page = Page(person, url + token)
    page.tool("settings")
    page.place("#facts")
    Page(person, url, "log in")
    page = Page(person, url + token)
    assert not page.run("return document.getElementById('panel').hidden")
    page.tool("settings")


def test_login_of_a_paused_page_stays_while_tabs_change(person, serve, free_port):
    address = f"127.0.0.1:{free_port}"
    server = serve("--fps", "10", "--token", "a-token-of-some-length", bind=address)
    page = Page(person, server.url.split("?")[0] + "?token=a-token-of-some-length")
    page.tool("settings")
    page.tool("pause")
    page.until_status("paused")
    server.stop()
    serve("--fps", "10", "--token", "another-token-of-its-own", bind=address)
    page.until_status("log in")
    page.run("document.dispatchEvent(new Event('visibilitychange'))")
    assert page.status == "log in"
    # The panel is not to be seen now.
    person.press("\ue00c")
    assert page.run("return [document.getElementById('panel').hidden, document.activeElement.id]") == [False, "secret"]
    assert not page.faults()


def test_number_that_is_typed_and_taken_back_follows_again(person, serve):
    server = serve("--fps", "10", "--allow-control")
    page = settings_of(person, server.url)

    def type_and_take_back(value, noise):
        page.click("#control-quality")
        before = page.value("#control-quality")
        person.press("1")
        until(lambda: page.value("#control-quality") != before, "typed")
        person.press("\ue003")
        until(lambda: page.value("#control-quality") == before, "taken back")
        change(server, quality=value, noise=noise)
        until(lambda: page.value("#control-noise") == str(noise), "the page has heard of the change")
        assert page.value("#control-quality") == before, "what is typed in is left alone"

    type_and_take_back(33, 7)
    person.press("\ue004")
    until(lambda: page.value("#control-quality") == "33", "it follows")
    # A reset knows what the server has, whatever the field shows.
    change(server, quality=80)
    until(lambda: page.value("#control-quality") == "80", "the default")
    type_and_take_back(44, 8)
    page.run("document.getElementById('reset').click()")
    until(lambda: quality(server) == 80, "reset")
    assert not page.faults()


def test_panel_follows_after_a_restart_behind_a_proxy(person, serve, free_port, tmp_path):
    flags = "--fps", "10", "--allow-control"
    address = f"127.0.0.1:{free_port}"
    server = serve(*flags, bind=address)
    proxy = proxies.Proxy("nginx", free_port, tmp_path / "proxy")
    try:
        page = settings_of(person, proxy.url)
        server.stop()
        until(lambda: page.run("return !events || events.readyState === EventSource.CLOSED"), "nginx has refused them", 30)
        server = serve(*flags, "--quality", "55", bind=address)
        page.until_status("live")
        until(lambda: page.value("#control-quality") == "55", "the new run's value")
        until(lambda: page.run(HEARS), "the page listens again")
        change(server, quality=44)
        until(lambda: page.value("#control-quality") == "44", "it follows")
        assert not page.faults()
        person.leave()
    finally:
        proxy.stop()


def test_panel_follows_while_the_server_has_no_room_for_its_events(person, serve):
    server = serve("--fps", "10", "--allow-control", "--max-viewers", "1")
    with requests.get(server.url + "events", stream=True, timeout=30) as taken:
        assert taken.ok
        page = Page(person, server.url)
        page.tool("settings")
        page.place("#control-quality")
        until(lambda: page.run("return !events || events.readyState === EventSource.CLOSED"), "there is no room")
        change(server, quality=33)
        until(lambda: page.value("#control-quality") == "33", "it asks")
        assert not page.run(HEARS)
    until(lambda: page.run(HEARS), "there is room")
    change(server, quality=44)
    until(lambda: page.value("#control-quality") == "44", "it follows")
    assert not page.faults()


def test_change_without_an_answer_is_given_up_and_the_settings_follow_again(person, serve):
    server = serve("--fps", "10", "--allow-control")
    page = settings_of(person, server.url)
    page.run("window.fetchOf = fetch; window.posts = 0; window.fetch = (url, options) => options?.method !== 'POST' ? fetchOf(url, options) :"
             "new Promise((_, fail) => { posts++; window.deadline = options.signal; options.signal?.addEventListener('abort', () => fail(options.signal.reason)); })")
    page.run("const box = document.getElementById('control-quality'); box.value = 33; box.dispatchEvent(new Event('change'))")
    until(lambda: page.run("return posts") == 1, "the change")
    change(server, quality=44)
    until(lambda: "the server did not answer; close other windows" in page.text("failed"), "the reason", 40)
    until(lambda: page.value("#control-quality") == "44", "what the server has")
    page.run("window.fetch = fetchOf; const box = document.getElementById('control-quality'); box.value = 55; box.dispatchEvent(new Event('change'))")
    until(lambda: quality(server) == 55 and page.text("failed") == "", "the next change")
    assert not page.faults()


def test_change_that_waits_is_not_sent_after_a_denied_one(person, serve):
    server = serve("--fps", "10", "--allow-control")
    page = settings_of(person, server.url)
    page.run("const fetchOf = fetch; window.posts = 0; window.fetch = (url, options) => options?.method !== 'POST' ? fetchOf(url, options) :"
             "new Promise(done => { posts++; window.deny = () => done(new Response('wrong token\\n', { status: 401, headers: { 'Content-Type': 'text/plain' } })); })")
    set_quality = "const box = document.getElementById('control-quality'); box.value = %d; box.dispatchEvent(new Event('change'))"
    page.run(set_quality % 33)
    until(lambda: page.run("return posts") == 1, "the change")
    page.run(set_quality % 34 + "; deny()")
    page.until_status("log in")
    since = page.run("return performance.now()")
    until(lambda: page.run("return performance.now()") > since + 1000, "several times as long as a change waits")
    assert page.run("return posts") == 1, "another attempt with what was denied"
    page.run("refused({ status: 403, message: 'of another site', after: 0, asksFor: '' })")
    assert page.status == "access denied" and page.run("return document.activeElement.id") == "retry", "nobody to log in as"
    assert not page.faults()


def test_panel_of_a_paused_page_follows_changes(person, serve):
    server = serve("--fps", "10", "--allow-control")
    page = settings_of(person, server.url)
    page.tool("pause")
    page.until_status("paused")
    change(server, quality=44)
    until(lambda: page.value("#control-quality") == "44", "the change")
    assert not page.faults()


ALL_TYPES = [
    {"name": "gain", "type": "integer", "min": 0, "max": 255, "step": 5, "default": 10, "value": 20},
    {"name": "sharpness", "type": "number", "default": 0.5, "value": 1.25, "label": "Sharp & <b>clear</b>"},
    {"name": "size", "type": "menu", "choices": [{"value": "320x240", "label": "320x240"}, {"value": "640x480", "label": "640x480"}], "value": "640x480"},
    {"name": "power_line_frequency", "type": "menu", "choices": [{"value": 0, "label": "Off"}, {"value": 1, "label": "50 Hz"}], "default": 0, "value": 1},
    {"name": "auto_focus", "type": "boolean", "default": True, "value": False},
    {"name": "focus", "type": "integer", "min": 0, "max": 9, "value": 3, "inactive": True},
    {"name": "wipe", "type": "button"},
    {"name": "serial", "type": "integer", "default": 1, "value": 7, "read_only": True},
    {"name": "fps", "type": "number", "min": 0.1, "max": 30, "default": 12.5, "value": 12.5},
    {"name": "mask", "type": "integer", "min": 0, "max": 1999999, "value": 1},
    {"name": "unheard_of", "type": "colour", "value": "red"},
]


def test_each_type_of_setting_has_its_field(person, serve):
    page = Page(person, serve("--fps", "5", "--allow-control").url)
    page.tool("settings")
    page.place("#control-quality")
    page.run("window.fetchOf = fetch; window.posts = []; window.answers = [];"
             "window.fetch = (url, options) => options?.method !== 'POST' ? fetchOf(url, options) :"
             "(posts.push(JSON.parse(options.body)), Promise.resolve(answers.shift()));"
             "window.json = (status, value) => new Response(JSON.stringify(value), { status, headers: { 'Content-Type': 'application/json' } });"
             # The server's own settings must not come in between.
             "const show = showControls; window.showControls = ({ test, controls }) => test && show({ controls });"
             f"showControls({{ test: true, controls: {json.dumps(ALL_TYPES)} }})")
    fields = page.run("return [...document.querySelectorAll('#controls .field')].map(row => [row.className.split(' ')[1], row.querySelector('label, button').textContent])")
    assert fields == [["integer", "Gain"], ["number", "Sharp & <b>clear</b>"], ["menu", "Size"], ["menu", "Power line frequency"],
                      ["boolean", "Auto focus"], ["integer", "Focus"], ["button", "Wipe"], ["integer", "Serial"], ["number", "Fps"],
                      ["integer", "Mask"]]
    assert page.run("return [...document.querySelectorAll('#controls :disabled')].map(one => one.type)") == ["range", "number", "number"]
    # A rate may start the camera anew: not while the slider moves. And nobody needs all of its digits.
    moved = ("const slider = document.getElementById('control-%s').previousElementSibling; slider.value = %s;"
             "slider.dispatchEvent(new Event('input')); return [document.getElementById('control-%s').value, pending.size]")
    assert page.run(moved % ("fps", "17.123456789", "fps")) == ["17.1235", 0]
    assert page.run(moved % ("gain", "25", "gain")) == ["25", 1]
    # Of an integer each digit counts.
    assert page.run(moved % ("mask", "1999999", "mask")) == ["1999999", 2]
    assert page.run("return pending.get('mask')") == 1999999
    page.run("pending.clear(); showControls({ test: true, controls: [] });"
             f"showControls({{ test: true, controls: {json.dumps(ALL_TYPES)} }})")
    answer = lambda status, value: page.run(f"answers.push(json({status}, {json.dumps(value)}))")  # noqa: E731
    posts = lambda count: until(lambda: page.run("return posts.length") == count, f"{count} changes") and page.run("return posts")[-1]  # noqa: E731
    same = {"test": True, "controls": ALL_TYPES}
    answer(200, same)
    page.click("#control-auto_focus")
    assert posts(1) == {"auto_focus": True}
    answer(200, same)
    page.click("#control-wipe")
    assert posts(2) == {"wipe": True}
    answer(200, same)
    page.run("const menu = document.getElementById('control-power_line_frequency'); menu.selectedIndex = 0; menu.dispatchEvent(new Event('change'))")
    assert posts(3) == {"power_line_frequency": 0}
    # Of two changes one is wrong: the reason is beside it, and the other is made.
    answer(400, {"errors": {"sharpness": "at most 2"}})
    answer(200, same)
    page.run("for (const [name, value] of [['gain', 40], ['sharpness', 3]]) {"
             "const box = document.getElementById('control-' + name); box.value = value; box.dispatchEvent(new Event('change')); }")
    assert posts(5) == {"gain": 40}
    assert page.text("control-sharpness-problem") == "at most 2" and page.text("control-gain-problem") == ""
    # Whatever else goes wrong is reported once, with what to do.
    page.run("answers.push(new Response('the camera is gone\\n', { status: 503, headers: { 'Content-Type': 'text/plain' } }))")
    page.click("#control-wipe")
    until(lambda: page.text("failed").startswith("Not changed: the camera is gone") and "Try again" in page.text("failed"), "the reason")
    # Tried again it stays the same where a proxy is in the way; and the field shows what the server has.
    page.run("answers.push(new Response('of another site.\\n', { status: 403, headers: { 'Content-Type': 'text/plain' } }))")
    page.click("#control-auto_focus")
    until(lambda: "of another site. A proxy" in page.text("failed"), "the reason")
    assert "Try again" not in page.text("failed")
    checked = "return document.getElementById('control-auto_focus').checked"
    until(lambda: not page.run(checked), "as on the server")
    # No answer at all.
    page.run("answers.push({ then(_, fail) { fail(new TypeError('no way')); } })")
    page.click("#control-auto_focus")
    until(lambda: page.text("failed").startswith("Perhaps not changed: the server did not answer; close other windows"), "nobody knows")
    until(lambda: not page.run(checked), "as on the server")
    answer(200, same)
    page.click("#reset")
    assert posts(9) == {"gain": 10, "sharpness": 0.5, "power_line_frequency": 0, "auto_focus": True}
    until(lambda: page.text("failed") == "", "no failure any more")
    # Each request makes the wait longer that comes with this answer.
    until(lambda: page.run(HEARS), "the page listens")
    page.run("window.asked = 0; window.askControls = () => { asked++; };"
             "answers.push(new Response('too many failed attempts\\n', { status: 429, headers: { 'Content-Type': 'text/plain' } }))")
    page.click("#control-wipe")
    until(lambda: "too many failed attempts" in page.text("failed"), "the reason")
    assert page.run("return asked") == 0
    assert not page.faults()


def test_server_without_live_control_says_that_nothing_can_be_changed(person, serve):
    page = Page(person, serve("--fps", "5").url)
    page.tool("settings")
    hidden = "return [document.getElementById('closed').hidden, document.getElementById('controls').hidden]"
    until(lambda: page.run(hidden) == [False, True], "it says so")
    assert "Ask whoever runs it" in page.text("closed")
    states = "return performance.getEntriesByType('resource').filter(entry => new URL(entry.name).pathname === '/state').length"
    before = page.run(states)
    until(lambda: page.run(states) > before + 1, "whatever else it asks has its answer too")
    asked = page.run("return performance.getEntriesByType('resource').map(entry => new URL(entry.name).pathname)")
    assert "/control" not in asked and "/events" not in asked, asked


def test_panel_says_nothing_of_changes_before_the_state_is_known(chromium, serve):
    server = serve("--fps", "5", "--allow-control")
    page = Page(chromium, server.url)
    page.tool("settings")
    page.place("#control-quality")
    script = chromium.call("Page.addScriptToEvaluateOnNewDocument", source=
                           "const fetchOf = fetch; window.fetch = (url, options) => url.endsWith('/state') ? new Promise(() => {}) : fetchOf(url, options)")
    try:
        page = Page(chromium, server.url + "?again")
        page.place("#keys")
        assert not page.run("return document.getElementById('closed').getClientRects().length")
    finally:
        chromium.call("Page.removeScriptToEvaluateOnNewDocument", **script)
        chromium.leave()


def test_states_of_camera_encoder_upload_and_budget_are_in_words(person, serve):
    page = Page(person, serve("--fps", "5", "--upload", "http://127.0.0.1:1/").url)
    page.tool("settings")
    facts = lambda: dict(page.run(  # noqa: E731
        "return [...document.querySelectorAll('#facts dt')].map(term => [term.textContent, term.nextSibling.textContent])"))
    until(lambda: "is retried" in facts().get("Upload", ""), "the upload's failure")
    assert re.fullmatch(r"sim: 640×480 \w+, [\d.]+ fps", facts()["Camera"])
    assert re.fullmatch(r"\w+, quality 80", facts()["Encoder"])
    assert facts()["Budget"] == "none"


def test_camera_of_jpegs_has_an_encoder_without_quality(person, serve):
    page = Page(person, serve("--fps", "5", "--format", "jpeg").url)
    page.tool("settings")
    until(lambda: "sim: " in (page.text("facts") or ""), "the state in words")
    assert page.run("return document.querySelectorAll('#facts dd')[1].textContent") == "pass-through"


def test_another_sites_form_and_script_change_nothing(person, serve):
    server = serve("--fps", "5", "--allow-control")
    attack = f"""<form method="post" action="{server.url}control" target="into"><input name="quality" value="1"></form><iframe name="into"></iframe>
        <script>
        document.forms[0].submit();
        window.tried = [];
        for (const type of ["application/json", "text/plain", "application/x-www-form-urlencoded"])
          fetch("{server.url}control", {{ method: "POST", body: type.endsWith("d") ? "quality=2" : '{{"quality":3}}', headers: {{ "Content-Type": type }}, mode: type.endsWith("n") && type[0] === "a" ? "cors" : "no-cors", credentials: "include" }})
            .then(answer => tried.push(answer.type), () => tried.push("refused"));
        </script>"""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(attack.encode())

        def log_message(self, *_):
            pass

    hostile = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=hostile.serve_forever, daemon=True).start()
    try:
        # Another port is another origin of the same site, which has the same cookies; another name is another site.
        for host in "127.0.0.1", "localhost":
            person.open(f"http://{host}:{hostile.server_port}/")
            until(lambda: (person.run("return window.tried && tried.length") or 0) == 3, "all that it tried")
            assert requests.get(server.url + "control", timeout=10).json()["controls"][0]["value"] == 80
        # The form's answer, which the server gave: a refusal.
        assert requests.post(server.url + "control", data={"quality": 1}, headers={"Origin": "http://a.example"}, timeout=10).status_code == 403
        assert requests.get(server.url + "control", timeout=10).json()["controls"][0]["value"] == 80
    finally:
        hostile.shutdown()
        hostile.server_close()


def test_page_without_javascript_shows_the_stream_and_its_links(chromium, serve):
    server = serve("--fps", "10")
    chromium.call("Emulation.setScriptExecutionDisabled", value=True)
    try:
        chromium.open(server.url)
        until(lambda: len(requests.get(server.url + "state", timeout=10).json()["viewers"]) == 1, "its <img> has the stream")
        html = until(lambda: "<noscript>" in chromium.driver.page_source and chromium.driver.page_source, "the page")
        assert 'href="snapshot"' in html and '"status"></span>' in html, "it says nothing that no script could change"
    finally:
        chromium.call("Emulation.setScriptExecutionDisabled", value=False)
        chromium.open("about:blank")


def test_browser_that_keeps_nothing_shows_the_page_all_the_same(chromium, serve):
    server = serve("--fps", "10")
    script = chromium.call("Page.addScriptToEvaluateOnNewDocument", source=
                           "Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('no', 'SecurityError'); } })")
    try:
        page = Page(chromium, server.url)
        page.tool("mirror")
        until(lambda: page.pressed("mirror"), "mirrored")
        assert not page.faults()
    finally:
        chromium.call("Page.removeScriptToEvaluateOnNewDocument", **script)
    # One that does keeps the choice over a reload.
    page = Page(chromium, server.url)
    page.tool("mirror")
    page.tool("turn")
    page = Page(chromium, server.url + "?again")
    assert page.pressed("mirror") and page.pressed("turn")
    until(lambda: page.run("return [canvas.width, canvas.height]") == [480, 640], "it is painted so")
    # Of this camera: another one of the same server hangs otherwise.
    assert page.run("return Object.keys(localStorage).filter(name => name.includes('turned'))") == ["eyelet.turned" + server.url]
    chromium.leave()


def test_nothing_moves_for_those_who_want_less_motion(chromium, serve):
    page = Page(chromium, serve("--fps", "5").url)
    page.tool("record")
    moving = "return document.getAnimations().length"
    until(lambda: page.run(moving) == 1, "a pulse while it records")
    chromium.prefer(reduced_motion="reduce")
    try:
        until(lambda: page.run(moving) == 0, "nothing moves")
    finally:
        chromium.prefer()
        page.tool("record")
        until(lambda: not page.pressed("record"), "it records no more")
        chromium.leave()


def live(engine, serve):
    return Page(engine, serve("--fps", "10").url)


def settings(engine, serve):
    page = Page(engine, serve("--fps", "10", "--allow-control").url)
    page.run("actions.settings()")
    page.place("#control-quality")
    return page


def wrong(engine, serve):
    page = settings(engine, serve)
    page.run("const box = document.getElementById('control-quality'); box.value = 500; box.dispatchEvent(new Event('change'))")
    until(lambda: page.text("control-quality-problem"), "the reason")
    return page


def no_signal(engine, serve):
    page = Page(engine, serve("--unplug-chance", "1").url, "no signal: ")
    page.run("actions.snapshot()")
    page.until_note("no picture from the camera")
    return page


def login(engine, serve):
    page = Page(engine, serve("--token", "a-token-of-some-length").url.split("?")[0], "log in")
    assert not page.run("return document.getElementById('tools').getClientRects().length"), "nothing to do before"
    return page


def recording(engine, serve):
    page = live(engine, serve)
    page.run("actions.record(); actions.mirror(); actions.turn()")
    until(lambda: page.pressed("record"), "it records")
    return page


def gone(engine, serve):
    server = serve("--fps", "10")
    page = Page(engine, server.url)
    server.stop()
    page.until_status("reconnecting")
    return page


def cameras(engine, serve, *flags):
    server = serve("--camera", "front=sim", "--camera", "back=sim", "--camera", "garden=sim", "--fps", "5", *flags)
    page = Page(engine, server.url, "")
    until(lambda: len({viewer["camera"] for viewer in requests.get(server.url + "state", timeout=10).json()["viewers"]}) == 3, "all")
    return page


def cameras_without_signal(engine, serve):
    page = cameras(engine, serve, "--unplug-chance", "1")
    until(lambda: page.run("return document.querySelectorAll('main a.lost').length") == 3, "no signal")
    return page


def many_cameras(engine, serve):
    names = [f"cam{index}" for index in range(7)]
    server = serve("--fps", "5", *(word for name in names for word in ("--camera", f"{name}=sim")))
    page = Page(engine, server.url, "")
    until(lambda: len(requests.get(server.url + "state", timeout=10).json()["viewers"]) == 5, "five of them")
    colours = page.run("return [...document.querySelectorAll('main b')].slice(5).map(one => getComputedStyle(one).color)")
    # What is no fault is not in the colour of faults.
    assert len(colours) == 2 and page.run("return getComputedStyle(document.querySelector('#status')).color") not in colours
    return page


@pytest.mark.parametrize("state", [live, settings, wrong, no_signal, login, recording, gone, cameras, cameras_without_signal, many_cameras],
                         ids=lambda state: state.__name__)
def test_page_in_each_state_fits_and_is_for_everybody(person, serve, state, artifacts):
    page = state(person, serve)
    faults = {}
    schemes = ("dark", "light") if person.name == "chromium" else ("light",)
    try:
        for scheme in schemes:
            if person.name == "chromium":
                person.prefer(color_scheme=scheme)
            for size, (width, height) in SIZES.items():
                person.resize(width, height)
                until(lambda: page.run("return innerWidth") == width, size)
                page.shot(artifacts, f"{state.__name__}-{size}-{scheme}")
                if found := page.misfits() + page.findings():
                    faults[f"{scheme} {size}"] = found
    finally:
        if person.name == "chromium":
            person.prefer()
    if state is recording:
        page.run("actions.record()")
    assert not faults, faults


# Of an element that is scrolled to: nothing of it is outside the window, and nothing is over it.
LOST = """
    return [...document.querySelectorAll("a, button, input, select, #fps, #source, #graph, #picture")].filter(one => {
      if (one.closest("[hidden]")) return false;
      one.scrollIntoView({ block: "center" });
      const { left, right, top, bottom, width, height } = one.getBoundingClientRect();
      const seen = document.elementFromPoint((left + right) / 2, (top + bottom) / 2);
      return !width || !height || left < 0 || right > innerWidth + 1 || !one.contains(seen);
    }).map(one => one.outerHTML.slice(0, 80))
"""


def test_small_window_loses_nothing_with_the_panel_closed_or_open(person, serve, artifacts):
    page = settings(person, serve)
    # 1280x1024 at 400 %, two phones on their side, and 1366x768 at 200 %.
    for width, height in (320, 256), (568, 232), (568, 320), (683, 384):
        person.resize(width, height)
        until(lambda: page.run("return innerWidth") == width, "the size")
        for _ in "open", "closed":
            until(lambda: min(page.run("return [canvas.getBoundingClientRect().width, stage.clientHeight]")) >= 120, "a picture that can be seen")
            faults = page.misfits() + page.run(LOST)
            page.shot(artifacts, f"small-{width}x{height}-{page.run('return document.getElementById(`panel`).hidden')}")
            assert not faults, (width, height, faults)
            page.run("actions.settings()")
            page.run("scrollTo(0, 0)")
    # An arrow moves an enlarged picture and not the page.
    page.run("actions.settings(); actions.exact(); document.activeElement.blur(); scrollTo(0, 0)")
    before = place_of(page)
    person.press("\ue015")
    until(lambda: place_of(page)[1] < before[1], "it moves")
    since = page.run("return performance.now()")
    until(lambda: page.run("return performance.now()") > since + 500, "a scroll would be over")
    assert page.run("return scrollY") == 0
    assert not page.faults()


def test_failed_change_is_seen_wherever_the_panel_is_scrolled_to(person, serve):
    page = settings(person, serve)
    page.run("window.fetchOf = fetch; window.fetch = (url, options) => options?.method !== 'POST' ? fetchOf(url, options) :"
             "Promise.resolve(new Response('the camera is gone\\n', { status: 503, headers: { 'Content-Type': 'text/plain' } }))")
    for width, height in (360, 740), (1366, 640):
        person.resize(width, height)
        until(lambda: page.run("return innerWidth") == width, "the size")
        for where in 0, 99999:
            page.run(f"document.getElementById('failed').textContent = ''; document.getElementById('panel').scrollTop = {where}")
            first = page.run("return document.querySelector('.field').getBoundingClientRect().top")
            page.run("const box = document.getElementById('control-quality'); box.value = 33; box.dispatchEvent(new Event('change'))")
            until(lambda: page.text("failed"), "the reason")
            seen = page.run("const one = document.getElementById('failed'), { left, right, top, bottom } = one.getBoundingClientRect();"
                            "return [top, bottom].every(y => document.elementFromPoint((left + right) / 2, Math.round(y) + (y === top ? 1 : -1)) === one)")
            assert seen, (width, height, where)
            if not where:
                assert page.run("return document.querySelector('.field').getBoundingClientRect().top") == first, "nothing moves under the finger"
    assert not page.faults()


def test_picture_is_pinched_by_fingers_beside_it_too(person, serve):
    person.resize(360, 740)
    page = Page(person, serve("--fps", "5").url)
    until(lambda: page.run("return innerWidth") == 360 and page.pressed("fit"), "the size")
    assert page.run("return getComputedStyle(stage).touchAction") == "none", "the browser zooms nothing"
    top, bottom = page.run("const { top, bottom } = canvas.getBoundingClientRect(); return [top, bottom]")
    finger = {"type": "pointer", "parameters": {"pointerType": "touch"}}
    for places in [[bottom - 40, bottom + 40], [top - 40, bottom + 40]]:
        person.act(*({**finger, "id": f"finger{index}", "actions": [
            {"type": "pointerMove", "x": 180, "y": round(y)}, {"type": "pointerDown", "button": 0},
            {"type": "pointerMove", "x": 180, "y": round(y) + (2 * index - 1) * 50, "duration": 100}, {"type": "pointerUp", "button": 0}]}
            for index, y in enumerate(places)))
        until(lambda: page.run("return view.scale / fitting()") > 1.2, f"zoomed by fingers at {places}")
        assert page.run("return visualViewport.scale") == 1
        page.tool("fit")
        until(lambda: page.pressed("fit"), "it fits again")
    assert not page.faults()


@pytest.mark.parametrize("preference, size", [("default_font_size", 32), ("minimum_font_size", 24)])
def test_letters_are_as_large_as_the_person_wants(serve, tmp_path, preference, size):
    settings = tmp_path / "profile" / "Default" / "Preferences"
    settings.parent.mkdir(parents=True)
    settings.write_text(json.dumps({"webkit": {"webprefs": {preference: size}}}))
    server = serve("--fps", "5", "--allow-control")
    engine = engines.start("chromium", tmp_path)
    try:
        page = Page(engine, server.url)
        if preference == "default_font_size":
            assert page.run("return parseFloat(getComputedStyle(document.body).fontSize)") >= 30
        for width, height in SIZES.values():
            engine.resize(width, height)
            until(lambda: page.run("return innerWidth") == width, "the size")
            for _ in "open", "closed":
                page.run("actions.settings()")
                assert not page.misfits(), (width, height)
    finally:
        engine.quit()


def test_login_without_javascript_names_an_address_that_shows_the_stream(chromium, serve):
    token = "a-token-of-some-length"
    server = serve("--fps", "10", "--token", token)
    url = server.url.split("?")[0]
    chromium.call("Emulation.setScriptExecutionDisabled", value=True)
    try:
        chromium.open(url)
        html = until(lambda: "<noscript>" in chromium.driver.page_source and chromium.driver.page_source, "the page")
        without_script, = re.findall("<noscript>(.*?)</noscript>", html)
        assert "<img" not in without_script, "no picture that is a broken one"
        chromium.open(url + re.search(r"\S+=TOKEN", without_script)[0].replace("TOKEN", token))
        watching = lambda: requests.get(url + "state", headers={"Authorization": f"Bearer {token}"}, timeout=10).json()["viewers"]  # noqa: E731
        until(lambda: len(watching()) == 1, "the stream")
    finally:
        chromium.call("Emulation.setScriptExecutionDisabled", value=False)
        chromium.open("about:blank")


# A camera of 20 fps that is unplugged for five seconds, in which the server sends a picture of its own each second; recorded from
# then on.
UNPLUGGED = """
    const { jpeg } = shown;
    window.made = 0;
    window.save = () => { made++; return "name"; };
    window.watch = async onPicture => {
      let time = 1000, sequence = 0;
      const send = (count, seconds, live) => {
        while (count--) onPicture({ body: jpeg, timestamp: time += seconds, sequence: String(++sequence), live });
      };
      send(20, 0.05, true);
      send(5, 1, false);
      send(3, 0.05, true);
      actions.record();
      send(300, 0.05, true);
      actions.record();
      window.rate = Math.round(1 / median(periods));
      await new Promise(() => {});
    };
    running.abort.abort();
"""


def test_recording_after_a_camera_was_unplugged_is_one_file(person, serve):
    page = Page(person, serve("--size", "64x48").url)
    until_painted(page)
    page.run(UNPLUGGED)
    until(lambda: page.run("return window.rate"), "its pictures")
    assert page.run("return [rate, made]") == [20, 1], "what says that there is no camera has another rate"
    assert not page.faults()


def test_old_picture_says_so_in_picture_in_picture(person, serve, free_port):
    address = f"127.0.0.1:{free_port}"
    flags = "--fps", "10", "--size", "640x480"
    server = serve(*flags, bind=address)
    page = Page(person, server.url)
    until_painted(page)
    # As where there is one: without a window there may be none.
    page.run("pip = video; window.texts = []; const { fillText } = paper;"
             "paper.fillText = (text, ...place) => { texts.push(text); fillText.call(paper, text, ...place); }")
    brightest = lambda: page.run(  # noqa: E731
        "return paper.getImageData(0, 0, canvas.width, canvas.height).data.reduce((most, value, index) => index % 4 === 2 ? Math.max(most, value) : most, 0)")
    assert brightest() > 180 and not page.run("return texts")
    server.stop()
    page.until_status("reconnecting: ")
    assert page.run("return texts.at(-1)") == "reconnecting" and brightest() < 150
    serve(*flags, bind=address)
    page.until_status("live")
    until(lambda: brightest() > 180, "a picture as it is")
    page.tool("pause")
    page.until_status("paused")
    assert page.run("return texts.at(-1)") == "paused" and brightest() < 150
    # The page has other places for it.
    page.run("video.dispatchEvent(new Event('leavepictureinpicture'))")
    assert brightest() > 180
    assert not page.faults()


def test_other_windows_are_named_where_they_may_have_all_connections(person, serve):
    page = Page(person, serve("--fps", "10", "--allow-control").url)
    page.run("const fetchOf = fetch; window.fetch = (url, options) => /state$/.test(url) ? fetchOf(url, options) : Promise.reject(new TypeError('no way'));"
             "window.EventSource = class extends EventTarget { close() {} }; running.abort.abort()")
    page.until_status("reconnecting: the server did not answer")
    assert "close other windows of this server" in page.text("hint")
    page.tool("settings")
    until(lambda: re.match("No settings: the server did not answer.* close other windows of this server", page.text("failed")), "the same there")
    assert not page.faults()


def test_answer_that_another_change_has_overtaken_is_not_shown(person, serve):
    server = serve("--fps", "10", "--allow-control")
    page = settings_of(person, server.url)
    page.run("const fetchOf = fetch; window.fetch = async (url, options) => {"
             "const answer = await fetchOf(url, options);"
             "if (options?.method === 'POST') await new Promise(done => { window.arrive = done; });"
             "return answer; }")
    page.run("const box = document.getElementById('control-quality'); box.value = 33; box.dispatchEvent(new Event('change'))")
    until(lambda: quality(server) == 33 and page.run("return Boolean(window.arrive)"), "the change is made")
    change(server, quality=44, noise=7)
    until(lambda: page.value("#control-noise") == "7", "the page has heard of the next one")
    page.run("arrive()")
    until(lambda: page.run("return sent.size") == 0, "the answer")
    assert [page.value("#control-quality"), page.value("#control-noise")] == ["44", "7"]
    assert not page.faults()
