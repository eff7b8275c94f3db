"""Orders by JSAPI, Native and H5; query and close (fact sheet C3, C4)."""
import secrets
from datetime import datetime
from urllib.parse import quote

from simulator import cashier
from simulator.pay import fields
from simulator.pay.door import Body, PayError, serve
from simulator.state import Order, Prepay
from simulator.world import World

WEEK_S = 7 * 86400
PREPAY_S, H5_LINK_S = 7200, 300
NUMBER = r"[0-9A-Za-z_\-|*]+"


def jsapi(world: World, body: Body) -> Body:
    """POST /v3/pay/transactions/jsapi: a prepay_id, good for two hours."""
    return {"prepay_id": _placed(world, body, "JSAPI", PREPAY_S)}


def native(world: World, body: Body) -> Body:
    """POST /v3/pay/transactions/native: what a QR code says that another phone scans."""
    prepay_id = _placed(world, body, "NATIVE", PREPAY_S)
    return {"code_url": f"weixin://wxpay/bizpayurl?pr={prepay_id}"}


def h5(world: World, body: Body) -> Body:
    """POST /v3/pay/transactions/h5: a link for a browser that is not WeChat's, for five minutes."""
    fields.text(body, "/scene_info/payer_client_ip", 45)
    fields.choice(body, "/scene_info/h5_info/type", ("iOS", "Android", "Wap"))
    prepay_id = _placed(world, body, "MWEB", H5_LINK_S)
    return {"h5_url": f"{world.base_url}/cgi-bin/mmpayweb-bin/checkmweb"
                      f"?prepay_id={quote(prepay_id)}&package={secrets.randbelow(10**10)}"}


def _placed(world: World, body: Body, trade_type: str, lasts_s: float) -> str:
    number, order = checked_order(world, body, trade_type)
    with world.lock:
        known = world.orders.get(number)
        if known is not None:
            order = _same_again(known, order)
        world.orders[number] = order
        world.save(order)
        day = datetime.fromtimestamp(world.now(), cashier.CHINA).strftime("%d%H%M%S")
        prepay = Prepay(f"wx{day}{secrets.token_hex(13)}", number, world.now() + lasts_s)
        world.prepays[prepay.prepay_id] = prepay
        world.save(prepay)
    return prepay.prepay_id


def checked_order(world: World, body: Body, trade_type: str = "JSAPI") -> tuple[str, Order]:
    account = fields.account(world, body)
    fields.check_mchid(world, fields.text(body, "/mchid", 32))
    fields.text(body, "/description", 127)
    number = fields.text(body, "/out_trade_no", 32, shortest=6, pattern=NUMBER)
    fields.text(body, "/attach", 128, optional=True)
    fields.text(body, "/goods_tag", 32, optional=True)
    fields.notify_url(body, 255)
    total = fields.fen(body, "/amount/total")
    fields.currency(body, required=False)
    openid = fields.openid(world, account, body, "/payer/openid") if trade_type == "JSAPI" else ""
    now = world.now()
    return number, Order(number, account.app_id, openid, total, body, now, _expiry(body, now),
                         trade_type=trade_type)


def _expiry(body: Body, now: float) -> float:
    """time_expire, raised to a minute from now and lowered to a week; a week when unsaid."""
    at = fields.moment(body, "/time_expire")
    if at is None:
        return now + WEEK_S
    if at <= now:
        raise fields.bad("/time_expire", body["time_expire"], "早于当前时间")
    return min(max(at, now + 60), now + WEEK_S)


def _same_again(known: Order, again: Order) -> Order:
    """The same number once more: the same order, if all but time_expire is as it was."""
    if known.state in cashier.PAID:
        raise PayError(400, "ORDERPAID", "该订单已支付")
    if known.state == "CLOSED":
        raise PayError(400, "ORDER_CLOSED", "该订单已关闭")
    if known.trade_type != again.trade_type or _compared(known.params) != _compared(again.params):
        raise PayError(403, "OUT_TRADE_NO_USED", "商户订单号重复，请核实商户订单号是否重复提交")
    return known


def _compared(params: Body) -> Body:
    return {name: value for name, value in params.items() if name != "time_expire"}


def query_by_number(world: World, args: Body, number: str) -> Body:
    _check_asked_mchid(world, args)
    with world.lock:
        return cashier.transaction(world, found(world, number))


def query_by_id(world: World, args: Body, transaction_id: str) -> Body:
    _check_asked_mchid(world, args)
    with world.lock:
        return cashier.transaction(world, by_transaction(world, transaction_id))


def _check_asked_mchid(world: World, args: Body) -> None:
    if not args.get("mchid"):
        raise PayError(400, "PARAM_ERROR", "缺少参数mchid")
    fields.check_mchid(world, str(args["mchid"]))


def found(world: World, number: str) -> Order:
    """The order, closed by itself seven days after it was made if nobody paid."""
    order = world.orders.get(number)
    if order is None:
        raise PayError(404, "ORDER_NOT_EXIST", "订单不存在")
    if order.state == "NOTPAY" and world.now() >= order.made_at + WEEK_S:
        order.state = "CLOSED"
        world.save(order)
    return order


def by_transaction(world: World, transaction_id: str) -> Order:
    for order in world.orders.values():
        if transaction_id and order.transaction_id == transaction_id:
            return order
    raise PayError(404, "ORDER_NOT_EXIST", "订单不存在")


def close(world: World, body: Body, number: str) -> None:
    """204, also for one that is closed already; a paid one stays as it is."""
    fields.check_mchid(world, fields.text(body, "/mchid", 32))
    with world.lock:
        order = found(world, number)
        if order.state in cashier.PAID:
            raise PayError(400, world.knobs.close_paid_code, "该订单已支付")
        order.state = "CLOSED"
        world.save(order)


serve("/v3/pay/transactions/jsapi", "POST", jsapi)
serve("/v3/pay/transactions/native", "POST", native)
serve("/v3/pay/transactions/h5", "POST", h5)
serve("/v3/pay/transactions/out-trade-no/<number>", "GET", query_by_number)
serve("/v3/pay/transactions/id/<transaction_id>", "GET", query_by_id)
serve("/v3/pay/transactions/out-trade-no/<number>/close", "POST", close)
