"""/sim: pay sheets, wallets, and what WeChat Pay itself decides."""
from simulator import cashier, platform_keys, wallet
from simulator.control.door import BadRequest, Told, asked, blueprint, field, world


@blueprint.post("/phones/<ref>/pay")
def pay(ref: str) -> Told:
    """{prepay_id, request?}: the person confirms; `request` is what the page gave the bridge."""
    body = asked()
    return world().pay(ref, field(body, "prepay_id"), body.get("request"))


@blueprint.post("/phones/<ref>/pay-sheet")
def pay_sheet(ref: str) -> Told:
    """{prepay_id, request?} → {amount_fen, description, payee, out_trade_no} or {error}."""
    body, here = asked(), world()
    try:
        return cashier.pay_sheet(here, here.phone(ref), field(body, "prepay_id"),
                                 body.get("request"))
    except cashier.CannotPay as reason:
        return {"error": str(reason)}


@blueprint.post("/phones/<ref>/pay-code")
def pay_code(ref: str) -> Told:
    """{link}: a Native code's text, or an H5 link opened outside WeChat."""
    try:
        order = cashier.pay_code(world(), world().phone(ref), field(asked(), "link"))
    except cashier.CannotPay as reason:
        return {"error": str(reason)}
    return {"out_trade_no": order.out_trade_no, "amount_fen": order.total}


@blueprint.post("/phones/<ref>/transfer-sheet")
def transfer_sheet(ref: str) -> Told:
    """{mchId, appId, package} → {amount_fen, remark, payer, out_bill_no} or {error}."""
    try:
        return wallet.sheet(world(), world().phone(ref), asked())
    except wallet.CannotReceive as reason:
        return {"error": str(reason)}


@blueprint.post("/phones/<ref>/receive")
def receive(ref: str) -> Told:
    """{mchId, appId, package}: the person takes the money."""
    return dict(world().receive(ref, asked()))


@blueprint.get("/payments")
def payments() -> Told:
    here = world()
    with here.lock:
        return {
            "orders": [cashier.transaction(here, order) | {
                "description": order.params["description"], "notified": order.notified}
                for order in here.orders.values()],
            "refunds": [cashier.refund_told(here, refund) | {"notified": refund.notified}
                        for refund in here.refunds.values()],
            "transfers": [wallet.told(here, each) | {"notified": each.notified}
                          for each in here.transfers.values()]}


@blueprint.post("/payments/<number>/notify")
def notify_again(number: str) -> Told:
    """Send the notice of a payment once more, as WeChat Pay may do even after a 200."""
    here = world()
    order = here.orders.get(number)
    if order is None or order.state not in cashier.PAID:
        raise BadRequest("no paid order has that number")
    cashier.notify_paid(here, order)
    return {"ok": True}


@blueprint.post("/refunds/<number>/settle")
def settle_refund(number: str) -> Told:
    """{status?}: the bank's word on a refund that is under way; SUCCESS unless told otherwise."""
    status = asked().get("status", "SUCCESS")
    if status not in cashier.REFUND_WORDS or number not in world().refunds:
        raise BadRequest("no such refund, or no such status")
    cashier.settle_refund(world(), number, status)
    return {"status": world().refunds[number].status}


@blueprint.post("/certificates/rotate")
def rotate() -> Told:
    """{used_in_s?}: a new platform certificate, signing from then on."""
    return {"serial": platform_keys.rotate(world(), float(asked().get("used_in_s", 0)))}
