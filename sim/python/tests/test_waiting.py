"""Nobody waits for the interpreter, and nothing hangs: threads, signals, forks, the end of the program."""

import signal
import threading
import time

import pytest
from maix import camera, http, image


def advances_while(work):
    """Whether another thread runs Python in the middle of `work`, which takes long."""
    moments, over = [], threading.Event()

    def watch():
        while not over.is_set():
            moments.append(time.monotonic())
            time.sleep(0.0005)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        start = time.monotonic()
        work()
        end = time.monotonic()
    finally:
        over.set()
        thread.join()
    # Before and after it the interpreter changes hands anyway.
    quarter = (end - start) / 4
    return any(start + quarter < moment < end - quarter for moment in moments)


def test_others_run_while_a_frame_is_waited_for(simulator):
    cam = camera.Camera(160, 120, fps=4)
    cam.read()
    # Not while one is there already, as on a machine with other work.
    assert any(advances_while(cam.read) for _ in range(20))


def test_others_run_while_a_picture_is_compressed():
    large = image.Image(8000, 6000)
    # On a machine with other work, not every time.
    assert any(advances_while(large.to_jpeg) for _ in range(20))


def test_picture_may_change_while_it_is_compressed():
    made = image.Image(2000, 2000)
    results = []
    threads = [threading.Thread(target=lambda: results.append(made.to_jpeg().to_bytes())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for step in range(50):
        made.draw_rect(step, step, 500, 500, image.COLOR_RED, -1)
    for thread in threads:
        thread.join()
    assert all(jpeg.endswith(b"\xff\xd9") for jpeg in results) and len(results) == 4


WAITS = {
    "camera": "cam.read()",
    "sleep": "time.sleep_ms(100_000)",
    "touch": "touchscreen.TouchScreen().available(-1)",
}
PROGRAM = """
from maix import app, camera, time, touchscreen
cam = camera.Camera(160, 120, fps=0.01)
cam.read()
{asks}
print("waits")
{wait}
print("went on")
"""


@pytest.mark.parametrize("wait", WAITS)
@pytest.mark.parametrize("asks", ["", "app.need_exit()"])
def test_interrupt_ends_every_wait(eyelet_maix, script, wait, asks):
    program = eyelet_maix.run(script(PROGRAM.format(wait=WAITS[wait], asks=asks)))
    program.until("it waits", lambda: "waits" in program.output)
    before = time.monotonic()
    code = program.stop(signal.SIGINT)
    assert time.monotonic() - before < 20
    if asks and wait != "camera":
        assert code == 0 and program.output.endswith("went on\n"), "it asks, and ends by itself"
    else:
        assert "KeyboardInterrupt" in program.output and "went on" not in program.output


def test_program_that_never_asks_ends_on_sigterm(eyelet_maix, script):
    program = eyelet_maix.run(script(PROGRAM.format(wait=WAITS["camera"], asks="")))
    program.until("it waits", lambda: "waits" in program.output)
    assert program.stop(signal.SIGTERM) == -signal.SIGTERM


def test_program_that_asks_but_does_not_end_is_ended_by_the_second_signal(eyelet_maix, script):
    text = """
from maix import app
print(app.need_exit(), flush=True)
while not app.need_exit():
    pass
print("asked", flush=True)
while True:
    pass
"""
    program = eyelet_maix.run(script(text))
    program.until("it runs", lambda: "False" in program.output)
    program.process.send_signal(signal.SIGTERM)
    # Two signals that come together are one.
    program.until("it has seen the first", lambda: "asked" in program.output)
    assert program.stop(signal.SIGTERM) == -signal.SIGTERM


SERVER = """
import os, threading
from maix import camera, http, image
cam = camera.Camera(160, 120)
stream = http.JpegStreamer()
stream.start()
stream.write(cam.read())
"""


@pytest.mark.parametrize(
    "end",
    [
        "",
        "raise SystemExit(0)",
        "threading.Thread(target=lambda: [stream.write(cam.read()) for _ in iter(int, 1)], daemon=True).start()",
        "os._exit(0)",
        "del stream, cam",
        "stream.stop()\nstream.stop()\nstream.start()",
    ],
)
def test_program_ends_with_a_server_that_runs(eyelet_maix, script, end):
    program = eyelet_maix.run(script(SERVER + end))
    assert program.wait(20) == 0, program.output


def test_fork_with_a_server_hangs_neither(python):
    text = SERVER + """
pid = os.fork()
if pid == 0:
    print(stream.write(image.Image(8, 8)))
    try:
        cam.read()
    except RuntimeError as error:
        print(error)
    del stream, cam
    own = http.JpegStreamer()
    print(own.start(), own.write(camera.Camera(160, 120).read() if False else image.Image(8, 8)))
    raise SystemExit(3)
print(os.waitpid(pid, 0)[1] >> 8)
print(stream.write(cam.read()))
"""
    output = python(text)
    assert "belongs to the parent process" in output
    assert output.splitlines()[-2:] == ["3", "Err.ERR_NONE"]
    assert "Err.ERR_ARGS" in output and "Err.ERR_NONE Err.ERR_NONE" in output


@pytest.mark.parametrize("end", ["stream.stop()", "del stream"])
def test_server_stops_for_all_while_a_forked_process_lives_on(python, end):
    """The child kept the listening socket and the connections: viewers waited, and nobody could use the port."""
    text = SERVER + f"""
import signal, socket
port = stream.port()
viewer = socket.create_connection(("127.0.0.1", port), timeout=20)
viewer.sendall(b"GET /stream HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n")
viewer.recv(1000)
other = socket.create_server(("127.0.0.1", 0))
ready, begins = os.pipe()
pid = os.fork()
if pid == 0:
    os.write(begins, other.getsockname()[0].encode())
    signal.pause()
print(os.read(ready, 100))
{end}
while viewer.recv(100_000):
    pass
socket.create_server(("127.0.0.1", port))
print("free")
print(os.waitpid(pid, os.WNOHANG)[0])
os.kill(pid, signal.SIGKILL)
"""
    # Newer Pythons warn of forks before that.
    assert python(text).splitlines()[-3:] == ["b'127.0.0.1'", "free", "0"]


def test_pool_of_processes_compresses_pictures(python):
    text = """
import multiprocessing
from maix import image
def size(quality):
    return len(image.Image(64, 48).to_jpeg(quality).to_bytes())
if __name__ == "__main__":
    size(95)
    with multiprocessing.get_context("fork").Pool(2) as pool:
        print(len(pool.map(size, range(60, 70))))
"""
    assert python(text) == "10\n"


def test_forked_process_ends_by_the_first_sigterm_until_it_asks_itself(python):
    """A pool's process that waited for work never ran the handler, and the pool waited for it."""
    text = """
import os, signal
from maix import app
app.need_exit()
read, write = os.pipe()
for asks in False, True:
    pid = os.fork()
    if not pid:
        if asks:
            app.need_exit()
        os.write(write, b"%d" % (signal.getsignal(signal.SIGTERM) is signal.SIG_DFL))
        os.kill(os.getpid(), signal.SIGTERM)
        os._exit(app.need_exit())
    status = os.waitpid(pid, 0)[1]
    print(os.read(read, 1).decode(), os.WIFSIGNALED(status), os.WEXITSTATUS(status))
"""
    assert python(text) == "1 True 0\n0 False 1\n"


def test_many_threads_read_one_camera(simulator):
    simulator.configure(fps=200)
    cam = camera.Camera(160, 120)
    counts = []
    threads = [threading.Thread(target=lambda: counts.append(sum(1 for _ in range(10) if cam.read()))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert counts == [10] * 4


def test_camera_closed_by_another_thread_ends_the_wait(simulator):
    cam = camera.Camera(160, 120, fps=0.1)
    cam.read()
    ended = []

    def read():
        try:
            cam._native.read(-1, lambda: False, (False, False))
        except RuntimeError as error:
            ended.append(str(error))

    thread = threading.Thread(target=read)
    thread.start()
    cam.close()
    thread.join(20)
    assert ended == ["the camera is closed"]


def test_streamer_of_a_thread_serves(monkeypatch):
    monkeypatch.setenv("EYELET_BIND", "127.0.0.1:0")
    stream = http.JpegStreamer()
    threads = [threading.Thread(target=stream.start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    import urllib.request

    stream.write(image.Image(32, 32))
    with urllib.request.urlopen(f"http://127.0.0.1:{stream.port()}/snapshot", timeout=10) as answer:
        assert answer.read().startswith(b"\xff\xd8")
    stream.stop()
