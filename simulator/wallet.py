"""A person's wallet: transfers from the merchant that they confirm, or let lapse (C8)."""
from functools import partial
from typing import TYPE_CHECKING, Any

from simulator import notices
from simulator.cashier import mark_heard, rfc3339
from simulator.notices import TRANSFER_LADDER_S, Notice
from simulator.state import Phone, Transfer

if TYPE_CHECKING:
    from simulator.world import World

OK, FAIL = "requestMerchantTransfer:ok", "requestMerchantTransfer:fail"
FINAL = ("SUCCESS", "FAIL", "CANCELLED")
LAPSED = "OVERDUE_CLOSE"


class CannotReceive(Exception):
    """Why the sheet does not come up."""


def sheet(world: "World", phone: Phone, asked: dict[str, Any]) -> dict[str, Any]:
    """What the person sees before they take the money. Raises CannotReceive."""
    with world.lock:
        transfer = _receivable(world, phone, asked)
    return {"amount_fen": transfer.amount, "remark": transfer.params["transfer_remark"],
            "payer": world.knobs.payee, "out_bill_no": transfer.out_bill_no}


def receive(world: "World", phone: Phone, asked: dict[str, Any]) -> dict[str, str]:
    """The person confirms. asked: {mchId, appId, package}, what the page gave to the bridge."""
    try:
        with world.lock:
            transfer = _receivable(world, phone, asked)
            _move(world, transfer, "TRANSFERING")
    except CannotReceive as reason:
        return {"err_msg": FAIL, "err_desc": str(reason)}
    settle_later(world, transfer)
    return {"err_msg": OK}


def _receivable(world: "World", phone: Phone, asked: dict[str, Any]) -> Transfer:
    package = asked.get("package")
    found = next((t for t in world.transfers.values() if package and t.package == package), None)
    if found is None or asked.get("mchId") != world.credentials.mch_id \
            or asked.get("appId") != found.app_id:
        raise CannotReceive("参数错误")
    if found.openid != phone.openid:
        raise CannotReceive("收款用户与当前用户不一致")
    if found.state != "WAIT_USER_CONFIRM":
        raise CannotReceive("该笔转账已处理或已失效")
    return found


def offer(world: "World", transfer: Transfer) -> None:
    """What follows the merchant's request: the person's turn, or none where none is needed."""
    if transfer.state == "WAIT_USER_CONFIRM":
        left = transfer.made_at + world.knobs.transfer_confirm_s - world.now()
        world.schedule.after(max(left, 0), partial(_lapse, world, transfer))
    elif transfer.state not in FINAL:
        settle_later(world, transfer)


def _lapse(world: "World", transfer: Transfer) -> None:
    if transfer.state == "WAIT_USER_CONFIRM":
        end(world, transfer, "FAIL", LAPSED)


def settle_later(world: "World", transfer: Transfer) -> None:
    """The money arrives a moment later, or as a fault at "transfer" has it."""
    fault = world.faults.take("transfer")
    state = fault.outcome if fault and fault.outcome else "SUCCESS"
    why = (fault.code or "PAYEE_ACCOUNT_ABNORMAL") if fault and state == "FAIL" else ""
    ended = partial(end, world, transfer, state, why)
    if fault:
        world.note("transfer", out_bill_no=transfer.out_bill_no, fault=fault.label)
    if fault and fault.stay:
        fault.when_off.append(ended)
        return
    world.schedule.after(world.knobs.transfer_takes_s + (fault.delay_s if fault else 0), ended)


def end(world: "World", transfer: Transfer, state: str, why: str = "") -> None:
    """SUCCESS, FAIL (with its reason) or CANCELLED; then both sides are told."""
    with world.lock:
        if transfer.state in FINAL:
            return
        transfer.fail_reason = why
        _move(world, transfer, state)
        if state == "SUCCESS":
            phone = world.phone(transfer.openid)
            world.record(phone, "notice",
                         content=f"微信支付 收款 ¥{transfer.amount / 100:.2f}")
    tell(world, transfer)


def _move(world: "World", transfer: Transfer, state: str) -> None:
    transfer.state, transfer.updated_at = state, world.now()
    world.save(transfer)


def told(world: "World", transfer: Transfer) -> dict[str, Any]:
    """A transfer as its query tells it."""
    body: dict[str, Any] = {
        "mch_id": world.credentials.mch_id, "out_bill_no": transfer.out_bill_no,
        "transfer_bill_no": transfer.transfer_bill_no, "appid": transfer.app_id,
        "state": transfer.state, "transfer_amount": transfer.amount,
        "transfer_remark": transfer.params["transfer_remark"], "openid": transfer.openid,
        "create_time": rfc3339(transfer.made_at), "update_time": rfc3339(transfer.updated_at)}
    if transfer.fail_reason:
        body["fail_reason"] = transfer.fail_reason
    return body


def tell(world: "World", transfer: Transfer, delay_s: float = 0.0) -> None:
    """MCHTRANSFER.BILL.FINISHED to the request's notify_url, if it gave one."""
    if not (url := transfer.params.get("notify_url")):
        return
    named = ("out_bill_no", "transfer_bill_no", "state", "mch_id", "transfer_amount", "openid",
             "fail_reason", "create_time", "update_time")
    said = told(world, transfer)
    notices.send(world, Notice(
        url, "transfer", "MCHTRANSFER.BILL.FINISHED", "商家转账单据终态通知", "mch_payment",
        {name: said[name] for name in named if name in said},
        partial(mark_heard, world, transfer), rfc3339(world.now()), TRANSFER_LADDER_S), delay_s)


def balance(world: "World") -> int:
    """What the merchant's operating account still has, in fen. Under the lock."""
    gone = sum(t.amount for t in world.transfers.values() if t.state not in ("FAIL", "CANCELLED"))
    return world.knobs.operation_balance_fen - gone


def resume(world: "World") -> None:
    """After a restart: go on with transfers and notices that were under way."""
    with world.lock:
        transfers = list(world.transfers.values())
    for transfer in transfers:
        if transfer.state not in FINAL:
            offer(world, transfer)
        elif not transfer.notified:
            tell(world, transfer, delay_s=15 * world.knobs.notify_scale)
