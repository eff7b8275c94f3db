"""The simulator as one web server: WeChat's hosts, WeChat Pay's and the phones' on one port."""
import json
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from flask import Flask, Response, g, request
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from simulator import (
    cashier,
    control,
    oauth,
    page,
    pay,
    platform_keys,
    tokens,
    wallet,
    wechat_api,
)
from simulator.api_errors import ApiError
from simulator.faults import Fault
from simulator.journal import readable
from simulator.world import World

HEARD = ("/cgi-bin/", "/sns/", "/v3/", "/connect/", "/wxa/", "/wxaapi/")
RID = re.compile(r"\brid: ([0-9a-f-]{26})")
CLOSE = re.compile(r"/v3/pay/transactions/out-trade-no/([^/]+)/close")
RIDS_KEPT, RID_KEPT_S = 1000, 7 * 86400


def create_app(world: World) -> Flask:
    """Everything on one port. The world is in app.config["WORLD"]."""
    app = Flask(__name__)
    app.config.update(WORLD=world, MAX_CONTENT_LENGTH=20 * 2**20)
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    for part in (wechat_api, oauth, pay, control, page):
        app.register_blueprint(part.blueprint)
    app.before_request(_befall)
    app.after_request(_write_down)
    cashier.resume(world)
    wallet.resume(world)
    return app


def _befall() -> Response | None:
    """Trouble that was asked for this path, before or instead of the work."""
    if not request.path.startswith(HEARD):
        return None
    world = control.world()
    g.fault = fault = world.faults.take(request.path, _whom())
    if fault is None:
        return None
    if fault.delay_s:
        time.sleep(fault.delay_s)
    if fault.revoke:
        tokens.kill(world, request.args.get("access_token"))
    if fault.pay_first and (closing := CLOSE.fullmatch(request.path)):
        cashier.pay_at_last(world, closing[1])
    if fault.cut:
        _hang_up()
        return Response(status=502)
    return _instead(fault)


def _whom() -> str:
    """Whom a call is about, for faults that befall one person only."""
    if request.args.get("openid"):
        return request.args["openid"]
    body = request.get_json(silent=True, force=True) if request.path.startswith("/cgi-bin/") \
        and request.method == "POST" and request.mimetype != "multipart/form-data" else None
    return str(body.get("touser", "")) if isinstance(body, dict) else ""


def _instead(fault: Fault) -> Response | None:
    if fault.errcode is not None:
        message = fault.errmsg or "asked to fail"
        return wechat_api.refusal(ApiError(fault.errcode, message))
    if fault.status is not None and not fault.lose_answer:
        if request.path.startswith("/v3/") and not fault.body:
            return pay.refused(pay.PayError(
                fault.status, fault.code or "SYSTEM_ERROR", fault.message or "系统错误"))
        return Response(fault.body, fault.status)
    return None


def _hang_up() -> None:
    line = request.environ.get("werkzeug.socket")
    if line is not None:
        with suppress(OSError):
            line.shutdown(socket.SHUT_RDWR)


def _write_down(response: Response) -> Response:
    if not request.path.startswith(HEARD):
        return response
    heard = response.get_data() if not response.is_streamed else b""
    fault, told = g.get("fault"), readable(heard)
    control.world().note(
        "call", method=request.method, path=request.path, query=dict(request.args),
        who=request.remote_addr, headers=_telling_headers(),
        request=readable(request.get_data()), status=response.status_code,
        response=told, fault=fault.label if fault else None)
    _count_refusal(told)
    _remember_rid(told)
    if fault is not None and fault.lose_answer:
        if fault.status is None:
            _hang_up()
        return Response(status=fault.status or 502)
    return response


def _count_refusal(told: Any) -> None:
    if isinstance(told, dict) and (errcode := told.get("errcode")):
        world = control.world()
        with world.lock:
            world.refusals[f"{request.path} {errcode}"] += 1


def _remember_rid(told: Any) -> None:
    """Refused calls can be asked about for a week (openapi/rid/get)."""
    found = RID.search(str(told.get("errmsg", ""))) if isinstance(told, dict) else None
    world = control.world()
    token = world.access_tokens.get(request.args.get("access_token", ""))
    if not (found and token):
        return
    with world.lock:
        world.rids[found[1]] = {
            "app_id": token.app_id, "until": world.now() + RID_KEPT_S, "request": {
                "invoke_time": int(world.now()), "cost_in_ms": 1, "request_url": request.path,
                "request_body": request.get_data().decode("utf-8", "replace")[:2000],
                "response_body": json.dumps(told, ensure_ascii=False),
                "client_ip": request.remote_addr}}
        while len(world.rids) > RIDS_KEPT:
            del world.rids[next(iter(world.rids))]


def _telling_headers() -> dict[str, str]:
    wanted = ("Authorization", "Accept", "User-Agent", "Wechatpay-Serial", "Content-Type",
              "X-Sim-Phone")
    return {name: request.headers[name] for name in wanted if name in request.headers}


class _Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, type: str, message: str, *args: object) -> None:
        """The journal has every call."""


def make(world: World, host: str = "127.0.0.1", port: int = 0) -> BaseWSGIServer:
    """A threaded server, bound but not yet serving. Port 0: whichever is free."""
    server = make_server(host, port, create_app(world), threaded=True, request_handler=_Quiet)
    server.daemon_threads = True  # type: ignore[attr-defined]
    world.base_url = f"http://{host}:{server.server_port}"
    platform_keys.ensure_certificate(world)
    return server


@contextmanager
def running(world: World, port: int = 0) -> Iterator[str]:
    """Serve the world in this process; yields its base address, and stops when left."""
    server = make(world, port=port)
    thread = threading.Thread(
        target=server.serve_forever, args=(0.02,), daemon=True, name="simulator")
    thread.start()
    try:
        yield world.base_url
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
