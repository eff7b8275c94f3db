"""Those who call the simulator: plain requests, wechatpy's client, wechatpayv3."""
import json
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import requests
from requests.adapters import HTTPAdapter
from wechatpayv3 import WeChatPay, WeChatPayType
from wechatpy.client import WeChatClient

from simulator.world import World

Told = dict[str, Any]


class Api:
    """Calls with an access_token, JSON in raw UTF-8 as WeChat wants it."""

    def __init__(self, world: World) -> None:
        self.world, self.base = world, world.base_url
        self.token = str(self.stable_token()["access_token"])

    def stable_token(self, **more: Any) -> Told:
        c = self.world.credentials
        return self.post("/cgi-bin/stable_token", {
            "grant_type": "client_credential", "appid": c.app_id, "secret": c.secret, **more})

    def plain_token(self, **other: str) -> Told:
        c = self.world.credentials
        return self.get("/cgi-bin/token", **{
            "grant_type": "client_credential", "appid": c.app_id, "secret": c.secret, **other})

    def get(self, path: str, **params: str) -> Told:
        params = {"access_token": getattr(self, "token", ""), **params}
        return dict(requests.get(self.base + path, params, timeout=5).json())

    def post(self, path: str, body: Told | bytes) -> Told:
        raw = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
        params = {"access_token": getattr(self, "token", "")}
        return dict(requests.post(self.base + path, raw, params=params, timeout=5).json())

    def send_text(self, openid: str, content: str = "好") -> int:
        """The errcode of a customer-service text."""
        return int(self.post("/cgi-bin/message/custom/send", {
            "touser": openid, "msgtype": "text", "text": {"content": content}})["errcode"])


class _Elsewhere(HTTPAdapter):
    """Sends what is meant for WeChat's hosts to the simulator."""

    def __init__(self, base: str) -> None:
        super().__init__()
        self.netloc = urlsplit(base).netloc

    def send(self, request: Any, **how: Any) -> Any:
        parts = urlsplit(request.url)
        request.url = urlunsplit(("http", self.netloc, parts.path, parts.query, ""))
        return super().send(request, **how)


def wechatpy_client(world: World) -> WeChatClient:
    client = WeChatClient(world.credentials.app_id, world.credentials.secret, timeout=5)
    client._http.mount("https://", _Elsewhere(world.base_url))
    return client


def wechatpayv3_client(world: World, notify_url: str = "http://127.0.0.1:9/notify") -> WeChatPay:
    """In public-key mode, which asks for no certificates while it is made."""
    c = world.credentials
    pay = WeChatPay(
        wechatpay_type=WeChatPayType.JSAPI, mchid=c.mch_id, cert_serial_no=c.cert_serial,
        private_key=c.merchant_key.read_text(), apiv3_key=c.api_v3_key, appid=c.app_id,
        notify_url=notify_url, public_key=c.platform_public_key.read_text(),
        public_key_id=c.public_key_id)
    pay._core._gate_way = world.base_url
    return pay
