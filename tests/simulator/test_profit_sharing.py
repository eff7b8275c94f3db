"""分账 by wechatpayv3: who may get how much of a payment, and what comes back."""
import pytest

from tests.simulator.merchant import made, order, paid, refund

SHARED = {"settle_info": {"profit_sharing": True}}


@pytest.fixture
def transaction_id(world, merchant, lin):
    merchant.profitsharing_add_receiver(
        account_type="PERSONAL_OPENID", account=lin.openid, relation_type="STAFF")
    found = paid(world, merchant, lin, total=10_000, **SHARED)
    world.advance(60)
    return found


def share(merchant, transaction_id, account, amount, *, number="S1", end=False, **kind):
    return made(merchant.profitsharing_order(transaction_id, number, [
        {"type": "PERSONAL_OPENID", "account": account, "amount": amount, "description": "配送"}
        | kind], end))


def left(merchant, transaction_id):
    return made(merchant.profitsharing_amount_query(transaction_id))[1]["unsplit_amount"]


def test_a_share(world, merchant, lin, transaction_id):
    status, told = share(merchant, transaction_id, lin.openid, 2000)

    assert (status, told["state"]) == (200, "FINISHED")
    assert [(r["amount"], r["result"]) for r in told["receivers"]] == [(2000, "SUCCESS")]
    assert share(merchant, transaction_id, lin.openid, 2000)[1] == told
    assert share(merchant, transaction_id, lin.openid, 1)[1]["code"] == "INVALID_REQUEST"
    assert made(merchant.profitsharing_order_query(transaction_id, "S1"))[1] == told
    assert left(merchant, transaction_id) == 8000
    assert made(merchant.profitsharing_unfreeze(transaction_id, "S2", "完成"))[0] == 200
    assert left(merchant, transaction_id) == 0
    assert share(merchant, transaction_id, lin.openid, 1, number="S3")[1][
        "code"] == "INVALID_REQUEST"


def test_thirty_percent_and_no_more(merchant, lin, transaction_id):
    assert share(merchant, transaction_id, lin.openid, 3001)[1]["code"] == "RULE_LIMIT"
    assert share(merchant, transaction_id, lin.openid, 3000)[0] == 200
    assert share(merchant, transaction_id, lin.openid, 1, number="S2")[1]["code"] == "RULE_LIMIT"


def test_who_was_not_added_gets_nothing(world, merchant, lin, transaction_id):
    other = world.add_phone("阿哲").openid
    assert share(merchant, transaction_id, other, 1)[1]["code"] == "INVALID_REQUEST"
    merchant.profitsharing_delete_receiver("PERSONAL_OPENID", lin.openid)
    assert share(merchant, transaction_id, lin.openid, 1)[1]["code"] == "INVALID_REQUEST"
    assert world.shares == {}


def test_a_share_is_not_refunded_before_it_came_back(world, merchant, lin, transaction_id):
    made(merchant.profitsharing_add_receiver("MERCHANT_ID", "1900000109", "PARTNER", "商户"))
    share(merchant, transaction_id, "1900000109", 2000, type="MERCHANT_ID")

    assert refund(merchant, "R1", 10_000, total=10_000)[1]["code"] == "NOT_ENOUGH"
    back = made(merchant.profitsharing_return("B1", "1900000109", 2000, "退货",
                                              out_order_no="S1"))[1]
    assert back["result"] == "SUCCESS"
    assert made(merchant.profitsharing_return_query("S1", "B1"))[1] == back
    assert made(merchant.profitsharing_return("B2", "1900000109", 1, "退货",
                                             world.shares["S1"].order_id))[1][
        "code"] == "NOT_ENOUGH"
    assert refund(merchant, "R1", 10_000, total=10_000)[0] == 200


def test_too_early_too_late_or_not_meant_for_it(world, merchant, lin):
    merchant.profitsharing_add_receiver("PERSONAL_OPENID", lin.openid, "STAFF")
    plain = paid(world, merchant, lin, "ORDER0002")
    fresh = paid(world, merchant, lin, "ORDER0003", total=10_000, **SHARED)
    order(merchant, lin, "ORDER0004", **SHARED)

    assert share(merchant, plain, lin.openid, 1)[1]["code"] == "NO_AUTH"
    assert share(merchant, fresh, lin.openid, 1)[1]["code"] == "INVALID_REQUEST"
    world.advance(31 * 86400)
    assert share(merchant, fresh, lin.openid, 1)[1]["code"] == "RULE_LIMIT"
