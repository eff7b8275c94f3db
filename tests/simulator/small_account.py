"""A very small official account with a pay page, for tests of the simulator's phones."""

import hashlib
import json
import time
from dataclasses import dataclass, field
from typing import Any
from xml.etree import ElementTree

import requests
from flask import Flask, Response, request

from simulator import pay_crypto
from simulator.state import Order, Phone, Prepay
from simulator.world import World

QUOTE = (
    "听懂了 · A27\n黄焖鸡米饭(中) 微辣 去香菜 ¥14.00\n冰红茶500ml ¥3.50\n配送 ¥2.00 首单 -¥5.00\n"
    "合计 ¥14.50 · 12:30 竹园7栋大厅\n"
    '<a href="weixin://bizmsgmenu?msgmenucontent=%E7%A1%AE%E8%AE%A4A27&msgmenuid=o7.3">确认付款</a>'
    "  "
    '<a href="weixin://bizmsgmenu?msgmenucontent=A27换大份&msgmenuid=o7.4">换大份</a>  '
    '<a href="weixin://bizmsgmenu?msgmenucontent=取消A27">不要了</a>\n也可以直接说：加个蛋'
)
TRICKS = (
    "<b>不是粗体</b> 1 < 2 && \"引号\" <script>window.hacked=1</script>"
    '<img src=x onerror="window.hacked=1"><a href="javascript:window.hacked=1">点我</a>'
    '<a href="weixin://bizmsgmenu?msgmenucontent=100%25%20%2B%20A%26B&msgmenuid=%3C1%3E">符号</a>'
)
PAY_PAGE = """<!doctype html><html lang="zh-CN"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>支付订单 A27</title>
<style>:root{{color-scheme:light dark}}body{{font:17px/1.4 system-ui;margin:0;padding:24px 16px;
text-align:center}}button{{min-height:48px;min-width:184px;border:0;border-radius:8px;background:#07c160;
color:#fff;font:inherit}}</style>
<script src="{sdk}"></script></head><body><h1>合计 ¥14.50</h1>
<p>黄焖鸡米饭(中)等2件 · 送到竹园7栋大厅</p><p><button id="pay">微信支付</button></p>
<p id="said">还没有支付</p><p id="agent"></p><script src="pay.js"></script></body></html>"""
PAY_SCRIPT = """
const said = document.getElementById("said");
document.getElementById("agent").textContent = /MicroMessenger/.test(navigator.userAgent);
document.getElementById("pay").addEventListener("click", async () => {
  const request = await (await fetch(location.pathname + "/prepay", { method: "POST" })).json();
  WeixinJSBridge.invoke("getBrandWCPayRequest", request, (res) => {
    said.textContent = res.err_msg;
  });
});
"""
SDK_PAGE = """<!doctype html><html lang="zh-CN"><head><meta charset="utf-8"><title>拼单 G5</title>
<script src="{sdk}"></script></head><body><h1>拼单 G5</h1><ol id="said"></ol>
<button id="where">定位</button><button id="scan">扫码</button><button id="shut">关</button>
<button id="pick">选图</button>
<script>
const note = (line) => said.append(document.createElement("li")) ?? said.lastChild.append(line);
const told = (name) => (res) => note(name + " " + JSON.stringify(res));
wx.error(told("error"));
wx.ready(() => {{
  wx.updateAppMessageShareData({{ title: "一起拼单 G5", desc: "11:40 截止", link: location.href,
    success: told("share") }});
  wx.chooseWXPay({{ fail: told("pay") }});
}});
where.onclick = () => wx.getLocation({{ success: told("where"), fail: told("where") }});
scan.onclick = () => wx.scanQRCode({{ needResult: 1, success: told("scan") }});
pick.onclick = () => wx.chooseImage({{ count: 1, success: (res) =>
  wx.getLocalImgData({{ localId: res.localIds[0], success: told("image") }}) }});
shut.onclick = () => wx.closeWindow();
wx.config({config});
</script></body></html>"""


@dataclass
class SmallAccount:
    """What the account heard, and where its pages live (`url`)."""

    world: World
    url: str = ""
    heard: list[dict[str, str]] = field(default_factory=list)

    def after(self, count: int) -> list[dict[str, str]]:
        """What was heard, once there are `count` pushes; the bubble shows before the push goes."""
        deadline = time.monotonic() + 5
        while len(self.heard) < count and time.monotonic() < deadline:
            time.sleep(0.01)
        assert len(self.heard) == count, self.heard
        return self.heard

    def reply_to(self, text: str) -> str:
        if text.startswith("确认"):
            return f'合计 ¥14.50，给你留15分钟\n<a href="{self.url}/p/tok">👉点这里微信支付</a>'
        if text.startswith("G5"):
            return f'<a href="{self.url}/g/{text}">进拼单</a>'
        return {"怪": TRICKS, "菜单": "今天有：\n黄焖鸡 ¥14\n麻辣香锅 ¥16"}.get(text, QUOTE)

    def call(self, path: str, body: dict[str, Any] | None = None, **query: str) -> dict[str, Any]:
        """Call the simulator's API as the account's server does; without a body it is a GET."""
        account, base = self.world.account, self.world.base_url
        grant = {"grant_type": "client_credential", "appid": account.app_id,
                 "secret": account.secret}  # fmt: skip
        token = requests.post(f"{base}/cgi-bin/stable_token", json=grant, timeout=5).json()
        data = None if body is None else json.dumps(body, ensure_ascii=False).encode()
        query["access_token"] = token["access_token"]
        said = requests.request("GET" if body is None else "POST", f"{base}{path}",
                                params=query, data=data, timeout=5).json()  # fmt: skip
        assert said.get("errcode", 0) == 0, said
        return said

    def sdk_config(self, url: str) -> dict[str, Any]:
        """What a page at `url` gives to wx.config."""
        ticket = self.call("/cgi-bin/ticket/getticket", type="jsapi")["ticket"]
        said = f"jsapi_ticket={ticket}&noncestr=n0&timestamp=1795348752&url={url}"
        wanted = ["updateAppMessageShareData", "getLocation", "scanQRCode", "chooseImage",
                  "getLocalImgData"]  # fmt: skip
        return {"appId": self.world.account.app_id, "timestamp": 1795348752, "nonceStr": "n0",
                "signature": hashlib.sha1(said.encode()).hexdigest(),
                "jsApiList": wanted}  # fmt: skip

    def app(self) -> Flask:
        app = Flask("small_account")
        app.add_url_rule("/wechat", view_func=self._heard, methods=["POST"])
        app.add_url_rule("/p/tok", view_func=self._page)
        app.add_url_rule("/g/G5", view_func=self._group_page)
        app.add_url_rule("/p/pay.js", view_func=_script)
        app.add_url_rule("/p/tok/prepay", view_func=self._prepay, methods=["POST"])
        return app

    def _heard(self) -> Response:
        said = {e.tag: e.text or "" for e in ElementTree.fromstring(request.get_data())}
        self.heard.append(said)
        if said["MsgType"] not in ("text", "location"):
            return Response("success")
        text = self.reply_to(said.get("Content", ""))
        return Response(
            f"<xml><ToUserName><![CDATA[{said['FromUserName']}]]></ToUserName>"
            f"<FromUserName><![CDATA[{said['ToUserName']}]]></FromUserName>"
            f"<CreateTime>{int(time.time())}</CreateTime><MsgType><![CDATA[text]]></MsgType>"
            f"<Content><![CDATA[{text}]]></Content></xml>"
        )

    def _page(self) -> Response:
        answer = Response(PAY_PAGE.format(sdk=f"{self.world.base_url}/sim/static/jweixin.js"))
        answer.headers["X-Frame-Options"] = "DENY"
        answer.headers["Content-Security-Policy"] = (
            f"default-src 'none'; script-src 'self' {self.world.base_url}; connect-src 'self'; "
            "style-src 'unsafe-inline'; frame-ancestors 'none'"
        )
        return answer

    def _group_page(self) -> Response:
        config = self.sdk_config("http://forged/" if "forged" in request.args else request.url)
        sdk = f"{self.world.base_url}/sim/static/jweixin.js"
        return Response(SDK_PAGE.format(sdk=sdk, config=json.dumps(config)))

    def _prepay(self) -> dict[str, str]:
        return unpaid_order(self.world, next(iter(self.world.phones.values())))


def _script() -> Response:
    return Response(PAY_SCRIPT, content_type="text/javascript")


def unpaid_order(world: World, phone: Phone) -> dict[str, str]:
    """An unpaid order of 14.50 yuan, and what a page gives to getBrandWCPayRequest for it."""
    params = {"description": "跑堂订单A27", "notify_url": "http://127.0.0.1:9/n"}
    now = world.now()
    world.orders["A27-1"] = Order("A27-1", phone.app_id, phone.openid, 1450, params, now, now + 900)
    world.prepays["wx1"] = Prepay("wx1", "A27-1", now + 900)
    asked = {"appId": phone.app_id, "timeStamp": str(int(time.time())), "nonceStr": "n1",
             "package": "prepay_id=wx1", "signType": "RSA"}  # fmt: skip
    text = pay_crypto.message(*(asked[k] for k in ("appId", "timeStamp", "nonceStr", "package")))
    key = pay_crypto.private_key(world.credentials.merchant_key)
    return {**asked, "paySign": pay_crypto.sign(key, text)}
