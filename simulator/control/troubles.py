"""The usual troubles by name, each with the places where it can strike: switches for the page.

GET /sim/troubles lists them and what is on; POST /sim/troubles/NAME {where?, times?, who?}
switches one on (times null: until it is switched off); DELETE /sim/faults/ID switches it off.
"""
from dataclasses import dataclass
from typing import Any

from flask import abort

from simulator.control.door import BadRequest, Told, asked, blueprint, world
from simulator.control.machine import add_fault

SEND, TEMPLATE = "/cgi-bin/message/custom/send", "/cgi-bin/message/template/send"
API = (("/cgi-bin/*", "全部接口"), (SEND, "客服消息"), (TEMPLATE, "模板消息"),
       ("/cgi-bin/stable_token", "取 access_token"), ("/sns/*", "网页授权"),
       ("/cgi-bin/tags/*", "标签"), ("/cgi-bin/me*", "消息、菜单、素材"),
       ("/cgi-bin/qrcode/create", "二维码"))
PAY = (("/v3/*", "全部支付接口"), ("/v3/pay/transactions/jsapi", "下单"),
       ("/v3/pay/transactions/out-trade-no/[!/]*", "查单、关单"),
       ("/v3/pay/transactions/out-trade-no/*/close", "关单"),
       ("/v3/refund/domestic/refunds", "退款"), ("/v3/refund/domestic/refunds/*", "查退款"),
       ("/v3/fund-app/*", "商家转账"), ("/v3/bill/*", "账单"), ("/v3/certificates", "平台证书"))
PUSH = (("push/*", "全部推送"), ("push/text", "文字消息"), ("push/event/CLICK", "点菜单"),
        ("push/event/*", "全部事件"), ("push/location", "位置"), ("push/image", "图片"),
        ("push/event/TEMPLATESENDJOBFINISH", "模板消息回执"))
NOTICE = (("notify/transaction", "支付通知"), ("notify/refund", "退款通知"),
          ("notify/transfer", "转账通知"), ("notify/*", "全部通知"))


REPORT = (("template/report", "模板消息回执"),)
FLOW_ROW = (("bill/flow/交易/*", "资金账单的收款"), ("bill/flow/退款/*", "资金账单的退款"),
            ("bill/trade/*", "交易账单"))


@dataclass(frozen=True, slots=True)
class Trouble:
    group: str
    title: str
    places: tuple[tuple[str, str], ...]  # (where, what the page calls it); the first is usual
    effect: dict[str, Any]


def _at(where: str, title: str) -> tuple[tuple[str, str], ...]:
    return ((where, title),)


TROUBLES = {
    "api-slow": Trouble("接口", "慢 6 秒", API, {"delay_s": 6}),
    "api-5xx": Trouble("接口", "502", API, {"status": 502, "body": "Bad Gateway"}),
    "api-cut": Trouble("接口", "连接断掉", API, {"cut": True}),
    "api-answer-lost": Trouble("接口", "办了，答复丢了", API, {"lose_answer": True}),
    "api-busy": Trouble("接口", "系统繁忙 -1", API, {"errcode": -1, "errmsg": "system error"}),
    "token-revoked": Trouble("接口", "token 被作废", API, {"revoke": True}),
    "quota-day": Trouble("接口", "今天的次数用完 45009", API, {
        "errcode": 45009, "errmsg": "reach max api daily quota limit"}),
    "quota-minute": Trouble("接口", "这一分钟太多 45011", API, {
        "errcode": 45011, "errmsg": "api minute-quota reach limit  mustslower  retry next minute"}),
    "window-closed": Trouble("接口", "48 小时已过 45015", _at(SEND, "客服消息"), {
        "errcode": 45015, "errmsg": "response out of time limit or subscription is canceled"}),
    "window-used": Trouble("接口", "窗口内条数用完 45047", _at(SEND, "客服消息"), {
        "errcode": 45047, "errmsg": "out of response count limit"}),
    "messages-off": Trouble("接口", "对方关掉了消息 48002", _at(SEND, "客服消息"), {
        "errcode": 48002, "errmsg": "user refuse to receive the msg"}),
    "not-following": Trouble("接口", "对方没有关注 43004", _at(TEMPLATE, "模板消息"), {
        "errcode": 43004, "errmsg": "require subscribe"}),
    "template-blocked": Trouble("接口", "被对方拒收（回执）", REPORT, {
        "outcome": "failed:user block"}),
    "template-failed": Trouble("接口", "发送失败（回执）", REPORT, {
        "outcome": "failed: system failed"}),
    "push-lost": Trouble("推送", "丢了", PUSH, {"drop": True}),
    "push-late": Trouble("推送", "晚到 8 秒", PUSH, {"delay_s": 8}),
    "push-twice": Trouble("推送", "同一条来三遍", PUSH, {"repeat": 2}),
    "push-retried": Trouble("推送", "没听到答复，再推两次", PUSH, {
        "lose_answer": True, "retries": 2}),
    "push-shuffled": Trouble("推送", "被后一条超过", PUSH, {"behind": 1}),
    "push-forged": Trouble("推送", "签名不对", PUSH, {"forge": True}),
    "pay-slow": Trouble("支付", "慢 6 秒", PAY, {"delay_s": 6}),
    "pay-5xx": Trouble("支付", "500 SYSTEM_ERROR", PAY, {"status": 500, "code": "SYSTEM_ERROR"}),
    "pay-answer-lost": Trouble("支付", "办了，答复丢了", PAY, {"lose_answer": True}),
    "bill-row-lost": Trouble("支付", "账单少一行", FLOW_ROW, {"drop": True}),
    "fee-differs": Trouble("支付", "资金账单的手续费不对", _at(
        "bill/flow/交易手续费/*", "手续费"), {"change": {"收支金额(元)": "0.99"}}),
    "pay-too-often": Trouble("支付", "429 频率过高", PAY, {
        "status": 429, "code": "FREQUENCY_LIMITED", "message": "频率过高，请稍后再试"}),
    "refund-no-money": Trouble("支付", "余额不足，退不了", _at(PAY[4][0], "退款"), {
        "status": 403, "code": "NOT_ENOUGH", "message": "基本账户余额不足，请充值后重新发起"}),
    "close-paid": Trouble("支付", "关单前一刻付了款", _at(PAY[3][0], "关单"), {"pay_first": True}),
    "notice-lost": Trouble("通知", "丢了（15 秒后再来）", NOTICE, {"drop": True}),
    "notice-late": Trouble("通知", "晚到一分钟", NOTICE, {"delay_s": 60}),
    "notice-twice": Trouble("通知", "同一条来三遍", NOTICE, {"repeat": 2}),
    "notice-retried": Trouble("通知", "没听到答复，再来一遍", NOTICE, {"lose_answer": True}),
    "notice-shuffled": Trouble("通知", "被后一条超过", NOTICE, {"behind": 1}),
    "notice-forged": Trouble("通知", "签名不对", NOTICE, {"forge": True}),
    "notice-probed": Trouble("通知", "先来一条探测 SIGNTEST", NOTICE, {"signtest": True}),
    "notice-amount": Trouble("通知", "金额不对", _at("notify/transaction", "支付通知"), {
        "change": {"amount.total": 1, "amount.payer_total": 1}}),
    "notice-payer": Trouble("通知", "付款人不对", _at("notify/transaction", "支付通知"), {
        "change": {"payer.openid": "oSomebodyElse000000000000000"}}),
    "notice-app": Trouble("通知", "服务号不对", _at("notify/transaction", "支付通知"), {
        "change": {"appid": "wx0000000000000000"}}),
    "refund-stuck": Trouble("资金", "退款受理后卡住（关掉才到账）", _at("refund", "退款"), {
        "stay": True}),
    "refund-abnormal": Trouble("资金", "退款异常", _at("refund", "退款"), {"outcome": "ABNORMAL"}),
    "refund-closed": Trouble("资金", "退款关闭", _at("refund", "退款"), {"outcome": "CLOSED"}),
    "transfer-stuck": Trouble("资金", "转账卡住（关掉才到账）", _at("transfer", "商家转账"), {
        "stay": True}),
    "transfer-failed": Trouble("资金", "转账失败", _at("transfer", "商家转账"), {
        "outcome": "FAIL", "code": "PAYEE_ACCOUNT_ABNORMAL"}),
}


@blueprint.get("/troubles")
def troubles() -> Told:
    """{troubles: [{name, group, title, places: [{where, title}]}], on: faults as /sim/faults}."""
    return {"on": world().faults.listed(), "troubles": [
        {"name": name, "group": t.group, "title": t.title,
         "places": [{"where": where, "title": title} for where, title in t.places]}
        for name, t in TROUBLES.items()]}


@blueprint.post("/troubles/<name>")
def switch_on(name: str) -> Told:
    """{where?, times?, who?} → {id, on}. `times` is 1 unless told; null: until switched off."""
    trouble, body = TROUBLES.get(name), asked()
    if trouble is None:
        abort(404)
    where = body.get("where", trouble.places[0][0])
    title = dict(trouble.places).get(where, where)
    if not isinstance(where, str):
        raise BadRequest("where is missing or of the wrong kind")
    fault_id = add_fault({
        "where": where, "times": body.get("times", 1), "who": str(body.get("who") or ""),
        "label": f"{title}：{trouble.title}", **trouble.effect})
    return {"id": fault_id, "on": world().faults.listed()}
