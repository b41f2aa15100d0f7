"""The server and the small modules."""

import http.client

import pytest
from maix import app, display, err, http as maix_http, image, time, touchscreen
from support import decoded


@pytest.fixture
def streamer(monkeypatch):
    monkeypatch.delenv("EYELET_BIND", raising=False)
    stream = maix_http.JpegStreamer("127.0.0.1", 0, 2)
    yield stream
    stream.stop()


def get(stream, path):
    connection = http.client.HTTPConnection("127.0.0.1", stream.port(), timeout=10)
    connection.request("GET", path)
    return connection.getresponse()


def test_streamer_has_maixpy_s_defaults():
    import inspect

    parameters = inspect.signature(maix_http.JpegStreamer).parameters
    assert {name: p.default for name, p in parameters.items()} == {"host": "", "port": 8000, "client_number": 16}


def test_streamer_shows_what_is_written(streamer):
    assert streamer.start() == err.Err.ERR_NONE and streamer.start() == err.Err.ERR_NONE
    for picture in (image.Image(64, 48), image.Image(64, 48).to_jpeg(), image.Image(64, 48, image.Format.FMT_BGR888)):
        assert streamer.write(picture) == err.Err.ERR_NONE
        assert decoded(get(streamer, "/snapshot").read()).shape == (48, 64, 3)
    assert streamer.host() == "127.0.0.1" and streamer.port() > 0


def test_streamer_limits_viewers(streamer):
    streamer.start()
    streamer.write(image.Image(64, 48))
    viewers = [get(streamer, "/stream") for _ in range(3)]
    assert [viewer.status for viewer in viewers] == [200, 200, 503]


def test_streamer_refuses_what_is_no_picture(streamer):
    broken = image.from_bytes(64, 48, image.Format.FMT_JPEG, b"\xff\xd8 cut off")
    assert streamer.write(broken) == err.Err.ERR_READ and "JPEG" in err.get_error()
    assert streamer.set_html("") == err.Err.ERR_RUNTIME


def test_port_that_is_taken_is_an_exception(streamer, monkeypatch):
    with pytest.raises(err.Exception, match="in use"):
        maix_http.JpegStreamer("127.0.0.1", streamer.port())


def test_address_is_one_that_a_browser_can_open(monkeypatch):
    monkeypatch.delenv("EYELET_BIND", raising=False)
    stream = maix_http.JpegStreamer(port=0)
    assert stream.host() not in ("", "0.0.0.0")
    stream.stop()


def test_exit_flag_is_what_was_set():
    assert not app.need_exit() and app.running()
    app.set_exit_flag(True)
    try:
        assert app.need_exit() and not app.running()
    finally:
        app.set_exit_flag(False)


def test_configuration_is_kept(monkeypatch, tmp_path):
    monkeypatch.setenv("EYELET_APP_DIR", str(tmp_path))
    app.get_app_config_kv("", "", from_cache=False)
    assert app.get_app_config_kv("user", "Name", "nobody") == "nobody"
    assert app.set_app_config_kv("user", "Name", "Ada") == err.Err.ERR_NONE
    assert app.get_app_config_kv("user", "Name", from_cache=False) == "Ada"
    app.set_app_config_kv("user", "age", "36", write_file=False)
    assert app.get_app_config_kv("user", "age") == "36"
    assert app.get_app_config_kv("user", "age", from_cache=False) == ""


def test_clocks_agree():
    assert abs(time.time() * 1000 - time.time_ms()) < 1000
    assert abs(time.ticks_us() - time.ticks_ms() * 1000) < 1_000_000
    before = time.ticks_ms()
    time.sleep_ms(30)
    time.sleep_us(100)
    assert time.ticks_ms() - before >= 30
    assert time.ticks_diff(1.0, 3.5) == 2.5 and time.time_diff(1, 3) == 2


def test_dates_are_read_and_written():
    moment = time.gmtime(1_700_000_000)
    assert moment.strftime("%Y-%m-%d %H:%M:%S") == "2023-11-14 22:13:20" and moment.timestamp() == 1_700_000_000
    assert (moment.yearday, moment.weekday, moment.zone, moment.zone_name) == (317, 2, 0, "UTC")
    assert abs(time.localtime().timestamp() - time.time()) < 5
    read = time.strptime("2023-11-14 22:13", "%Y-%m-%d %H:%M")
    assert (read.year, read.month, read.minute) == (2023, 11, 13)


def test_program_that_is_to_end_still_waits():
    app.set_exit_flag(True)
    try:
        before = time.ticks_ms()
        time.sleep_ms(120)
        assert time.ticks_ms() - before >= 120
    finally:
        app.set_exit_flag(False)


def test_rate_is_the_mean_of_the_last_rounds(monkeypatch):
    import time as real

    now = [100.0]
    monkeypatch.setattr(real, "monotonic", lambda: now[0])
    fps = time.FPS(2)
    rates = []
    for seconds in (0.5, 0.25, 0.25, 0.125):
        now[0] += seconds
        rates.append(fps.fps())
    assert [round(rate, 3) for rate in rates] == [2.0, 2.667, 4.0, 5.333]
    time.fps_set_buff_len(10)
    time.fps_start()
    now[0] += 0.5
    assert time.fps() == 2.0


def test_display_keeps_what_it_shows(monkeypatch, tmp_path):
    monkeypatch.setenv("EYELET_SHOW", str(tmp_path / "shown"))
    screen = display.Display()
    assert (screen.size(), screen.is_opened(), screen.shown) == ([552, 368], True, None)
    made = image.Image(32, 24).draw_rect(0, 0, 32, 24, image.COLOR_RED, -1)
    assert screen.show(made, fit=image.Fit.FIT_COVER) == err.Err.ERR_NONE
    made.clear()
    assert screen.shown.get_pixel(0, 0, True) == [255, 0, 0]
    assert [path.suffix for path in (tmp_path / "shown").iterdir()] == [".jpg"]
    screen.set_backlight(20)
    assert screen.get_backlight() == 20 and screen.close() == err.Err.ERR_NONE and screen.is_closed()


def test_displays_of_several_threads_keep_every_picture(monkeypatch, tmp_path):
    import threading

    monkeypatch.setenv("EYELET_SHOW", str(tmp_path))
    screens = [display.Display() for _ in range(3)]
    show = lambda screen: [screen.show(image.Image(8, 8)) for _ in range(10)]  # noqa: E731
    threads = [threading.Thread(target=show, args=(screen,)) for screen in screens]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(list(tmp_path.glob("*.jpg"))) == 30 and not list(tmp_path.glob("*.part"))


def test_touches_are_those_of_the_test():
    touch = touchscreen.TouchScreen()
    assert touch.read()[2] == 0 and not touch.available()
    for x in (1, 2, 3):
        touch.touch(x, 5)
    touch.touch(3, 5, False)
    assert touch.available()
    assert touch.read() == [1, 5, 1] and touch.read0() == [2, 5, 1] and touch.read() == [3, 5, 0]
    assert not touch.available(10)


@pytest.mark.parametrize("module, here", [("image", "load"), ("app", "need_exit"), ("http", "JpegStreamer"), ("time", "fps")])
def test_missing_names_list_what_is_there(module, here):
    import maix

    with pytest.raises(NotImplementedError, match=here):
        getattr(maix, module).something_else
    with pytest.raises(NotImplementedError, match="camera, display"):
        maix.nn


def test_package_is_typed():
    import pathlib

    import maix

    folder = pathlib.Path(maix.__file__).parent
    assert (folder / "py.typed").exists() and (folder / "_native.pyi").exists()
