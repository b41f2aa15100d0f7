"""The camera of a model of the board, behind the socket `EYELET_MAIX_PORT`: a line asks, a line answers."""

import os
import socket

PATH = os.environ.get("EYELET_MAIX_PORT")


class Port:
    def __init__(self):
        self.lines = None
        if PATH:
            # The socket stays open until the process ends, as the real camera's nodes do.
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.connect(PATH)
            self.lines = self.socket.makefile("rw")

    def ask(self, *words):
        """The answer's words behind `ok`; none without a model."""
        if self.lines is None:
            return []
        self.lines.write(" ".join(map(str, words)) + "\n")
        self.lines.flush()
        answer = self.lines.readline().split()
        if answer[:1] != ["ok"]:
            raise RuntimeError("camera open failed: " + " ".join(answer[1:]))
        return answer[1:]
