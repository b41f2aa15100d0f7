# Opens the MaixCAM's camera with MaixPy and holds it open, for the program at the other end of the socket on stdin. What it
# sends and understands is in `words.rs`. It needs nothing of Python but what the smallest installations have.
import sys

# `-c` adds the folder that the program was started in, whose files are no modules of ours.
sys.path[:] = [folder for folder in sys.path if folder]

import io  # noqa: E402 (only now from the right folders)
import os  # noqa: E402
import signal  # noqa: E402
import time  # noqa: E402


def close_inherited():
    # What the program at the other end was started with itself, such as the socket of a service manager.
    try:
        inherited = os.listdir("/proc/self/fd")
    except OSError:
        return
    for number in inherited:
        try:
            if int(number) > 2:
                os.close(int(number))
        except OSError:
            pass  # the listing's own


def point_at_nothing(*numbers):
    null = os.open(os.devnull, os.O_RDWR)
    for number in numbers:
        os.dup2(null, number)
    os.close(null)


class Printed(io.RawIOBase):
    # What MaixPy prints. It must not fail of that, with the camera open, when nobody is left to read it.
    def writable(self):
        return True

    def fileno(self):
        return 1

    def write(self, data):
        rest = memoryview(data).cast("B")
        try:
            while rest:
                rest = rest[os.write(1, rest):]
        except OSError:
            point_at_nothing(1, 2)
        return len(data)


close_inherited()
sys.stdout = sys.stderr = io.TextIOWrapper(Printed(), "utf-8", "replace", write_through=True)
# MaixPy runs programs of its own, which must not inherit the socket: its end is how either side notices the other's.
socket = os.dup(0)
point_at_nothing(0)
received = b""


def receive():
    global received
    while b"\n" not in received:
        try:
            more = os.read(socket, 512)
        except ConnectionResetError:
            more = b""
        if not more:
            point_at_nothing(1, 2)
            return ["stop"]
        received += more
    line, received = received.split(b"\n", 1)
    return line.decode().split()


def send(line, body=b""):
    for part in (line.encode("ascii", "replace") + b"\n", body):
        rest = memoryview(part)
        while rest:
            rest = rest[os.write(socket, rest):]


def take(cam, quality):
    # A single frame may be late or damaged. MaixPy waits up to a second for each, and the other end five seconds for all.
    until = time.monotonic() + 3
    for _ in range(10):
        signal.alarm(10)
        try:
            frame = cam.read()
            taken = time.monotonic_ns()
            jpeg = frame and frame.to_jpeg(quality)
            if jpeg:
                return taken, jpeg.to_bytes()
            why = "MaixPy returned no picture"
        except Exception as error:
            why = error
        if time.monotonic() > until:
            break
        time.sleep(0.02)
    raise RuntimeError(why)


def version(maix):
    about = getattr(maix, "__version__", None) or getattr(getattr(maix, "version", None), "__version__", "?")
    return "".join(str(about).split()) or "?"


def report(stage, error):
    text = " ".join(str(error).split()) or type(error).__name__
    try:
        send(f"error {stage} {text[:300]}")
    except OSError:
        pass  # the other end is gone, which may be what the error is of


def look():
    try:
        import maix
        send(f"maixpy {version(maix)}")
    except Exception as error:
        report("import", error)


def hold(width, height, fps, buffers, quality, *controls):
    cam, stage = None, "import"
    try:
        # A call of MaixPy may hang, out of Python's reach and with nobody left at the other end. Then the alarm ends it.
        signal.alarm(40)
        import maix
        from maix import camera, image, sys as board
        stage = "open"
        form = image.Format.FMT_YVU420SP
        cam = camera.Camera(int(width), int(height), form, fps=int(fps), buff_num=int(buffers))
        for stage in controls:
            name, value = stage.split("=")
            getattr(cam, name)(int(value))
        # The first releases of MaixPy 4 lack it, and have one channel.
        channel = cam.get_channel() if hasattr(cam, "get_channel") else 0
        name = "".join(str(board.device_id()).split()) or "?"
        signal.alarm(0)
        send(f"ready 0 {channel} {cam.width()} {cam.height()} {version(maix)} {name}")
        stage = "read"
        while receive()[0] == "next":
            taken, jpeg = take(cam, int(quality))
            signal.alarm(0)
            send(f"picture {taken} {len(jpeg)}", jpeg)
    except Exception as error:
        report(stage, error)
    finally:
        signal.alarm(10)
        if cam:
            cam.close()


# A service manager sends SIGTERM to all processes of a service, and MaixPy would end on it with the camera open. The other
# end is stopped by it too, and closes the camera here when it has given its frames back. On the others it reloads files. What
# MaixPy runs inherits that they are ignored: it may be in the middle of a reload of the drivers.
for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1):
    signal.signal(number, signal.SIG_IGN)
words = receive()
if words[0] == "start":
    hold(*words[1:])
elif words[0] == "import":
    # There is nothing to close, and nobody to wait for it.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.alarm(40)
    look()
