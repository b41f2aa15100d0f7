"""What a person's terminal does to a server that was started in it."""

import contextlib
import os
import pty
import signal

import requests

from deadline import until


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
            sockets = [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")]
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
