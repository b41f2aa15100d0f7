"""What goes wrong, and when: the environment's `EYELET_MAIX_FAIL` is a list of WHAT:STEP, with commas.

A step is a moment: `import`, `open` and `opened` around opening the camera, `read` and `encode` of each picture, `close` and
`closed` around closing it. WHAT happens there:

raise        an exception
none         nothing is returned, where something should be (`read` and `encode`)
block        it never returns, and Python's signal handlers do not run, as in a call of C code
slow         it takes a second
exit         the process ends with code 3
crash        the process ends by SIGSEGV
kill         the process ends by SIGKILL
kill-parent  the parent ends by SIGKILL
kill-both    both do
print        a megabyte goes to stdout
run          a program runs for half a second, and leaves the file `ran` in the folder of the pictures
leave        the same, and nobody waits for it
wait         a program leaves the file `runs` there, and `ran` once there is a file `go`
"""

import os
import signal
import sys
import time

WANTED = [item for item in os.environ.get("EYELET_MAIX_FAIL", "").split(",") if item]


def step(name):
    """Goes wrong if it is wanted at this step; whether the step is to return nothing."""
    what = [item.split(":")[0] for item in WANTED if item.split(":")[1] == name]
    if "print" in what:
        print("maix: something happened\n" * 40_000)
        sys.stdout.flush()
    if "run" in what or "leave" in what:
        script = 'sleep 0.5; echo >"$EYELET_MAIX_PICTURES/ran"'
        os.spawnlp(os.P_WAIT if "run" in what else os.P_NOWAIT, "sh", "sh", "-c", script)
    if "wait" in what:
        script = 'cd "$EYELET_MAIX_PICTURES"; echo >runs; while [ -e runs ] && [ ! -e go ]; do sleep 0.05; done; echo >ran'
        os.spawnlp(os.P_WAIT, "sh", "sh", "-c", script)
    if "slow" in what:
        time.sleep(1)
    if "exit" in what:
        os._exit(3)
    if "crash" in what:
        os.kill(os.getpid(), signal.SIGSEGV)
    if "kill-parent" in what or "kill-both" in what:
        os.kill(os.getppid(), signal.SIGKILL)
    if "kill" in what or "kill-both" in what:
        os.kill(os.getpid(), signal.SIGKILL)
    if "block" in what:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        while True:
            signal.pause()
    if "raise" in what:
        raise ImportError("no libsys.so") if name == "import" else RuntimeError(f"camera {name} failed")
    return "none" in what
