#!/usr/bin/env python3
"""An eyelet-sim whose kernel has no memfd, so that every viewer's picture is copied: compare.sh measures the fallback so.

benches/compare.sh copies=benches/without-memfd.py -- --viewers 64 --crowds 256 --slow-seconds 0
"""

import ctypes
import errno
import os
import platform
import struct
import sys

MEMFD_CREATE = {"x86_64": 319, "aarch64": 279, "riscv64": 279}[platform.machine()]
PR_SET_SECCOMP, SECCOMP_MODE_FILTER, PR_SET_NO_NEW_PRIVS = 22, 2, 38
LOAD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, ERRNO = 0x7FFF0000, 0x00050000

# Instructions of classic BPF: code, jump if so, jump if not, operand.
FILTER = b"".join(
    struct.pack("HBBI", *line)
    for line in [
        (LOAD, 0, 0, 0),  # the system call's number
        (JUMP_IF_EQUAL, 0, 1, MEMFD_CREATE),
        (RETURN, 0, 0, ERRNO | errno.ENOSYS),
        (RETURN, 0, 0, ALLOW),
    ]
)


class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_char_p)]


def prctl(*arguments):
    if ctypes.CDLL(None, use_errno=True).prctl(*arguments) != 0:
        sys.exit(f"without-memfd.py: {os.strerror(ctypes.get_errno())}")


if sys.argv[1:2] in (["-h"], ["--help"]):
    sys.exit(print(__doc__.strip()))
prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(Program(len(FILTER) // 8, FILTER)), 0, 0)
root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
program = os.path.join(root, os.environ.get("CARGO_TARGET_DIR", "target"), "release/eyelet-sim")
os.execv(program, [program, *sys.argv[1:]])
