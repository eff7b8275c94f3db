"""分账: shares of a payment for others, while it is frozen for it (fact sheet C8)."""
import secrets
from typing import Any

from simulator import cashier
from simulator.cashier import rfc3339
from simulator.pay import fields
from simulator.pay.door import Body, PayError, serve
from simulator.state import Order, Share
from simulator.world import World

NUMBER = r"[0-9A-Za-z_\-|*@]+"
TYPES = ("MERCHANT_ID", "PERSONAL_OPENID")
MINUTE_S, MONTH_S = 60, 30 * 86400
MOST_TIMES, MOST_RECEIVERS = 50, 50


def add_receiver(world: World, body: Body) -> Body:
    """POST /v3/profitsharing/receivers/add: adding one twice is harmless."""
    fields.account(world, body)
    kind = fields.choice(body, "/type", TYPES)
    account = fields.text(body, "/account", 64)
    relation = fields.text(body, "/relation_type", 32)
    if kind == "MERCHANT_ID":
        fields.secret(world, body, "/name")
    with world.lock:
        world.receivers[f"{kind} {account}"] = {
            "type": kind, "account": account, "relation_type": relation}
        world.store.put("receiver", f"{kind} {account}", world.receivers[f"{kind} {account}"])
    return {"type": kind, "account": account, "relation_type": relation}


def delete_receiver(world: World, body: Body) -> Body:
    fields.account(world, body)
    kind, account = fields.choice(body, "/type", TYPES), fields.text(body, "/account", 64)
    with world.lock:
        if world.receivers.pop(f"{kind} {account}", None) is None:
            raise PayError(400, "INVALID_REQUEST", "分账接收方不存在")
        world.store.drop("receiver", f"{kind} {account}")
    return {"type": kind, "account": account}


def share(world: World, body: Body) -> Body:
    """POST /v3/profitsharing/orders; `unfreeze_unsplit` gives the merchant the rest."""
    fields.account(world, body)
    number = fields.text(body, "/out_order_no", 64, pattern=NUMBER)
    unfreeze = body.get("unfreeze_unsplit")
    if not isinstance(unfreeze, bool):
        raise fields.bad("/unfreeze_unsplit", unfreeze, "应为 true 或 false")
    with world.lock:
        known = world.shares.get(number)
        if known is not None:
            return _told(_same_again(known, body))
        order = _sharable(world, fields.text(body, "/transaction_id", 32))
        receivers = _receivers(world, order, body.get("receivers"))
        _check_limits(world, order, sum(r["amount"] for r in receivers))
        return _told(_shared(world, order, number, receivers, body, unfreeze))


def _sharable(world: World, transaction_id: str) -> Order:
    order = next((o for o in world.orders.values() if o.transaction_id == transaction_id), None)
    if order is None or order.state not in cashier.PAID:
        raise PayError(400, "INVALID_REQUEST", "微信订单号不存在或未支付")
    if fields.at(order.params, "/settle_info/profit_sharing") is not True:
        raise PayError(403, "NO_AUTH", "非分账订单不支持分账")
    if any(s.transaction_id == transaction_id and s.unfrozen for s in world.shares.values()):
        raise PayError(400, "INVALID_REQUEST", "订单已完结分账，剩余资金已解冻")
    if world.now() - order.paid_at < MINUTE_S:
        raise PayError(400, "INVALID_REQUEST", "订单处理中，暂时无法分账，请支付成功1分钟后再试")
    if world.now() - order.paid_at > MONTH_S:
        raise PayError(403, "RULE_LIMIT", "订单已超过30天，不能分账")
    return order


def _same_again(known: Share, body: Body) -> Share:
    if known.params != body:
        raise PayError(400, "INVALID_REQUEST", "分账单号重复，且与原请求参数不一致")
    return known


def _receivers(world: World, order: Order, given: Any) -> list[Body]:
    if not isinstance(given, list) or not 1 <= len(given) <= MOST_RECEIVERS:
        raise fields.bad("/receivers", given, "应有 1 到 50 个接收方")
    return [_receiver(world, each, place) for place, each in enumerate(given)]


def _receiver(world: World, given: Any, place: int) -> Body:
    one = given if isinstance(given, dict) else {}
    kind, account = fields.choice(one, "/type", TYPES), fields.text(one, "/account", 64)
    if f"{kind} {account}" not in world.receivers:
        raise PayError(400, "INVALID_REQUEST", f"第{place + 1}个分账接收方未添加")
    return {"type": kind, "account": account, "amount": fields.fen(one, "/amount"),
            "description": fields.text(one, "/description", 80)}


def _check_limits(world: World, order: Order, amount: int) -> None:
    earlier = [s for s in world.shares.values() if s.transaction_id == order.transaction_id]
    if len(earlier) >= MOST_TIMES:
        raise PayError(403, "RULE_LIMIT", "单个订单最多分账50次")
    out = shared_out(world, order)
    refunded = sum(r.amount for r in world.refunds.values()
                   if r.out_trade_no == order.out_trade_no and r.status != "CLOSED")
    if out + amount > int(order.total * world.knobs.profit_sharing_ratio):
        raise PayError(403, "RULE_LIMIT", "分账金额超过最大分账比例")
    if out + amount > order.total - refunded:
        raise PayError(403, "NOT_ENOUGH", "剩余待分金额不足")


def _shared(world: World, order: Order, number: str, receivers: list[Body], body: Body,
            unfreeze: bool) -> Share:
    at = rfc3339(world.now())
    rows = [{**r, "result": "SUCCESS", "create_time": at, "finish_time": at,
             "detail_id": f"3600{world.next_id() % 10**20:020d}"} for r in receivers]
    made = Share(number, f"3008450740{secrets.randbelow(10**18):018d}", order.transaction_id,
                 rows, body, world.now(), unfreeze)
    world.shares[number] = made
    world.save(made)
    return made


def _told(share: Share) -> Body:
    """FINISHED says that it was carried out; how, each receiver's `result` says."""
    return {"transaction_id": share.transaction_id, "out_order_no": share.out_order_no,
            "order_id": share.order_id, "state": "FINISHED", "receivers": share.receivers}


def query(world: World, args: Body, number: str) -> Body:
    if not args.get("transaction_id"):
        raise fields.bad("/transaction_id", None, "缺少必填字段", location="query")
    with world.lock:
        found = world.shares.get(number)
        if found is None or found.transaction_id != args["transaction_id"]:
            raise PayError(404, "RESOURCE_NOT_EXISTS", "分账单不存在")
        return _told(found)


def unfreeze(world: World, body: Body) -> Body:
    """POST /v3/profitsharing/orders/unfreeze: what is left is the merchant's own."""
    number = fields.text(body, "/out_order_no", 64, pattern=NUMBER)
    fields.text(body, "/description", 80)
    with world.lock:
        known = world.shares.get(number)
        if known is not None:
            return _told(_same_again(known, body))
        order = _sharable(world, fields.text(body, "/transaction_id", 32))
        return _told(_shared(world, order, number, [], body, True))


def give_back(world: World, body: Body) -> Body:
    """POST /v3/profitsharing/return-orders: a merchant receiver gives its share back."""
    number = fields.text(body, "/out_return_no", 64, pattern=NUMBER)
    merchant = fields.text(body, "/return_mchid", 32)
    amount = fields.fen(body, "/amount")
    fields.text(body, "/description", 80)
    with world.lock:
        found = _share(world, body)
        row = next((r for r in found.receivers if r["account"] == merchant), None) \
            if found else None
        if found is None or row is None:
            raise PayError(404, "RESOURCE_NOT_EXISTS", "分账单不存在")
        known = found.returns.get(number)
        if known is None:
            if sum(r["amount"] for r in found.returns.values()) + amount > row["amount"]:
                raise PayError(403, "NOT_ENOUGH", "回退金额大于分账金额")
            known = found.returns[number] = {
                "out_order_no": found.out_order_no, "order_id": found.order_id,
                "out_return_no": number, "return_id": f"3008450740{secrets.randbelow(10**18):018d}",
                "return_mchid": merchant, "amount": amount, "result": "SUCCESS",
                "create_time": rfc3339(world.now()), "finish_time": rfc3339(world.now())}
            world.save(found)
        return known


def _share(world: World, body: Body) -> Share | None:
    order_id = fields.text(body, "/order_id", 64, optional=True)
    number = fields.text(body, "/out_order_no", 64, optional=True)
    if bool(order_id) == bool(number):
        raise PayError(400, "PARAM_ERROR", "order_id和out_order_no二选一")
    return world.shares.get(number) if number else next(
        (s for s in world.shares.values() if s.order_id == order_id), None)


def query_return(world: World, args: Body, number: str) -> Body:
    with world.lock:
        found = world.shares.get(str(args.get("out_order_no")))
        if found is None or number not in found.returns:
            raise PayError(404, "RESOURCE_NOT_EXISTS", "回退单不存在")
        return found.returns[number]


def amounts(world: World, args: Body, transaction_id: str) -> Body:
    """What of a payment can still be shared."""
    with world.lock:
        order = next((o for o in world.orders.values()
                      if o.transaction_id == transaction_id), None)
        if order is None:
            raise PayError(404, "RESOURCE_NOT_EXISTS", "订单不存在")
        ended = any(s.unfrozen for s in world.shares.values()
                    if s.transaction_id == transaction_id)
        left = 0 if ended else order.total - shared_out(world, order)
    return {"transaction_id": transaction_id, "unsplit_amount": left}


def shared_out(world: World, order: Order) -> int:
    """How much of the payment others have, in fen. Under the lock."""
    out = [s for s in world.shares.values() if s.transaction_id == order.transaction_id]
    return sum(r["amount"] for s in out for r in s.receivers) \
        - sum(r["amount"] for s in out for r in s.returns.values())


serve("/v3/profitsharing/receivers/add", "POST", add_receiver)
serve("/v3/profitsharing/receivers/delete", "POST", delete_receiver)
serve("/v3/profitsharing/orders", "POST", share)
serve("/v3/profitsharing/orders/<number>", "GET", query)
serve("/v3/profitsharing/orders/unfreeze", "POST", unfreeze)
serve("/v3/profitsharing/return-orders", "POST", give_back)
serve("/v3/profitsharing/return-orders/<number>", "GET", query_return)
serve("/v3/profitsharing/transactions/<transaction_id>/amounts", "GET", amounts)
