"""商家转账: a transfer to one person, who confirms it in WeChat (fact sheet C8)."""
import secrets
from typing import Any

from simulator import wallet
from simulator.cashier import rfc3339
from simulator.pay import fields
from simulator.pay.door import Body, PayError, serve
from simulator.state import Transfer
from simulator.world import World

PATH = "/v3/fund-app/mch-transfer/transfer-bills"
TOLD_FOR_S = 30 * 86400  # 只支持查询最近30天内的转账单; the fund-flow bill tells for longer
NAME_FROM_FEN, NAME_FORBIDDEN_BELOW_FEN, LEAST_FEN = 200_000, 30, 10
# scene → the info_types that its report must have (1005: 佣金报酬)
SCENES = {"1000": ("活动名称", "奖励说明"), "1002": ("销售商品名称",), "1004": ("采购商品名称",),
          "1005": ("岗位类型", "报酬说明"), "1009": ("采购商品名称",), "1010": ("活动名称",),
          "1011": ("赔付原因",), "1013": ("补贴类型",)}


def transfer(world: World, body: Body) -> Body:
    """POST …/transfer-bills. Same number and particulars: the same transfer, as it stands."""
    made = _checked(world, body)
    with world.lock:
        known = world.transfers.get(made.out_bill_no)
        if known is not None:
            return _answered(_same_again(known, made))
        if made.amount > wallet.balance(world):
            raise PayError(403, "NOT_ENOUGH", "商户运营账户资金不足")
        world.transfers[made.out_bill_no] = made
        world.save(made)
        told = _answered(made)
    wallet.offer(world, made)
    return told


def _checked(world: World, body: Body) -> Transfer:
    account = fields.account(world, body)
    number = fields.text(body, "/out_bill_no", 32, pattern=r"[0-9A-Za-z]+")
    openid = fields.openid(world, account, body, "/openid")
    amount = fields.fen(body, "/transfer_amount", least=LEAST_FEN)
    fields.text(body, "/transfer_remark", 32)
    fields.text(body, "/user_recv_perception", 64, optional=True)
    fields.notify_url(body, 256, optional=True)
    _check_scene(world, body)
    _check_name(world, body, amount)
    bill = f"1330{world.next_id() % 10**18:018d}{secrets.randbelow(10**10):010d}"
    if world.knobs.transfer_needs_confirm:
        state, package = "WAIT_USER_CONFIRM", secrets.token_urlsafe(48)
    else:
        state, package = "PROCESSING", ""
    return Transfer(number, bill, account.app_id, openid, amount, body, world.now(), state,
                    package=package, updated_at=world.now())


def _check_scene(world: World, body: Body) -> None:
    scene = fields.choice(body, "/transfer_scene_id", tuple(SCENES))
    if scene not in world.knobs.transfer_scenes:
        raise PayError(403, "NO_AUTH", "商户未开通该转账场景，请到商户平台开通")
    reports: Any = body.get("transfer_scene_report_infos")
    given = [r.get("info_type") for r in reports if isinstance(r, dict)
             and isinstance(r.get("info_content"), str) and 0 < len(r["info_content"]) <= 32] \
        if isinstance(reports, list) else []
    if sorted(map(str, given)) != sorted(SCENES[scene]):
        raise fields.bad("/transfer_scene_report_infos", reports,
                         f"该场景须报备：{'、'.join(SCENES[scene])}，每项 1 到 32 个字")


def _check_name(world: World, body: Body, amount: int) -> None:
    name = fields.secret(world, body, "/user_name", optional=True)
    if amount >= NAME_FROM_FEN and not name:
        raise fields.bad("/user_name", None, "转账金额不小于2000元时必须填写收款用户姓名")
    if amount < NAME_FORBIDDEN_BELOW_FEN and name:
        raise fields.bad("/user_name", body["user_name"], "转账金额小于0.3元时不支持校验姓名")


def _same_again(known: Transfer, again: Transfer) -> Transfer:
    def compared(params: Body) -> Body:
        return {k: v for k, v in params.items() if k != "user_name"}  # sealed anew each time

    if compared(known.params) != compared(again.params):
        raise PayError(400, "INVALID_REQUEST", "商户单号重复，且与原转账单信息不一致")
    return known


def _answered(transfer: Transfer) -> Body:
    told = {"out_bill_no": transfer.out_bill_no, "transfer_bill_no": transfer.transfer_bill_no,
            "create_time": rfc3339(transfer.made_at), "state": transfer.state}
    if transfer.state == "WAIT_USER_CONFIRM":
        told["package_info"] = transfer.package
    if transfer.fail_reason:
        told["fail_reason"] = transfer.fail_reason
    return told


def query(world: World, args: Body, number: str) -> Body:
    with world.lock:
        return _told(world, _found(world, number))


def query_by_bill(world: World, args: Body, bill: str) -> Body:
    with world.lock:
        for each in world.transfers.values():
            if each.transfer_bill_no == bill:
                return _told(world, each)
    raise PayError(404, "NOT_FOUND", "转账单不存在")


def _told(world: World, found: Transfer) -> Body:
    if world.now() - found.made_at > TOLD_FOR_S:
        raise PayError(404, "NOT_FOUND", "转账单不存在")
    return wallet.told(world, found)


def _found(world: World, number: str) -> Transfer:
    found = world.transfers.get(number)
    if found is None:
        raise PayError(404, "NOT_FOUND", "转账单不存在")
    return found


def cancel(world: World, body: Body, number: str) -> Body:
    """POST …/cancel: while the person has not confirmed. CANCELING, a moment later CANCELLED."""
    with world.lock:
        found = _found(world, number)
        if found.state == "WAIT_USER_CONFIRM":
            found.state, found.updated_at = "CANCELING", world.now()
            world.save(found)
            world.schedule.after(world.knobs.transfer_takes_s,
                                 lambda: wallet.end(world, found, "CANCELLED"))
        elif found.state not in ("CANCELING", "CANCELLED"):
            raise PayError(400, "INVALID_REQUEST", "转账单当前状态不支持撤销")
        return {"out_bill_no": number, "transfer_bill_no": found.transfer_bill_no,
                "state": found.state, "update_time": rfc3339(found.updated_at)}


serve(PATH, "POST", transfer)
serve(f"{PATH}/out-bill-no/<number>", "GET", query)
serve(f"{PATH}/transfer-bill-no/<bill>", "GET", query_by_bill)
serve(f"{PATH}/out-bill-no/<number>/cancel", "POST", cancel)
