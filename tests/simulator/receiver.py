"""An account's server on wechatpy: it checks, decrypts, parses, answers, and remembers."""
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from flask import Flask, Response, request
from wechatpy import create_reply, parse_message
from wechatpy.crypto import WeChatCrypto
from wechatpy.utils import check_signature
from werkzeug.serving import WSGIRequestHandler, make_server

from simulator.credentials import Credentials

Answer = Callable[[Any], Any]


class Receiver:
    """`answer(message)` → what create_reply takes (a str, None …) or a finished Response."""

    def __init__(self, credentials: Credentials, *, encrypted: bool = True) -> None:
        self.credentials, self.encrypted = credentials, encrypted
        self.url = self.notify_url = ""
        self.crypto = WeChatCrypto(credentials.token, credentials.aes_key, credentials.app_id)
        self.heard: list[Any] = []
        self.notices: list[tuple[dict[str, str], bytes]] = []
        self.answer: Answer = lambda message: None
        self.notice_answers: list[int] = []

    @contextmanager
    def running(self) -> Iterator["Receiver"]:
        server = make_server("127.0.0.1", 0, self._app(), threaded=True, request_handler=_Quiet)
        server.daemon_threads = True  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        self.url = f"http://127.0.0.1:{server.server_port}/wechat"
        self.notify_url = f"http://127.0.0.1:{server.server_port}/notify"
        try:
            yield self
        finally:
            server.shutdown()
            thread.join()
            server.server_close()

    def _app(self) -> Flask:
        app = Flask(__name__)
        app.add_url_rule("/wechat", "hello", self._hello, methods=["GET"])
        app.add_url_rule("/wechat", "push", self._push, methods=["POST"])
        app.add_url_rule("/notify", "notice", self._notice, methods=["POST"])
        return app

    def _hello(self) -> str:
        args = request.args
        check_signature(self.credentials.token, args["signature"], args["timestamp"],
                        args["nonce"])
        return args["echostr"]

    def _push(self) -> Response:
        args = request.args
        check_signature(self.credentials.token, args["signature"], args["timestamp"],
                        args["nonce"])
        text = request.get_data(as_text=True)
        if args.get("encrypt_type") == "aes":
            text = self.crypto.decrypt_message(
                text, args["msg_signature"], args["timestamp"], args["nonce"])
        message = parse_message(text)
        self.heard.append(message)
        answer = self.answer(message)
        if isinstance(answer, Response):
            return answer
        reply = create_reply(answer, message).render() if answer is not None else "success"
        if answer is not None and args.get("encrypt_type") == "aes" and self.encrypted:
            reply = self.crypto.encrypt_message(reply, args["nonce"], args["timestamp"])
        return Response(reply)

    def _notice(self) -> tuple[str, int]:
        self.notices.append((dict(request.headers), request.get_data()))
        return "", self.notice_answers.pop(0) if self.notice_answers else 204


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: object) -> None:
        """Tests read what was heard, not a log."""
