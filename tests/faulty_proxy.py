"""An HTTP proxy that misbehaves as told: what object stores and networks do on bad days."""

import http.client
import re
import socket
import socketserver
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

_REASONS = {403: "AccessDenied", 500: "InternalError", 503: "SlowDown", 507: "XMinioStorageFull"}
_HOP = ("connection", "transfer-encoding", "content-length", "date", "server")


@dataclass
class Rule:
    """What happens to matching requests; the first rule that matches counts.

    method, path: which (regular expressions, the path with its query; None: every one). after: so
    many of them pass first. times: so many are hit (None: all). Then one of: status (answered so,
    with `code` in S3's XML), drop_after (the connection breaks after so many bytes of the upload
    were read), cut_after (after so many bytes of the answer), wait (seconds until it goes on).
    """

    method: str | None = None
    path: str | None = None
    after: int = 0
    times: int | None = None
    status: int | None = None
    code: str | None = None
    drop_after: int | None = None
    cut_after: int | None = None
    wait: float | None = None
    hits: int = 0

    def takes(self, method: str, path: str) -> bool:
        if self.method and not re.fullmatch(self.method, method):
            return False
        if self.path and not re.search(self.path, path):
            return False
        if self.after:
            self.after -= 1
            return False
        if self.times is not None and self.hits >= self.times:
            return False
        self.hits += 1
        return True


class FaultyProxy:
    """Forwards everything to `target`, unless a rule says otherwise; use it as a context manager.

    `url` is its own address, `calls` the requests that it has seen as (method, path with query).
    """

    def __init__(self, target: str, host: str = "127.0.0.1", port: int = 0) -> None:
        self.rules: list[Rule] = []
        self.calls: list[tuple[str, str]] = []
        self._lock = threading.Lock()
        address = urlsplit(target)
        self.target = (address.hostname or "", address.port or 80)
        self._server = _Server((host, port), _handler(self))
        self.url = f"http://{host}:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def rule(self, **what: Any) -> Rule:
        """Add a rule (its arguments are `Rule`'s) and return it; `hits` counts."""
        rule = Rule(**what)
        with self._lock:
            self.rules.append(rule)
        return rule

    def read_only(self) -> Rule:
        """Refuse every write as a store does whose credentials may only read."""
        return self.rule(method="PUT|POST|DELETE", status=403)

    def full(self) -> Rule:
        """Refuse every upload as a store does that has no room left."""
        return self.rule(method="PUT|POST", status=507)

    def unreachable(self) -> Rule:
        """Break every connection at once."""
        return self.rule(drop_after=0)

    def clear(self) -> None:
        """All is well again."""
        with self._lock:
            self.rules.clear()

    def taken(self, method: str, path: str) -> Rule | None:
        with self._lock:
            self.calls.append((method, path))
            return next((rule for rule in self.rules if rule.takes(method, path)), None)

    def __enter__(self) -> "FaultyProxy":
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    block_on_close = False
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is nothing to report."""


def _handler(proxy: FaultyProxy) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do(self) -> None:
            rule = proxy.taken(self.command, self.path)
            length = int(self.headers.get("Content-Length") or 0)
            if rule and rule.drop_after is not None:
                self.rfile.read(min(length, rule.drop_after))
                self.drop()
                return
            body = self.body(length)
            if rule and rule.wait is not None:
                time.sleep(rule.wait)
            if rule and rule.status is not None:
                self.refuse(rule.status, rule.code or _REASONS.get(rule.status, "Error"))
                return
            self.forward(body, rule.cut_after if rule else None)

        do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = do

        def body(self, length: int) -> bytes:
            if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
                return self.rfile.read(length)
            parts = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            while self.rfile.readline().strip():
                pass
            return b"".join(parts)

        def forward(self, body: bytes, cut_after: int | None) -> None:
            there = http.client.HTTPConnection(*proxy.target, timeout=60)
            headers = {k: v for k, v in self.headers.items() if k.lower() not in _HOP}
            headers |= {"Content-Length": str(len(body))} if body or self.command != "GET" else {}
            there.request(self.command, self.path, body, headers)
            answer = there.getresponse()
            content = answer.read()
            size = answer.headers["Content-Length"] if self.command == "HEAD" else len(content)
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in _HOP:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(size or 0))
            self.end_headers()
            self.wfile.write(content if cut_after is None else content[:cut_after])
            self.wfile.flush()
            there.close()
            if cut_after is not None:
                self.drop()

        def refuse(self, status: int, code: str) -> None:
            text = f"<Error><Code>{code}</Code><Message>as told</Message></Error>".encode()
            content = b"" if self.command == "HEAD" else text
            self.send_response(status)
            self.send_header("Content-Type", "application/xml")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def drop(self) -> None:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    return Handler
