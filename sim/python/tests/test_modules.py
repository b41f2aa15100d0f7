"""The server and the small modules."""

import http.client
import time as real
from pathlib import Path

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
    for other in (None, b"\xff\xd8"):
        with pytest.raises(TypeError, match="maix.image.Image"):
            streamer.write(other)


@pytest.mark.parametrize("arguments", [("127.0.0.1", -1), ("127.0.0.1", 65536), ("127.0.0.1", 0, -1)])
def test_impossible_ports_and_numbers_of_clients_are_refused(monkeypatch, arguments):
    monkeypatch.delenv("EYELET_BIND", raising=False)
    with pytest.raises(err.Exception, match="not -1|not 65536"):
        maix_http.JpegStreamer(*arguments)


def test_address_of_the_environment_that_is_none_is_refused(monkeypatch):
    monkeypatch.setenv("EYELET_BIND", "somewhere")
    with pytest.raises(ValueError, match="EYELET_BIND"):
        maix_http.JpegStreamer()


def test_server_that_is_restarted_keeps_no_threads_and_descriptors(streamer):
    def kept():
        return [len(list(Path("/proc/self", folder).iterdir())) for folder in ("fd", "task")]

    picture = image.Image(64, 48).to_jpeg()
    for round in range(110):
        assert streamer.start() == streamer.write(picture) == streamer.stop() == err.Err.ERR_NONE
        if round == 9:
            before = kept()
    # A thread that was waited for is listed a moment longer.
    end = real.monotonic() + 20
    while any(now > then for now, then in zip(kept(), before)):
        assert real.monotonic() < end, (kept(), before)
        real.sleep(0.02)


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


@pytest.mark.parametrize(
    "triple",
    [("a]\nb", "c", "v"), ("a", "b\nc", "v"), ("a", "b = c", "v"), ("a", "[b]", "v"), ("a", "#b", "v"), ("a", "", "v"), ("a", "b", "v\n#w")],
)
def test_configuration_refuses_what_it_could_not_give_back(monkeypatch, tmp_path, triple):
    monkeypatch.setenv("EYELET_APP_DIR", str(tmp_path))
    app.get_app_config_kv("", "", from_cache=False)
    assert app.set_app_config_kv("a", "b", "[one] = %(two) # three\nfour") == err.Err.ERR_NONE
    assert app.set_app_config_kv(*triple) == err.Err.ERR_ARGS
    assert app.get_app_config_kv("a", "b", from_cache=False) == "[one] = %(two) # three\nfour"


@pytest.mark.parametrize("text", [b"no section\n[[", b"\xff\xfe\x00", b"[a]\nx=1\n[a]\n"])
def test_configuration_that_cannot_be_read_is_left_as_it_is(monkeypatch, tmp_path, text):
    monkeypatch.setenv("EYELET_APP_DIR", str(tmp_path))
    (tmp_path / "app.ini").write_bytes(text)
    monkeypatch.setattr(app, "_config", None)
    assert app.get_app_config_kv("a", "b", "default", from_cache=False) == "default"
    assert app.set_app_config_kv("a", "b", "value") == err.Err.ERR_READ
    assert (tmp_path / "app.ini").read_bytes() == text


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


@pytest.mark.parametrize(
    "statement",
    ["import maix.nn", "from maix import nn", "from maix import image, uart", "from maix.peripheral import i2c", "import maix.v1.lcd"],
)
def test_module_that_is_missing_lists_what_is_there(statement):
    with pytest.raises(NotImplementedError, match="app, camera, display"):
        exec(statement)
    with pytest.raises(ImportError):
        exec(statement)


def test_name_of_a_module_that_is_missing_is_an_import_error():
    with pytest.raises(ImportError, match="cv2image"):
        from maix.image import QRCode  # noqa: F401
    with pytest.raises(ModuleNotFoundError):
        import maix.image.nothing  # noqa: F401


@pytest.mark.parametrize(
    "thing",
    [image.Image(1, 1), image.Color(1), image.Size(), time.FPS(), time.DateTime(), display.Display(), touchscreen.TouchScreen()],
)
def test_member_that_is_missing_lists_what_is_there(thing):
    with pytest.raises(NotImplementedError, match="it has .+, .+"):
        thing.something_else
    assert getattr(thing, "something_else", None) is None


def test_package_is_typed():
    import pathlib

    import maix

    folder = pathlib.Path(maix.__file__).parent
    assert (folder / "py.typed").exists() and (folder / "_native.pyi").exists()
