"""A gate between a client and a server on this machine, that a test can shut."""

from __future__ import annotations

import contextlib
import socket
import threading
from types import TracebackType
from typing import Self

__all__ = ["Gate"]


class Gate:
    """Passes connections on to a port, from enter to exit.

    Args:
        port: of the server, on 127.0.0.1.

    Attributes:
        port: of the gate, on 127.0.0.1.
    """

    def __init__(self, port: int) -> None:
        self._target = port
        self._open = threading.Event()
        self._open.set()
        self._lock = threading.Lock()
        self._sockets: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._threads = [threading.Thread(target=self._accept, daemon=True)]

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # Closing alone would not wake the thread that waits for a connection.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._open.set()
        self.cut()
        for thread in self._threads:
            thread.join()

    def cut(self) -> None:
        """Break all connections that there are; new ones are let through."""
        with self._lock:
            for one in self._sockets:
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)

    def stall(self) -> None:
        """Let nothing through any more, without a word to either side."""
        self._open.clear()

    def resume(self) -> None:
        """Let everything through again, what was held back first."""
        self._open.set()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                near.close()  # the server is not there: neither is the gate
                continue
            with self._lock:
                self._sockets |= {near, far}
            self._threads += [
                threading.Thread(target=self._pass, args=ends, daemon=True)
                for ends in ((near, far), (far, near))
            ]
            for thread in self._threads[-2:]:
                thread.start()

    def _pass(self, one: socket.socket, other: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while content := one.recv(1 << 16):
                self._open.wait()
                other.sendall(content)
        with self._lock:
            for end in (one, other):
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
                if end is one:
                    self._sockets.discard(end)
                    end.close()
