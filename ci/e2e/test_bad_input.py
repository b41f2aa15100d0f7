"""Wrong usage and failures at startup: one line, the right exit code, nothing left behind."""

import re
import socket

import pytest

from pictures import folder_of, jpeg

USAGE, RUN_TIME = 2, 1


def assert_refused(program, code, *words):
    """It ended with `code` and one line `error: what; remedy` that has each of `words`."""
    assert program.wait(20) == code, program
    assert len(program.lines["stderr"]) == 1, program
    line = program.lines["stderr"][0]
    print(line)
    assert re.fullmatch(r"error: [^;]+; .+", line), f"not `error: what; remedy`: {line}"
    for word in words:
        assert str(word) in line, f"{word} is missing: {line}"
    assert program.lines["stdout"] == [], program


@pytest.mark.parametrize("command", ["serve", "receive"])
def test_port_in_use_is_refused_in_one_line(run, tmp_path, command):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        folder = [tmp_path / "kept"] if command == "receive" else []
        assert_refused(run(command, *folder, "--bind", address), RUN_TIME, address, "in use")


@pytest.mark.parametrize("arguments, word", [
    (["--size", "0x0"], "0x0"),
    (["--size", "99999x99999"], "99999x99999"),
    (["--size", "640"], "640"),
    (["--size", "640x"], "640x"),
    (["--quality", "0"], "0"),
    (["--quality", "101"], "101"),
    (["--quality", "high"], "high"),
    (["--fps", "0"], "0"),
    (["--fps", "-1"], "-1"),
    (["--fps", "NaN"], "NaN"),
    (["--format", "bayer"], "bayer"),
    (["--max-viewers", "-1"], "-1"),
    (["--bind", "somewhere"], "somewhere"),
    (["--no-such-flag"], "--no-such-flag"),
    (["--camera", "webcam"], "webcam"),
], ids=lambda value: " ".join(value) if isinstance(value, list) else "")
def test_invalid_flag_is_refused_in_one_line(run, arguments, word):
    assert_refused(run("serve", "--bind", "127.0.0.1:0", *arguments), USAGE, word)


@pytest.mark.parametrize("url", ["http://", "http:///upload", "/upload", "ftp://127.0.0.1/upload", ""])
def test_invalid_upload_url_is_refused_in_one_line(run, url):
    assert_refused(run("upload", url, "--count", "1"), USAGE)


def test_unknown_command_is_refused_in_one_line(run):
    assert_refused(run("sevre"), USAGE, "sevre")


def test_missing_html_is_refused_in_one_line(run, tmp_path):
    page = tmp_path / "missing.html"
    assert_refused(run("serve", "--bind", "127.0.0.1:0", "--html", page), RUN_TIME, page)


def test_html_that_is_a_folder_is_refused_in_one_line(run, tmp_path):
    assert_refused(run("serve", "--bind", "127.0.0.1:0", "--html", tmp_path), RUN_TIME, tmp_path)


@pytest.mark.parametrize("text, word", [
    ("qualty = 80\n", "qualty"),
    ("quality = 0\n", "quality"),
    ("quality = \n", "config.toml"),
], ids=["unknown key", "out of range", "no TOML"])
def test_invalid_config_is_refused_in_one_line(run, tmp_path, text, word):
    config = tmp_path / "config.toml"
    config.write_text(text)
    assert_refused(run("serve", "--bind", "127.0.0.1:0", "--config", config), USAGE, config, word)


def test_missing_config_is_refused_in_one_line(run, tmp_path):
    config = tmp_path / "missing.toml"
    assert_refused(run("serve", "--bind", "127.0.0.1:0", "--config", config), USAGE, config)


@pytest.fixture(params=["no folder", "no pictures", "a broken picture"])
def bad_replay(request, tmp_path):
    folder = tmp_path / "pictures"
    if request.param != "no folder":
        folder_of(folder, [jpeg(1), jpeg(2)[:1000]] if request.param == "a broken picture" else [])
    return folder


def test_serve_with_an_unusable_replay_is_refused_in_one_line(run, bad_replay):
    program = run("serve", "--bind", "127.0.0.1:0", "--camera", f"replay:{bad_replay}")
    assert_refused(program, RUN_TIME, bad_replay)


def test_snapshot_of_an_unusable_replay_is_refused_in_one_line(run, bad_replay, tmp_path):
    where = tmp_path / "out"
    where.mkdir()
    program = run("snapshot", where / "picture.jpg", "--camera", f"replay:{bad_replay}")
    assert_refused(program, RUN_TIME, bad_replay)
    assert list(where.iterdir()) == []


def test_snapshot_into_a_missing_folder_is_refused_in_one_line(run, tmp_path):
    file = tmp_path / "missing" / "picture.jpg"
    assert_refused(run("snapshot", file), RUN_TIME, file)
    assert not file.parent.exists()


def test_snapshot_with_an_unknown_extension_is_refused_in_one_line(run, tmp_path):
    file = tmp_path / "picture.bmp"
    assert_refused(run("snapshot", file), USAGE, file)
    assert not file.exists()


def test_receive_into_a_file_is_refused_in_one_line(run, tmp_path):
    file = tmp_path / "file"
    file.write_text("mine")
    assert_refused(run("receive", file, "--bind", "127.0.0.1:0"), USAGE, file)
    assert file.read_text() == "mine"


def test_watch_without_a_server_fails_in_one_line(run, free_port):
    assert_refused(run("watch", f"http://127.0.0.1:{free_port}/stream", "--frames", "1"), RUN_TIME)
