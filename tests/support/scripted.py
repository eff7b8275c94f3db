"""A neighbour that says exactly what it is told to: for answers that WeChat should never give."""
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Script = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class Scripted:
    """`paths` lists what was asked, query and all. The last of `answers` is given for ever."""

    base: str
    answers: list[Script]
    paths: list[str] = field(default_factory=list)

    def next_answer(self) -> Script:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def says(body: bytes = b"", status: int = 200, content_type: str = "application/json",
         **headers: str) -> Script:
    """Answer this."""
    def script(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("Content-Type", content_type)
        handler.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(body)
    return script


def hangs_up(handler: BaseHTTPRequestHandler) -> None:
    """Read the request and say nothing."""
    handler.close_connection = True


@contextmanager
def scripted(*answers: Script) -> Iterator[Scripted]:
    told = Scripted("", list(answers))

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_one(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            told.paths.append(self.path)
            told.next_answer()(self)

        do_GET = do_POST = handle_one

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    told.base = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield told
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
