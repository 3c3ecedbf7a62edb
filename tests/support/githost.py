"""A server of git repositories on loopback (git's own http-backend), which can be made to behave badly."""

from __future__ import annotations

import itertools
import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.support.gits import GIT

_BLOCK = b"\0" * 0xFFFF


class Host:
    """Serves the repositories in ``folder``. ``mode``: well, redirect, endless, flood or silent."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.mode = "well"
        self.authorization: str | None = None  # what must be sent
        self.elsewhere = ""  # where a redirect leads
        self.seen: list[tuple[str, str, str | None]] = []  # method, path, authorization
        self.closing = threading.Event()
        self.url = ""

    def backend(self, request: BaseHTTPRequestHandler, body: bytes) -> None:
        parts = urlsplit(request.path)
        answer = subprocess.run(
            [GIT, "-c", "uploadpack.allowFilter=true", "-c", "uploadpack.allowAnySHA1InWant=true", "-c",
             "safe.directory=*", "http-backend"],
            input=body, capture_output=True, check=False,
            env={
                "PATH": os.environ["PATH"], "GIT_PROJECT_ROOT": str(self.folder), "GIT_HTTP_EXPORT_ALL": "1",
                "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull,
                "REQUEST_METHOD": request.command, "PATH_INFO": parts.path, "QUERY_STRING": parts.query,
                "CONTENT_TYPE": request.headers.get("Content-Type", ""), "CONTENT_LENGTH": str(len(body)),
                "HTTP_GIT_PROTOCOL": request.headers.get("Git-Protocol", ""),
                "HTTP_CONTENT_ENCODING": request.headers.get("Content-Encoding", ""),
            },
        ).stdout  # fmt: skip
        head, _, content = answer.partition(b"\r\n\r\n")
        lines = [line.split(": ", 1) for line in head.decode().splitlines()]
        status = next((int(value.split()[0]) for key, value in lines if key == "Status"), 200)
        request.send_response(status)
        for key, value in lines:
            if key != "Status":
                request.send_header(key, value)
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        request.wfile.write(content)

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        sent = request.headers.get("Authorization")
        self.seen.append((request.command, request.path, sent))
        size = request.headers.get("Content-Length")
        body = request.rfile.read(int(size)) if size else _chunked(request)
        if self.mode == "redirect":
            request.send_response(302)
            request.send_header("Location", f"{self.elsewhere}{request.path}")
            request.end_headers()
        elif self.authorization is not None and sent != self.authorization:
            told = f"denied: {sent}".encode()
            request.send_response(401)
            request.send_header("WWW-Authenticate", 'Basic realm="git"')
            request.send_header("Content-Type", "text/plain")
            request.send_header("Content-Length", str(len(told)))
            request.end_headers()
            request.wfile.write(told)
        elif self.mode == "silent" and request.command == "POST":
            self.closing.wait(60)
        elif self.mode in {"endless", "flood"} and b"command=fetch" in body:
            self._pour(request, met=b"have " in body)
        else:
            self.backend(request, body)

    def _pour(self, request: BaseHTTPRequestHandler, *, met: bool) -> None:
        """A pack of one file without an end, or words without an end."""
        request.send_response(200)
        request.send_header("Content-Type", "application/x-git-upload-pack-result")
        request.end_headers()
        start = b"PACK\0\0\0\2\0\0\0\1" + b"\xb0" + b"\xff" * 5 + b"\x7f" + b"\x78\x01"
        stored = b"\0\xff\xff\0\0" + _BLOCK
        content = itertools.chain([start], itertools.repeat(stored)) if self.mode == "endless" else None
        channel = b"\1" if content is not None else b"\2"
        try:
            if met:  # what both have is agreed upon first
                request.wfile.write(_packet(b"acknowledgments\n") + _packet(b"ready\n") + b"0001")
            request.wfile.write(_packet(b"shallow-info\n") + b"0001" + _packet(b"packfile\n"))
            while not self.closing.is_set():
                portion = next(content) if content is not None else b"counting " * 1000 + b"\r"
                for at in range(0, len(portion), 60_000):
                    request.wfile.write(_packet(channel + portion[at : at + 60_000]))
        except OSError:
            return


def _packet(content: bytes) -> bytes:
    return f"{len(content) + 4:04x}".encode() + content


def _chunked(request: BaseHTTPRequestHandler) -> bytes:
    if request.headers.get("Transfer-Encoding") != "chunked":
        return b""
    body = b""
    while size := int(request.rfile.readline().strip() or b"0", 16):
        body += request.rfile.read(size)
        request.rfile.readline()
    request.rfile.readline()
    return body


@contextmanager
def a_host(folder: Path) -> Iterator[Host]:
    """Serve for the length of the block."""
    host = Host(folder)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            host.answer(self)

        do_POST = do_GET  # noqa: N815 - the library's name

        def log_message(self, *_: Any) -> None:
            """Nothing on stderr."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: Any) -> None:
            """Whoever hangs up is no error here."""

    server = Server(("127.0.0.1", 0), Handler)
    host.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield host
    finally:
        host.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()
