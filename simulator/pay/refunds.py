"""Refunds, their query, and what a merchant does about an abnormal one (fact sheet C6)."""
import secrets

from simulator import cashier
from simulator.pay import fields, orders, profit_sharing
from simulator.pay.door import Body, PayError, serve
from simulator.state import Order, Refund
from simulator.world import World

NUMBER = r"[0-9A-Za-z_\-|*@]+"
A_YEAR_S, MOST_PARTS = 365 * 86400, 50


def refund(world: World, body: Body) -> Body:
    """POST /v3/refund/domestic/refunds: 200 means accepted. Same number, same refund."""
    number = fields.text(body, "/out_refund_no", 64, pattern=NUMBER)
    fields.text(body, "/reason", 80, optional=True)
    fields.notify_url(body, 256, optional=True)
    amount, total = fields.fen(body, "/amount/refund"), fields.fen(body, "/amount/total")
    fields.currency(body, required=True)
    with world.lock:
        order = _refundable(world, body)
        known = world.refunds.get(number)
        if known is not None:
            return _same_refund(world, known, order, amount)
        _check_refund(world, order, amount, total)
        made = Refund(number, f"5030{world.next_id() % 10**18:018d}{secrets.randbelow(10**6):06d}",
                      order.out_trade_no, amount, body, world.now())
        world.refunds[number], order.state = made, "REFUND"
        world.save(made)
        world.save(order)
        told = cashier.refund_told(world, made)
    cashier.settle_later(world, number)
    return told


def _refundable(world: World, body: Body) -> Order:
    transaction_id = fields.text(body, "/transaction_id", 32, optional=True)
    number = fields.text(body, "/out_trade_no", 32, optional=True)
    if bool(transaction_id) == bool(number):
        raise PayError(400, "PARAM_ERROR", "transaction_id和out_trade_no二选一")
    try:
        order = orders.found(world, number) if number \
            else orders.by_transaction(world, transaction_id)
    except PayError as error:
        raise PayError(404, "RESOURCE_NOT_EXISTS", "订单不存在") from error
    if order.state not in cashier.PAID:
        raise PayError(400, "INVALID_REQUEST", "订单未支付，不能退款")
    return order


def _same_refund(world: World, known: Refund, order: Order, amount: int) -> Body:
    if known.out_trade_no != order.out_trade_no or known.amount != amount:
        raise PayError(400, "INVALID_REQUEST", "订单金额或退款金额与之前请求不一致，请核实后再试")
    return cashier.refund_told(world, known)


def _check_refund(world: World, order: Order, amount: int, total: int) -> None:
    earlier = [r for r in world.refunds.values()
               if r.out_trade_no == order.out_trade_no and r.status != "CLOSED"]
    gone = sum(r.amount for r in earlier)
    if total != order.total:
        raise PayError(400, "INVALID_REQUEST", "订单金额与支付时不一致，请核实后再试")
    if gone + amount > order.total:
        raise PayError(400, "INVALID_REQUEST", "累计退款金额大于支付金额")
    if gone + amount > order.total - profit_sharing.shared_out(world, order):
        raise PayError(403, "NOT_ENOUGH", "基本账户余额不足，请先回退分账")
    if len(earlier) >= MOST_PARTS:
        raise PayError(403, "RULE_LIMIT", "一笔订单最多退款50次")
    if world.now() - order.paid_at > A_YEAR_S:
        raise PayError(403, "RULE_LIMIT", "交易时间超过一年的订单不能退款")
    if any(world.now() - r.made_at < world.knobs.refunds_apart_s for r in earlier):
        raise PayError(429, "FREQUENCY_LIMITED", "同一订单的部分退款请间隔1分钟")


def query_refund(world: World, args: Body, number: str) -> Body:
    with world.lock:
        found = world.refunds.get(number)
        if found is None:
            raise PayError(404, "RESOURCE_NOT_EXISTS", "退款单不存在")
        return cashier.refund_told(world, found)


def apply_abnormal(world: World, body: Body, refund_id: str) -> Body:
    """An ABNORMAL refund tried once more, to another card: the same refund, under way again."""
    number = fields.text(body, "/out_refund_no", 64, pattern=NUMBER)
    kind = fields.choice(body, "/type", ("USER_BANK_CARD", "MERCHANT_BANK_CARD"))
    if kind == "USER_BANK_CARD":
        fields.text(body, "/bank_type", 16)
        fields.secret(world, body, "/bank_account")
        fields.secret(world, body, "/real_name")
    with world.lock:
        found = world.refunds.get(number)
        if found is None or found.refund_id != refund_id:
            raise PayError(404, "RESOURCE_NOT_EXISTS", "退款单不存在")
        if found.status != "ABNORMAL":
            raise PayError(400, "INVALID_REQUEST", "只有退款异常的退款单可以发起异常退款")
        found.status, found.notified = "PROCESSING", False
        found.account = "用户银行卡" if kind == "USER_BANK_CARD" else "商户结算账户"
        world.save(found)
        told = cashier.refund_told(world, found)
    cashier.settle_later(world, number)
    return told


serve("/v3/refund/domestic/refunds", "POST", refund)
serve("/v3/refund/domestic/refunds/<number>", "GET", query_refund)
serve("/v3/refund/domestic/refunds/<refund_id>/apply-abnormal-refund", "POST", apply_abnormal)
