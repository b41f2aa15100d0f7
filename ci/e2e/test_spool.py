"""Uploads that lose nothing: `--spool`, through kill -9 and servers that are not there."""

import json
import signal
from urllib.request import urlopen

import pytest

from deadline import until
from pictures import folder_of, jpeg
from test_upload import Server


def waiting(spool):
    return sorted(file.name for file in spool.glob("*.jpg"))


def test_pictures_spooled_before_kill_9_arrive_after_it(run, binaries, free_port, tmp_path):
    spool = tmp_path / "spool"
    url = f"http://127.0.0.1:{free_port}/upload"
    pictures = [jpeg(number) for number in range(4)]
    folder = folder_of(tmp_path / "pictures", pictures)
    camera = ["--camera", f"replay:{folder}", "--fps", "20"]
    for _ in range(2):
        before = len(waiting(spool))
        upload = run("upload", url, "--spool", spool, *camera)
        until(lambda: len(waiting(spool)) >= before + 5, "5 more pictures in the spool")
        upload.send(signal.SIGKILL)
        assert upload.wait() == -signal.SIGKILL
    kept = waiting(spool)
    server = Server(refusals=[500], address=("127.0.0.1", free_port))
    try:
        upload = run("upload", url, "--spool", spool, "--count", str(len(kept)), *camera)
        assert upload.wait(60) == 0, upload
        assert "in the spool" in upload.lines["stdout"][-1]
        names = [(headers["X-Run"], int(headers["X-Sequence"])) for _, headers, _ in server.requests]
        # As many different ones as were kept: none is missing. The camera of a busy machine leaves out numbers of its own.
        assert len(set(names)) == len(names) == len(kept) and len({run for run, _ in names}) == 2, names
        for run_id in dict.fromkeys(run for run, _ in names):
            sequences = [sequence for run, sequence in names if run == run_id]
            assert sequences == sorted(sequences), "in order"
        assert all(body in pictures for body in server.bodies), "byte for byte"
    finally:
        server.close()


def test_state_and_metrics_of_serve_describe_its_spool(serve, free_port, tmp_path):
    url = f"http://127.0.0.1:{free_port}/upload?key=secret"
    eyelet = serve("--upload", url, "--spool", tmp_path / "spool", "--spool-max", "64K", "--spool-full", "hold")

    def state():
        with urlopen(eyelet.url + "state", timeout=15) as answer:
            return json.load(answer)["upload"]["spool"]

    full = until(lambda: (now := state())["missed"] > 0 and now, "a full spool")
    assert full["pictures"] > 0 and full["bytes"] <= full["max_bytes"] == 65536 and full["dropped"] == 0
    assert full["oldest"] > 1_700_000_000
    assert not any("secret" in line for line in eyelet.lines["stderr"])


def test_picture_received_twice_is_stored_once(receive, run, tmp_path):
    upload = run("upload", receive.url, "--spool", tmp_path / "spool", "--upload-method", "form", "--count", "5")
    assert upload.wait(40) == 0, upload
    assert len(list(receive.folder.iterdir())) == 5


@pytest.mark.parametrize("flags, part", [
    (["--spool-max", "many"], "500M"),
    (["--spool-full", "explode"], "drop-oldest"),
    (["--upload-method", "patch"], "post, put or form"),
    (["--upload-header", "Host: secret"], "Host"),
    (["--upload-header", "secret"], "Name: value"),
    (["--spool", "/etc/passwd"], "name a folder"),
])
def test_wrong_upload_flags_are_refused_in_one_line(run, flags, part):
    upload = run("upload", "http://127.0.0.1:9/upload", *flags)
    assert upload.wait() == 2, upload
    [line] = upload.lines["stderr"]
    assert line.startswith("error: ") and part in line and "secret" not in line


def test_second_process_in_a_spool_is_refused(run, server_address, tmp_path):
    first = run("upload", server_address, "--spool", tmp_path)
    until(lambda: waiting(tmp_path), "a picture in the spool")
    second = run("upload", server_address, "--spool", tmp_path)
    assert second.wait() == 1, second
    assert second.lines["stderr"][-1] == (
        f"error: cannot spool in {tmp_path}: another process spools there; stop it, or name another folder (--spool)")
    assert first.running


@pytest.fixture
def server_address(free_port):
    """An address without a server."""
    return f"http://127.0.0.1:{free_port}/upload"
