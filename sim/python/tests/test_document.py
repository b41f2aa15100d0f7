"""The two programs of MaixPy's page about JPEG streams do here what they do on a board.

They are written again here, with the same calls in the same order; the page's own text is not ours to keep.
"""

import signal

import pytest
from support import decoded, number

CLIENT = """
from maix import image
import requests

picture = image.Image(640, 480, image.Format.FMT_RGB)
picture.draw_rect(60, 60, 80, 80, image.Color.from_rgb(255, 0, 0))
file = picture.to_format(image.Format.{format})
answer = requests.post("http://192.168.0.123:8080/upload", data=file.to_bytes({copy}))
print(answer.status_code)
print(answer.text)
"""

SERVER = """
from maix import camera, time, app, http

cam = camera.Camera(320, 240)
stream = http.JpegStreamer()
stream.set_html("<h1>a page of its own</h1><img src='/stream'>")
stream.start()

print("http://{}:{}".format(stream.host(), stream.port()))
while not app.need_exit():
    t = time.ticks_ms()
    img = cam.read()
    jpg = img.to_jpeg()
    stream.write(jpg)
    print(f"time: {time.ticks_ms() - t}ms, fps: {1000 / (time.ticks_ms() - t)}")
print("over")
"""


@pytest.mark.parametrize("format, copy", [("FMT_JPEG", ""), ("FMT_PNG", ""), ("FMT_JPEG", "copy=False")])
def test_client_uploads_the_red_rectangle(eyelet_maix, script, format, copy):
    program = eyelet_maix.run(script(CLIENT.format(format=format, copy=copy)))
    program.uploads.answer((201, "thanks"))
    (upload,) = program.uploads.wait()
    assert program.wait() == 0, program.output
    assert program.output == "201\nthanks\n"
    assert (upload.method, upload.url) == ("POST", "http://192.168.0.123:8080/upload")
    pixels = decoded(upload.body).astype(int)
    assert pixels.shape == (480, 640, 3)
    red = (pixels[..., 0] > 128) & (pixels[..., 1] < 90)
    rows, columns = red.any(axis=1).nonzero()[0], red.any(axis=0).nonzero()[0]
    assert (rows[0], rows[-1], columns[0], columns[-1]) == (60, 139, 60, 139)
    assert not red[62:138, 62:138].any(), "one pixel thick"


def test_server_shows_numbered_pictures_that_move(eyelet_maix, script):
    program = eyelet_maix.run(script(SERVER))
    seen = []
    for jpeg in program.pictures():
        pixels = decoded(jpeg)
        assert pixels.shape == (240, 320, 3)
        # One comes again when there is no new one for a second.
        if number(pixels) not in seen[-1:]:
            seen.append(number(pixels))
        if len(seen) == 10:
            break
    assert seen == sorted(set(seen)), "each picture once, in order"
    assert program.output.startswith(program.stream() + "\n")
    assert "ms, fps: " in program.output


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_server_ends_its_loop_on_a_signal(eyelet_maix, script, number):
    program = eyelet_maix.run(script(SERVER))
    next(program.pictures())
    assert program.stop(number) == 0, program.output
    assert program.output.endswith("over\n")


def test_page_is_the_program_s_own(eyelet_maix, script):
    import requests

    program = eyelet_maix.run(script(SERVER))
    page = requests.get(program.stream(), timeout=10)
    assert (page.status_code, page.text) == (200, "<h1>a page of its own</h1><img src='/stream'>")
