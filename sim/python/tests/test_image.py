"""Pictures."""

import gc
import weakref

import numpy
import pytest
from maix import err, image
from support import decoded

F = image.Format
RAW = [F.FMT_RGB888, F.FMT_BGR888, F.FMT_RGBA8888, F.FMT_BGRA8888, F.FMT_GRAYSCALE, F.FMT_YVU420SP, F.FMT_YUV420SP]
PIXELS = RAW[:5]
RED = image.COLOR_RED


def picture(format=F.FMT_RGB888, width=32, height=24):
    """Four quarters: red, green, blue and white."""
    made = image.Image(width, height, F.FMT_RGB888)
    w, h = width // 2, height // 2
    for x, y, color in [(0, 0, RED), (w, 0, image.COLOR_GREEN), (0, h, image.COLOR_BLUE), (w, h, image.COLOR_WHITE)]:
        made.draw_rect(x, y, w, h, color, -1)
    return made if format == F.FMT_RGB888 else made.to_format(format)


def rgb(made):
    """R, G, B of a picture."""
    made = made if made.format() == F.FMT_RGB888 else made.to_format(F.FMT_RGB888)
    return numpy.frombuffer(made.to_bytes(), "uint8").reshape(made.height(), made.width(), 3).astype(int)


def ink(made):
    """Where a picture is not black."""
    return rgb(made).any(axis=2)


def test_formats_have_maixpy_s_numbers():
    assert [int(f) for f in RAW] == [0, 1, 2, 3, 12, 8, 9]
    assert (int(F.FMT_JPEG), int(F.FMT_PNG), int(F.FMT_INVALID)) == (31, 32, 255)
    assert F.FMT_RGB is F.FMT_RGB888
    assert str(F.FMT_JPEG) == "Format.FMT_JPEG"
    assert [image.fmt_names[0], image.fmt_size[8]] == ["RGB888", 1.5]


@pytest.mark.parametrize("format", RAW)
def test_new_picture_has_its_format_s_bytes(format):
    made = image.Image(33, 17, format)
    chroma = 2 * 17 * 9
    expected = {1: 33 * 17, 3: 33 * 17 * 3, 4: 33 * 17 * 4, 1.5: 33 * 17 + chroma}[image.fmt_size[format]]
    expected = 33 * 17 + 2 * 17 * 9 if image.fmt_size[format] == 1.5 else expected
    assert (made.width(), made.height(), made.format(), made.data_size()) == (33, 17, format, expected)
    assert made.to_bytes() == bytes(expected)
    assert list(made.size()) == [33, 17]


@pytest.mark.parametrize("format", RAW + [F.FMT_JPEG, F.FMT_PNG])
def test_every_format_converts_to_rgb_and_back(format):
    original = picture(F.FMT_BGR888, 64, 48)
    there = original.to_format(format) if format != F.FMT_BGR888 else original.to_format(F.FMT_RGB888)
    back = rgb(there)
    expected = rgb(original)
    if format == F.FMT_GRAYSCALE:
        expected = (expected @ [0.299, 0.587, 0.114])[..., None].repeat(3, axis=2)
    tolerance = {F.FMT_JPEG: 30, F.FMT_YVU420SP: 2, F.FMT_YUV420SP: 2}.get(format, 1)
    inside = numpy.zeros((48, 64), bool)
    inside[4:20, 4:28] = inside[28:44, 36:60] = True
    assert abs(back - expected)[inside].max() <= tolerance


def test_conversion_to_its_own_format_is_refused():
    with pytest.raises(err.Exception, match="already the format") as raised:
        picture().to_format(F.FMT_RGB888)
    assert raised.value.code() == err.Err.ERR_ARGS
    assert isinstance(raised.value, RuntimeError)


@pytest.mark.parametrize("format", RAW)
def test_jpeg_of_every_format_decodes_elsewhere(format):
    jpeg = picture(format, 64, 48).to_jpeg(95)
    assert (jpeg.format(), jpeg.width(), jpeg.height()) == (F.FMT_JPEG, 64, 48)
    pixels = decoded(jpeg.to_bytes()).astype(int)
    expected = [76, 76, 76] if format == F.FMT_GRAYSCALE else [255, 0, 0]
    assert abs(pixels[10, 10] - expected).max() < 12


def test_quality_is_fixed_to_what_the_board_has():
    original = picture()
    assert original.to_jpeg(1).to_bytes() == original.to_jpeg(51).to_bytes()
    assert original.to_jpeg().to_bytes() == original.to_jpeg(95).to_bytes()


@pytest.mark.parametrize("format", PIXELS)
def test_rectangle_is_one_pixel_thick_or_filled(format):
    made = image.Image(40, 30, format)
    assert made.draw_rect(5, 6, 10, 8, image.COLOR_WHITE) is made
    seen = ink(made) if format not in (F.FMT_RGBA8888, F.FMT_BGRA8888) else rgb(made).any(axis=2)
    expected = numpy.zeros((30, 40), bool)
    expected[6:14, 5:15] = True
    expected[7:13, 6:14] = False
    assert (seen == expected).all()
    assert ink(made.draw_rect(-5, -5, 10, 8, RED, -1)).sum() == expected.sum() + 15


def test_line_circle_and_ellipse_are_where_opencv_draws_them():
    import cv2

    ours = image.Image(120, 90)
    ours.draw_line(10, 10, 100, 60, RED).draw_line(20, 80, 100, 70, RED, 5)
    ours.draw_circle(60, 45, 20, RED).draw_circle(25, 50, 9, RED, -1)
    ours.draw_ellipse(90, 30, 20, 10, 30, 0, 360, RED, 2)
    theirs = numpy.zeros((90, 120, 3), "uint8")
    cv2.line(theirs, (10, 10), (100, 60), (255, 0, 0))
    cv2.line(theirs, (20, 80), (100, 70), (255, 0, 0), 5)
    cv2.circle(theirs, (60, 45), 20, (255, 0, 0))
    cv2.circle(theirs, (25, 50), 9, (255, 0, 0), -1)
    cv2.ellipse(theirs, (90, 30), (20, 10), 30, 0, 360, (255, 0, 0), 2)
    expected = theirs.any(axis=2)
    around = cv2.dilate(expected.astype("uint8"), numpy.ones((3, 3))).astype(bool)
    seen = ink(ours)
    assert not (seen & ~around).any(), "nothing is more than a pixel away"
    assert not (expected & ~cv2.dilate(seen.astype("uint8"), numpy.ones((3, 3))).astype(bool)).any(), "nothing is missing"
    assert abs(int(seen.sum()) - int(expected.sum())) < expected.sum() * 0.05


@pytest.mark.parametrize(
    "draw",
    [
        lambda made: made.draw_line(-(2**31), -(2**31), 2**31 - 1, 2**31 - 1, RED, 3),
        lambda made: made.draw_circle(10, 10, 2**31 - 1, RED, 1),
        lambda made: made.draw_circle(10, 10, 2**31 - 1, RED, -1),
        lambda made: made.draw_rect(-(2**31), -(2**31), 2**31 - 1, 2**31 - 1, RED, 2**31 - 1),
        lambda made: made.draw_ellipse(5, 5, 2**31 - 1, 3, 45, 0, 1e9, RED, -1),
        lambda made: made.draw_string(-5, -5, "long" * 10_000, RED, 1000.0),
        lambda made: made.draw_edges([[0, 0], [2**31 - 1, 5], [9, 2**31 - 1]], RED, fill=True),
    ],
)
def test_absurd_shapes_are_clipped(draw):
    made = image.Image(20, 20)
    assert draw(made) is made


def test_text_is_as_large_as_string_size_says():
    for scale in (0.5, 1, 1.5, 3):
        size = image.string_size("Hg|", scale)
        made = image.Image(300, 100).draw_string(20, 30, "Hg|", image.COLOR_WHITE, scale)
        rows, columns = ink(made).any(axis=1).nonzero()[0], ink(made).any(axis=0).nonzero()[0]
        assert 20 <= columns[0] and columns[-1] < 20 + size.width()
        assert 30 <= rows[0] and rows[-1] < 30 + size.height()
        assert rows[-1] - rows[0] > size.height() / 2
    assert list(image.string_size("ab\nc")) == [18, 34]


def test_long_text_is_wrapped_at_the_edge():
    wrapped = ink(image.Image(100, 100).draw_string(10, 0, "x" * 20))
    assert wrapped[19:34].any() and not wrapped[:, :10].any()
    assert not ink(image.Image(100, 100).draw_string(10, 0, "x" * 20, wrap=False))[19:].any()


def test_cross_arrow_keypoints_and_edges_draw():
    made = image.Image(50, 50)
    assert ink(made.draw_cross(10, 10, RED, 4)).sum() == 17
    made.clear().draw_keypoints([10, 10, 40, 40], RED, 2, -1, 1)
    assert ink(made)[25, 25] and ink(made)[10, 12]
    assert ink(made.clear().draw_edges([[5, 5], [45, 5], [45, 45], [5, 45]], RED)).sum() == 160
    assert ink(made.clear().draw_arrow(5, 25, 45, 25, RED)).sum() > 45


def test_transparent_picture_is_mixed():
    base = image.Image(10, 10).draw_rect(0, 0, 10, 10, image.Color.from_rgb(0, 0, 200), -1)
    glass = image.Image(4, 4, F.FMT_RGBA8888).draw_rect(0, 0, 4, 4, image.Color.from_rgba(200, 0, 0, 0.5), -1)
    pixels = rgb(base.draw_image(8, 8, glass))
    assert abs(pixels[9, 9] - [100, 0, 100]).max() <= 1 and list(pixels[7, 7]) == [0, 0, 200]


def test_pixels_are_read_and_set():
    made = picture()
    assert made.get_pixel(0, 0) == [0xFF0000] and made.get_pixel(0, 0, True) == [255, 0, 0]
    assert made.get_pixel(99, 0) == [] and made.to_jpeg().get_pixel(0, 0) == []
    assert made.set_pixel(1, 2, [1, 2, 3]) == err.Err.ERR_NONE and made.get_pixel(1, 2, True) == [1, 2, 3]
    assert made.set_pixel(1, 2, [0x0A0B0C]) == err.Err.ERR_NONE and made.get_pixel(1, 2, True) == [10, 11, 12]
    assert made.set_pixel(1, 2, [1, 2]) == err.Err.ERR_RUNTIME
    clear = image.Image(4, 4, F.FMT_RGBA8888, bg=image.COLOR_RED)
    assert clear.get_pixel(0, 0) == [0xFF0000FF]
    assert clear.set_pixel(0, 0, [0x7F000102]) == err.Err.ERR_NONE and clear.get_pixel(0, 0, True) == [2, 1, 0, 127]


@pytest.mark.parametrize("method", ["NEAREST", "BILINEAR", "BICUBIC", "AREA", "LANCZOS"])
def test_resize_is_opencv_s(method):
    import cv2

    noise = numpy.random.default_rng(1).integers(0, 256, (60, 80, 3), "uint8")
    for w, h in ((40, 30), (133, 97), (80, 60)):
        ours = rgb(image.cv2image(noise, bgr=False).resize(w, h, method=image.ResizeMethod[method]))
        name = {"BILINEAR": "LINEAR", "BICUBIC": "CUBIC", "LANCZOS": "LANCZOS4"}.get(method, method)
        if method == "AREA" and w > 80:
            continue  # OpenCV takes another method to enlarge
        theirs = cv2.resize(noise, (w, h), interpolation=getattr(cv2, f"INTER_{name}")).astype(int)
        assert abs(ours - theirs).max() <= (3 if method == "LANCZOS" else 1), (w, h)


def test_resize_keeps_the_shape_and_fits():
    made = picture(width=40, height=20)
    assert list(made.resize(20, -1).size()) == [20, 10] and list(made.resize(-1, 40).size()) == [80, 40]
    contained = ink(made.resize(40, 40, image.Fit.FIT_CONTAIN))
    assert not contained[:10].any() and contained[10:30].all() and not contained[30:].any()
    covered = made.resize(20, 20, image.Fit.FIT_COVER)
    assert list(covered.size()) == [20, 20] and ink(covered).all()
    assert made.resize_map_pos(40, 40, image.Fit.FIT_CONTAIN, 0, 0, 40, 20) == [0, 10, 40, 20]
    assert image.resize_map_pos_reverse(40, 20, 40, 40, image.Fit.FIT_CONTAIN, 0, 10) == [0, 0]


def test_crop_rotate_and_flip_move_the_quarters():
    made = picture()
    corners = lambda other: [tuple(rgb(other)[y, x]) for y, x in ((0, 0), (0, -1), (-1, 0), (-1, -1))]  # noqa: E731
    r, g, b, w = corners(made)
    assert corners(made.flip(image.FlipDir.X)) == [b, w, r, g]
    assert corners(made.flip(image.FlipDir.Y)) == [g, r, w, b]
    assert corners(made.flip(image.FlipDir.XY)) == [w, b, g, r]
    assert corners(made.rotate(90)) == [g, w, r, b] and list(made.rotate(90).size()) == [24, 32]
    assert corners(made.rotate(180)) == [w, b, g, r]
    assert corners(made.rotate(270)) == [b, r, w, g]
    assert corners(made.crop(16, 12, 16, 12)) == [w, w, w, w]
    assert list(made.rotate(45).size()) == [32, 24] and corners(made.rotate(45))[0] == (0, 0, 0)
    with pytest.raises(err.Exception, match="not inside"):
        made.crop(20, 0, 20, 5)


def test_rotation_is_anticlockwise_by_any_angle():
    made = image.Image(101, 101).draw_rect(80, 48, 10, 5, image.COLOR_WHITE, -1)
    y, x = (axis.mean() for axis in ink(made.rotate(30)).nonzero())
    assert abs(x - 80) < 1.5 and abs(y - 33) < 1.5


def test_file_is_saved_and_loaded(tmp_path):
    made = picture()
    for name in ("a.png", "a.jpg"):
        path = str(tmp_path / name)
        assert made.save(path) == err.Err.ERR_NONE
        assert abs(rgb(image.load(path)) - rgb(made))[2:10, 2:14].max() < 12
        assert image.load(path, F.FMT_GRAYSCALE).format() == F.FMT_GRAYSCALE
    assert made.save(str(tmp_path / "a.gif")) == err.Err.ERR_ARGS
    assert made.save(str(tmp_path / "missing" / "a.png")) == err.Err.ERR_IO


def test_load_without_a_picture_is_none(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"no picture")
    assert image.load(str(tmp_path / "a.jpg")) is None and image.load(str(tmp_path / "b.jpg")) is None


def test_png_keeps_transparency(tmp_path):
    made = image.Image(3, 2, F.FMT_RGBA8888).draw_rect(0, 0, 3, 2, image.Color.from_rgba(9, 8, 7, 0.2), -1)
    assert made.save(str(tmp_path / "a.png")) == err.Err.ERR_NONE
    assert image.load(str(tmp_path / "a.png"), F.FMT_RGBA8888).to_bytes() == made.to_bytes() == bytes([9, 8, 7, 51] * 6)


def test_bytes_without_a_copy_outlive_the_picture():
    made = picture()
    expected, view = made.to_bytes(), made.to_bytes(copy=False)
    assert isinstance(view, memoryview) and not view.readonly
    gone = weakref.ref(made._picture) if hasattr(made._picture, "__weakref__") else None
    del made
    gc.collect()
    image.Image(640, 480)  # something that would take the memory
    assert bytes(view) == expected and (gone is None or gone() is None)


def test_bytes_without_a_copy_are_the_picture_s():
    made = picture()
    view = made.to_bytes(copy=False)
    view[0:3] = b"\x01\x02\x03"
    assert made.get_pixel(0, 0, True) == [1, 2, 3]
    made.draw_rect(0, 0, 1, 1, image.COLOR_WHITE, -1)
    assert bytes(view[:3]) == b"\xff\xff\xff"
    assert made.to_bytes(copy=False) == view


def test_file_without_a_copy_is_read_only():
    jpeg = picture().to_jpeg()
    view = jpeg.to_bytes(copy=False)
    assert view.readonly and bytes(view) == jpeg.to_bytes()


def test_view_that_is_released_leaves_the_picture_and_other_views():
    for made in (picture(), picture().to_jpeg(), image.from_bytes(1, 1, F.FMT_RGB888, bytearray(3), copy=False)):
        first, size = made.to_bytes(copy=False), made.data_size()
        with made.to_bytes(copy=False) as view:
            assert view[:2] == first[:2]
        first.release()
        assert len(made.to_bytes()) == len(made.to_bytes(copy=False)) == size


def test_resizing_the_memory_under_a_picture_is_refused():
    made = picture()
    with pytest.raises(BufferError):
        made.to_bytes(copy=False).obj.clear()


def test_from_bytes_copies_or_shares():
    data = bytearray(4 * 2 * 3)
    copied = image.from_bytes(4, 2, F.FMT_RGB888, data)
    shared = image.from_bytes(4, 2, F.FMT_RGB888, data, copy=False)
    data[0] = 9
    assert copied.get_pixel(0, 0, True)[0] == 0 and shared.get_pixel(0, 0, True)[0] == 9
    with pytest.raises(err.Exception, match="24"):
        image.from_bytes(4, 2, F.FMT_RGB888, bytes(23))


def test_drawing_on_shared_bytes_that_cannot_change_makes_a_copy():
    data = bytes(4 * 2 * 3)
    made = image.from_bytes(4, 2, F.FMT_RGB888, data, copy=False).draw_rect(0, 0, 4, 2, RED, -1)
    assert made.get_pixel(0, 0, True) == [255, 0, 0] and data == bytes(24)


def test_numpy_has_opencv_s_shape_and_order():
    made = picture()
    array = image.image2cv(made)
    assert (array.shape, array.dtype, list(array[0, 0])) == ((24, 32, 3), "uint8", [0, 0, 255])
    assert list(image.image2cv(made, ensure_bgr=False)[0, 0]) == [255, 0, 0]
    gray, rgba, yuv = (made.to_format(to) for to in (F.FMT_GRAYSCALE, F.FMT_RGBA8888, F.FMT_YVU420SP))
    assert [image.image2cv(other).shape[2] for other in (gray, rgba, yuv)] == [3, 4, 3]
    assert [image.image2cv(other, False, False).shape for other in (gray, rgba, yuv)] == [(24, 32, 1), (24, 32, 4), (24, 32, 1)]
    assert image.image2cv(yuv, False)[0, 0] == image.image2cv(gray, False)[0, 0], "the luma"
    array[:] = 0
    assert made.get_pixel(0, 0, True) == [255, 0, 0]


def test_numpy_without_a_copy_shares_the_pixels():
    made = picture()
    array = image.image2cv(made, ensure_bgr=True, copy=False)
    assert list(array[0, 0]) == [255, 0, 0]
    array[0, 0] = [1, 2, 3]
    assert made.get_pixel(0, 0, True) == [1, 2, 3]
    back = image.cv2image(array, bgr=False, copy=False)
    array[0, 0] = [4, 5, 6]
    assert back.get_pixel(0, 0, True) == [4, 5, 6] and back.format() == F.FMT_RGB888


def test_numpy_array_becomes_a_picture():
    array = numpy.zeros((6, 8, 3), "uint8")
    array[..., 0] = 255
    assert image.cv2image(array).format() == F.FMT_BGR888
    assert list(rgb(image.cv2image(array))[0, 0]) == [0, 0, 255]
    assert image.cv2image(array[..., 0]).format() == F.FMT_GRAYSCALE
    assert image.cv2image(array[:, ::2], copy=False).width() == 4
    with pytest.raises(err.Exception):
        image.cv2image(array.astype(float))


@pytest.mark.parametrize("size", [(0, 5), (5, -1), (70_000, 5), (5, 2**40)])
def test_impossible_sizes_are_refused(size):
    with pytest.raises(err.Exception, match="65535"):
        image.Image(*size)


@pytest.mark.parametrize(
    "use",
    [
        lambda: picture().draw_rect(0, 0, 1, 1, (255, 0, 0)),
        lambda: picture().draw_string(0, 0, "a", "red"),
        lambda: picture().draw_image(0, 0, None),
        lambda: image.image2cv(numpy.zeros((2, 2), "uint8")),
        lambda: image.cv2image([[1, 2]]),
        lambda: image.Image("1", 2),
        lambda: image.Color.from_rgb(1.5, 2, 3),
    ],
)
def test_arguments_of_another_type_are_a_type_error(use):
    with pytest.raises(TypeError):
        use()


def test_formats_that_are_not_here_are_refused_with_those_that_are():
    with pytest.raises(err.Exception, match="RGB888, BGR888, RGBA8888"):
        image.Image(4, 4, F.FMT_RGB565)


def test_missing_names_list_what_is_there():
    with pytest.raises(NotImplementedError, match="draw_rect.*to_jpeg"):
        picture().find_blobs([[0, 1]])
    with pytest.raises(NotImplementedError, match="cv2image"):
        image.load_font("sans", "/a.ttf")
    assert not hasattr(picture(), "__array_interface__") and not hasattr(picture(), "find_blobs")


def test_colours_are_maixpy_s():
    assert (image.COLOR_PURPLE.r, image.COLOR_PURPLE.g, image.COLOR_PURPLE.b) == (143, 0, 255)
    assert image.Color.from_bgr(1, 2, 3).r == 3 and image.Color.from_rgb(1, 2, 3).hex() == 0x030201
    gray = image.Color.from_rgb(10, 20, 60).to_format2(F.FMT_GRAYSCALE)
    assert (gray.gray, gray.format) == (30, F.FMT_GRAYSCALE)
    with pytest.raises(TypeError):
        image.Color.from_rgb(256, 0, 0)
    with pytest.raises(err.Exception):
        image.Color.from_rgba(0, 0, 0, 2)
