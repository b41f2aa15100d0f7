"""What a picture costs in system calls: one a viewer, seen by strace."""

import collections
import re
import signal
import subprocess

import pytest

from crowd import Crowd
from deadline import until

CALLS = "write,writev,pwritev,pwritev2,sendto,sendmsg,sendmmsg,sendfile,splice,vmsplice,tee"
PICTURES = 6


class Trace:
    """strace on a running program; afterwards `lines` are the system calls that write."""

    def __init__(self, program, file, *options):
        self.file = file
        self._strace = subprocess.Popen(
            ["strace", "-f", "-y", "-e", f"trace={CALLS},memfd_create", *options, "-o", file, "-p", str(program.pid)],
            stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        said = self._strace.stderr.readline()
        if "attached" not in said:
            self._strace.wait(10)
            pytest.skip(f"strace may not look at another process here: {said.strip()}")

    def stop(self):
        self._strace.send_signal(signal.SIGINT)
        self._strace.communicate(timeout=30)
        self.lines = list(whole(self.file.read_text().splitlines()))


def whole(lines):
    """The lines, with the two halves of a call joined that another thread's came between."""
    begun = {}
    for line in lines:
        thread = line.split()[0]
        if line.endswith(" <unfinished ...>"):
            begun[thread] = line.removesuffix(" <unfinished ...>")
        elif resumed := re.match(r"\d+ +<\.\.\. \w+ resumed>(.*)", line):
            yield begun.pop(thread, "") + resumed[1]
        else:
            yield line


def sent(lines):
    """(socket, call, bytes offered, bytes taken) of each line that sends on a socket."""
    for line in lines:
        if call := re.match(r"\d+ +(\w+)\(\d+<(socket:\[\d+\])>, (.*)\) += (\d+)$", line):
            name, socket, arguments, taken = call.groups()
            lengths = re.findall(r"iov_len=(\d+)", arguments) or [re.findall(r"\d+", arguments)[-1]]
            yield socket, name, sum(map(int, lengths)), int(taken)


@pytest.mark.parametrize("viewers, call, options", [
    (8, "sendmsg", []),
    (64, "sendfile", []),
    (64, "sendmsg", ["-e", "inject=memfd_create:error=ENOSYS"]),
    (64, "sendmsg", ["-e", "inject=sendfile:error=EINVAL"]),
], ids=["few", "many", "no-memfd", "no-sendfile"])
def test_picture_costs_one_system_call_per_viewer(serve, tmp_path, measured, viewers, call, options):
    server = serve("--fps", "5", "--max-viewers", str(viewers))
    with Crowd(server.url + "stream", viewers) as crowd:
        until(lambda: crowd.pictures >= PICTURES, "pictures for all", 30)
        # On a busy machine a viewer may come too late to read, and then a picture goes in two.
        for attempt in range(4):
            trace = Trace(server, tmp_path / f"{attempt}", *options)
            # The first one that a kernel refuses goes by two calls.
            begun = crowd.pictures
            until(lambda: crowd.pictures >= begun + PICTURES, "pictures for all while being traced", 60)
            trace.stop()
            calls = list(sent(trace.lines))
            counts = collections.Counter(socket for socket, *_ in calls)
            torn = sum(offered != taken for _, _, offered, taken in calls)
            if not torn and {name for _, name, *_ in calls} == {call}:
                break
        else:
            pytest.fail(f"{torn} of {len(calls)} calls did not take a whole picture, or were not {call}")
    assert len(counts) == viewers
    assert max(counts.values()) - min(counts.values()) <= 1
    pictures = max(counts.values())
    assert pictures >= PICTURES - 1
    woken = sum("eventfd" in line for line in trace.lines)
    made = sum("memfd_create(" in line for line in trace.lines)
    measured(f"{viewers} viewers, {pictures} pictures: {len(calls)} {call}, {made} memfds, {woken} wake-ups")
    # The camera's thread sends by itself: the sockets' thread sleeps on.
    assert woken < pictures / 2
    assert made <= (0 if viewers == 8 else pictures + 1)
