"""What a person's terminal does to a server that was started in it."""

import contextlib
import json
import os
import pty
import re
import signal

import requests

from deadline import until
from terminal import Terminal


def test_background_program_on_a_tostop_terminal_keeps_serving(binaries):
    """After `stty tostop` a job in the background is stopped as soon as it writes: a status line a second."""
    program = str(binaries / "eyelet-sim")
    script = 'set -m; stty tostop; "$0" serve --bind 127.0.0.1:0 --size 64x48 --log info & wait'
    shell, terminal = pty.fork()
    if shell == 0:
        os.execvp("bash", ["bash", "-c", script, program])
    pid = None
    try:
        def child():
            for pid in open(f"/proc/{shell}/task/{shell}/children").read().split():
                # A child of the shell that is to become `stty` has the shell's arguments, where the program stands too.
                with contextlib.suppress(OSError):
                    if open(f"/proc/{pid}/cmdline").read().startswith(f"{program}\0"):
                        return pid
            return None

        pid = until(child, "the program runs")

        def port():
            # It is printed nowhere: to print would stop the program.
            sockets = []
            for fd in os.listdir(f"/proc/{pid}/fd"):
                with contextlib.suppress(OSError):  # closed since
                    sockets.append(os.readlink(f"/proc/{pid}/fd/{fd}"))
            for line in open("/proc/net/tcp").readlines()[1:]:
                fields = line.split()
                if fields[3] == "0A" and f"socket:[{fields[9]}]" in sockets:
                    return int(fields[1].split(":")[1], 16)
            return None

        url = f"http://127.0.0.1:{until(port, 'it listens')}"
        sent = lambda: requests.get(f"{url}/state", timeout=10).json()["frames"]["captured"]
        begin = sent()
        until(lambda: sent() > begin + 90, "three seconds of frames")
        assert requests.get(f"{url}/snapshot", timeout=10).status_code == 200
        state = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[0]
        assert state != "T", "it was stopped"
    finally:
        # Before its shell, whose end is a hang-up that may end it as well.
        if pid:
            os.kill(int(pid), signal.SIGKILL)
        os.kill(shell, signal.SIGKILL)
        os.close(terminal)
        os.waitpid(shell, 0)


def frames(text):
    """The whole tables in a terminal's text, as lines."""
    return [[line.split("\x1b[K")[0] for line in frame.split("\r\n")] for frame in text.split("\x1b[H")[1:-1]]


def test_top_follows_the_terminals_size_and_obeys_its_keys(binaries, serve):
    """Ctrl-S stops the terminal and nothing else: Ctrl-C still ends the program, and leaves the terminal as it was."""
    url = serve("--size", "64x48").url
    for keys in [b"q", b"\x03", b"\x13\x03", b"\x13q"]:
        terminal = Terminal(binaries / "eyelet-sim", "top", url)
        try:
            terminal.expect(lambda text: any("nv12 64x48" in line for frame in frames(text) for line in frame))
            terminal.resize(30, 2)
            terminal.expect(lambda text: any(len(frame) == 2 and "nv12" not in frame[1] for frame in frames(text)))
            terminal.press(keys)
            assert terminal.end() == 0
        finally:
            terminal.close()


def test_progress_is_on_the_terminal_and_the_result_alone_on_stdout(binaries, serve, tmp_path):
    url, result = serve("--size", "64x48").url, tmp_path / "result"
    script = '"$0" watch "$1/stream" --seconds 3 --json >"$2"; echo "ended $?"'
    terminal = Terminal("bash", "-c", script, binaries / "eyelet-sim", url.rstrip("/"), result)
    try:
        terminal.expect(lambda text: all(part in text for part in ("#", "s left", " frames", "ended 0")))
        assert json.loads(result.read_text())["ended"] == "time"
    finally:
        terminal.close()


def test_top_leaves_the_last_column_free(binaries, serve):
    """With a character there, erasing the rest of the line would erase that as well."""
    terminal = Terminal(binaries / "eyelet-sim", "top", serve("--size", "64x48").url, size=(30, 24))
    try:
        widths = lambda text: [len(re.sub(r"\x1b\[\d*m", "", line)) for frame in frames(text) for line in frame]
        terminal.expect(lambda text: max(widths(text), default=0) == 29)
        terminal.press(b"q")
        assert terminal.end() == 0
    finally:
        terminal.close()


def test_program_in_the_background_leaves_the_prompt_alone(binaries):
    """There the line that it would replace is what somebody types."""
    script = 'set -m; "$0" serve --bind 127.0.0.1:0 --size 64x48 & read; fg'
    terminal = Terminal("bash", "-c", script, binaries / "eyelet-sim")
    try:
        url = until(lambda: re.search(r"streaming on (http://\S+/)", terminal.text), "it serves")[1]
        captured = lambda: requests.get(f"{url}state", timeout=10).json()["frames"]["captured"]
        until(lambda: captured() > 60, "two seconds of frames")
        assert " fps" not in terminal.text
        terminal.press(b"\n")
        terminal.expect(lambda text: " fps" in text)
        terminal.press(b"\x03")
    finally:
        terminal.close()


def test_upload_started_with_nohup_outlives_its_terminal(binaries, run, receive):
    upload = run(binaries / "eyelet-sim", "upload", receive.url, "--size", "64x48", program="/usr/bin/nohup")
    received = lambda: len(list(receive.folder.iterdir()))
    until(received, "a picture")
    upload.send(signal.SIGHUP)
    before = received()
    until(lambda: received() > before + 10, "more pictures")
    assert upload.running


def test_picture_is_not_written_to_a_terminal(binaries):
    """It would hold anything that a terminal obeys."""
    terminal = Terminal("bash", "-c", '"$0" snapshot -; echo "ended $?"', binaries / "eyelet-sim")
    try:
        terminal.expect(lambda text: "redirect it, or name a file" in text and "ended 2" in text)
    finally:
        terminal.close()


def test_watch_of_a_frozen_server_says_so(binaries, serve):
    """It reported the rate until the last picture, and no pause."""
    server = serve("--size", "64x48")
    terminal = Terminal(binaries / "eyelet-sim", "watch", f"{server.url}stream")
    try:
        terminal.expect(lambda text: re.search(r"\d\d frames  \d", text))
        server.send(signal.SIGSTOP)
        terminal.expect(lambda text: "no picture for 3 s" in text)
        terminal.press(b"\x03")
        assert terminal.wait() == 0
        terminal.expect(lambda text: re.search(r"longest pause ([3-9]\d{3}|\d{5,}) ms", text))
    finally:
        server.send(signal.SIGCONT)
        terminal.close()


def test_progress_fits_into_a_narrow_terminal(binaries, serve):
    """The share first, no number that is cut into another one, and three columns for the ^C that the terminal shows."""
    url = f"{serve('--size', '64x48').url}stream"
    for columns, want in [(40, r"\d+ %, \d+ s left  \d+ frames.*"), (20, r"\d+ %, \d+ s left"), (10, r"\d+ %")]:
        terminal = Terminal(binaries / "eyelet-sim", "watch", url, "--frames", 1000, size=(columns, 24))
        try:
            lines = lambda text: re.findall(r"\r\x1b\[K([^\r]+)", text)[:-1]
            terminal.expect(lambda text: lines(text) and re.fullmatch(want, lines(text)[-1]))
            terminal.press(b"\x03")
            assert terminal.wait() == 0
        finally:
            terminal.close()


def test_status_line_leaves_room_for_the_ctrl_c_that_is_shown(binaries, serve):
    """It wrapped, and half of the line stayed above the result."""
    terminal = Terminal(binaries / "eyelet-sim", "watch", f"{serve('--size', '64x48').url}stream", size=(30, 24))
    try:
        longest = lambda text: max(map(len, re.findall(r"\x1b\[K([^\r]*)\r", text)), default=0)
        terminal.expect(lambda text: re.search(r"\d\d frames  \d", text))
        terminal.expect(lambda text: 0 < longest(text) <= 27)
    finally:
        terminal.close()


def test_progress_of_an_upload_is_shown_while_the_server_is_away(binaries):
    terminal = Terminal(
        binaries / "eyelet-sim", "upload", "http://127.0.0.1:1/", "--count", 5, "--log", "off", size=(120, 24))
    try:
        terminal.expect(lambda text: re.search(r"0 %  0 accepted  \d+ failed  \d+ dropped  .*refused", text))
    finally:
        terminal.close()


def test_terminal_of_unknown_kind_gets_plain_text(binaries):
    for kind in [["-u", "TERM"], ["TERM="]]:
        terminal = Terminal("env", *kind, binaries / "eyelet-sim", "serve", "--bind", "127.0.0.1:0")
        try:
            until(lambda: "streaming on " in terminal.text, "it serves")
            assert "\x1b" not in terminal.text
        finally:
            terminal.close()
