"""Cameras: simulated, recorded, and ones that fail."""

import eyelet_sim
import numpy
import pytest
from maix import camera, err, image
from support import number

F = image.Format


def pixels(picture):
    picture = picture if picture.format() == F.FMT_RGB888 else picture.to_format(F.FMT_RGB888)
    return numpy.frombuffer(picture.to_bytes(), "uint8").reshape(picture.height(), picture.width(), 3)


def test_camera_has_maixpy_s_defaults():
    cam = camera.Camera()
    assert (cam.width(), cam.height(), cam.format(), cam.buff_num()) == (640, 480, F.FMT_RGB888, 3)
    assert cam.is_opened() and not cam.is_closed()
    frame = cam.read()
    assert (frame.width(), frame.height(), frame.format()) == (640, 480, F.FMT_RGB888)
    assert [camera.Camera(*size, open=False).fps() for size in [(1280, 720), (1920, 1080)]] == [60, 30]
    eyelet_sim.configure(fps=5)
    assert [camera.Camera(fps=fps, open=False).fps() for fps in (-1, 12)] == [5, 12]
    assert camera.get_device_name() == cam.device() == "sim"


@pytest.mark.parametrize("format", ["RGB888", "BGR888", "RGBA8888", "BGRA8888", "GRAYSCALE", "YVU420SP", "YUV420SP"])
def test_frames_of_every_format_carry_their_numbers(format):
    cam = camera.Camera(320, 240, F[f"FMT_{format}"], fps=120)
    frames = [cam.read() for _ in range(3)]
    assert all(frame.format() == F[f"FMT_{format}"] for frame in frames)
    numbers = [number(pixels(frame)) for frame in frames]
    assert numbers == sorted(set(numbers)) and numbers[0] < 1000


def test_other_formats_are_refused():
    with pytest.raises(err.Exception, match="Format not support"):
        camera.Camera(320, 240, F.FMT_RGB565)


def test_resolution_changes_and_camera_closes():
    cam = camera.Camera(320, 240)
    assert cam.set_resolution(160, 120) == err.Err.ERR_NONE
    assert list(cam.read().size()) == [160, 120] and (cam.width(), cam.height()) == (160, 120)
    cam.close()
    assert cam.is_closed()
    assert list(cam.read().size()) == [160, 120], "reading opens it again"
    assert cam.open(99_999, 10) == err.Err.ERR_ARGS


def test_mirror_and_flip_move_the_number():
    eyelet_sim.configure(scene="bars")
    cam = camera.Camera(320, 240)
    upright = pixels(cam.read())[100:]
    assert cam.hmirror() == 0 and cam.hmirror(1) == 1 and cam.vflip(1) == 1
    turned = pixels(cam.read())[::-1, ::-1][100:]
    assert (upright == turned).all()


def test_frame_takes_a_millisecond_at_least(python):
    text = """
from maix import camera, time
cam = camera.Camera(32, 24, fps=1000)
for _ in range(200):
    t = time.ticks_ms()
    cam.read()
    assert time.ticks_ms() > t, "programs divide by this"
"""
    assert python(text) == ""


def test_skipped_frames_are_gone():
    cam = camera.Camera(320, 240, fps=200)
    cam.skip_frames(5)
    assert number(pixels(cam.read())) >= 5


def test_scene_is_chosen_by_configuration():
    seen = {}
    for scene in eyelet_sim.SCENES:
        eyelet_sim.configure(scene=scene)
        seen[scene] = camera.Camera(160, 120).read().to_bytes()
    assert len(set(seen.values())) == len(eyelet_sim.SCENES) > 6


def test_scene_is_chosen_by_the_environment(python):
    text = "from maix import camera\nimport hashlib\nprint(hashlib.md5(camera.Camera(160, 120).read().to_bytes()).hexdigest())"
    assert python(text, scene="bars") == python(text, scene="bars") != python(text, scene="box")


def test_unknown_settings_are_refused_with_the_known():
    with pytest.raises(TypeError, match="unplug_after"):
        eyelet_sim.configure(weather="rain")
    for settings, message in [
        ({"scene": "beach"}, "card"),
        ({"drop_chance": 2}, "0 .never. to 1"),
        ({"unplug_after": 0}, "1 or more"),
        ({"stall_for": -1}, "seconds"),
    ]:
        with pytest.raises(err.Exception, match=message):
            eyelet_sim.configure(**settings)
    for name, values in {"seed": ["many", -1, 1.5, 2**64], "fps": ["fast"], "display": ["wide", "0x5", "5x"]}.items():
        for value in values:
            with pytest.raises(ValueError, match=f"EYELET_{name.upper()}"):
                eyelet_sim.configure(**{name: value})
    eyelet_sim.configure(scene=None, seed=None, camera=None)
    assert camera.Camera(160, 120).read()
    eyelet_sim.configure(camera="webcam")
    with pytest.raises(err.Exception, match="replay:DIR"):
        camera.Camera()


@pytest.mark.parametrize("size", [(0, 5), (-2, 5), (5, 2**40)])
def test_impossible_sizes_are_refused_and_the_camera_keeps_its_own(size):
    with pytest.raises(err.Exception, match="65535"):
        camera.Camera(*size)
    cam = camera.Camera(160, 120)
    assert cam.set_resolution(*size) == err.Err.ERR_ARGS
    assert list(cam.read().size()) == [160, 120]


def test_recorded_pictures_are_replayed(tmp_path):
    for index, color in enumerate([image.COLOR_RED, image.COLOR_GREEN]):
        image.Image(64, 48).draw_rect(0, 0, 64, 48, color, -1).save(str(tmp_path / f"{index}.jpg"))
    eyelet_sim.configure(camera=f"replay:{tmp_path}", fps=100)
    cam = camera.Camera(320, 240)
    seen = [tuple(pixels(cam.read())[100, 100] // 200) for _ in range(6)]
    assert set(seen) == {(1, 0, 0), (0, 1, 0)}


def test_camera_is_unplugged_and_comes_back():
    eyelet_sim.configure(unplug_after=3, unplug_for=2)
    cam = camera.Camera(160, 120, fps=100)
    with pytest.raises(err.Exception, match="unplugged") as raised:
        for _ in range(10):
            cam.read()
    assert raised.value.code() == err.Err.ERR_READ and not cam.is_opened()
    with pytest.raises(err.Exception, match="unplugged"):
        camera.Camera(160, 120)
    for _ in range(1000):
        if cam.open() == err.Err.ERR_NONE:
            break
        import time

        time.sleep(0.01)
    assert cam.read() is not None


def test_faults_of_a_seed_befall_the_same_frames():
    def damaged(seed):
        """Whether each frame is, by its number."""
        eyelet_sim.configure(scene="bars", seed=seed, corrupt_chance=0.4)
        cam = camera.Camera(160, 120, fps=100)
        frames = [pixels(cam.read()) for _ in range(40)]
        bodies = [frame[24:].tobytes() for frame in frames]
        clean = max(bodies, key=bodies.count)
        return {number(frame): body != clean for frame, body in zip(frames, bodies)}

    one, same, other = damaged(1), damaged(1), damaged(2)
    both = [n for n in one.keys() & same.keys() if n < 1000]  # a number may be damaged itself
    assert len(both) > 10 and sum(one[n] == same[n] for n in both) >= len(both) - 2
    different = one.keys() & other.keys()
    assert any(one[n] != other[n] for n in different)


def test_frame_that_does_not_come_is_none_or_an_error():
    cam = camera.Camera(160, 120, fps=1)
    cam.read()
    assert cam.read(block=False) is None
    with pytest.raises(err.Exception, match="no frame in 30 ms") as raised:
        cam.read(block_ms=30)
    assert raised.value.code() == err.Err.ERR_TIMEOUT


def test_second_channel_has_its_own_size():
    cam = camera.Camera(320, 240)
    assert list(cam.add_channel(160, 120).read().size()) == [160, 120] and list(cam.read().size()) == [320, 240]
