"""商家转账, asked for by wechatpayv3, confirmed on a phone."""
import pytest

from tests.simulator.merchant import made

REPORT = [{"info_type": "岗位类型", "info_content": "校园骑手"},
          {"info_type": "报酬说明", "info_content": "11月26日配送费"}]


@pytest.fixture(autouse=True)
def at_once(world):
    world.knobs.transfer_takes_s = 0


@pytest.fixture
def rider(world):
    return world.add_phone("阿哲", "rider")


def asked(world, merchant, rider, **other):
    return made(merchant.mch_transfer_bills(**{
        "out_bill_no": "T0001", "transfer_scene_id": "1005", "openid": rider.openid,
        "transfer_amount": 660, "transfer_remark": "配送费",
        "transfer_scene_report_infos": REPORT} | other))


def page_request(world, told):
    """What the page gives to WeixinJSBridge."""
    return {"mchId": world.credentials.mch_id, "appId": world.credentials.app_id,
            "package": told["package_info"]}


def test_the_rider_confirms_and_both_are_told(world, merchant, receiver, rider):
    status, told = asked(world, merchant, rider)
    assert (status, told["state"]) == (200, "WAIT_USER_CONFIRM")

    assert world.receive(rider, page_request(world, told)) == {
        "err_msg": "requestMerchantTransfer:ok"}
    assert world.settle()
    seen = made(merchant.mch_transfer_bills_query(out_bill_no="T0001"))[1]
    assert (seen["state"], seen["transfer_amount"], seen["openid"]) == (
        "SUCCESS", 660, rider.openid)
    assert made(merchant.mch_transfer_bills_query(
        transfer_bill_no=told["transfer_bill_no"]))[1] == seen
    notice = merchant.callback(*receiver.notices[0])
    assert notice["event_type"] == "MCHTRANSFER.BILL.FINISHED"
    assert notice["resource"] == {k: v for k, v in seen.items()
                                  if k not in ("appid", "transfer_remark")}
    assert world.heard(rider)[-1]["content"] == "微信支付 收款 ¥6.60"


def test_only_once_and_only_by_the_right_person(world, merchant, rider, lin):
    request = page_request(world, asked(world, merchant, rider)[1])

    assert world.receive(lin, request)["err_desc"] == "收款用户与当前用户不一致"
    assert world.receive(rider, request | {"mchId": "1"})["err_msg"].endswith(":fail")
    assert world.receive(rider, request)["err_msg"].endswith(":ok")
    assert world.receive(rider, request)["err_desc"] == "该笔转账已处理或已失效"
    assert world.receive(rider, request | {"package": ""})["err_msg"].endswith(":fail")


def test_the_same_number_pays_once(world, merchant, rider):
    first = asked(world, merchant, rider)[1]

    assert asked(world, merchant, rider)[1] == first
    assert asked(world, merchant, rider, transfer_amount=661)[1]["code"] == "INVALID_REQUEST"
    assert len(world.transfers) == 1


def test_unconfirmed_it_lapses_after_a_day(world, merchant, receiver, rider):
    request = page_request(world, asked(world, merchant, rider)[1])
    world.advance(86401)
    assert world.settle()

    seen = made(merchant.mch_transfer_bills_query(out_bill_no="T0001"))[1]
    assert (seen["state"], seen["fail_reason"]) == ("FAIL", "OVERDUE_CLOSE")
    assert merchant.callback(*receiver.notices[0])["resource"]["state"] == "FAIL"
    assert world.receive(rider, request)["err_msg"].endswith(":fail")


def test_cancelling(world, merchant, receiver, rider):
    request = page_request(world, asked(world, merchant, rider)[1])

    assert made(merchant.mch_transfer_bills_cancel("T0001"))[1]["state"] == "CANCELING"
    assert world.receive(rider, request)["err_msg"].endswith(":fail")
    assert world.settle()
    assert made(merchant.mch_transfer_bills_cancel("T0001"))[1]["state"] == "CANCELLED"
    assert made(merchant.mch_transfer_bills_query(out_bill_no="T0001"))[1]["state"] == "CANCELLED"
    assert made(merchant.mch_transfer_bills_cancel("T0009"))[0] == 404
    world.receive(rider, page_request(world, asked(world, merchant, rider, out_bill_no="T2")[1]))
    world.settle()
    assert made(merchant.mch_transfer_bills_cancel("T2"))[1]["code"] == "INVALID_REQUEST"


def test_a_transfer_that_fails_or_is_stuck(world, merchant, rider):
    world.faults.add("transfer", outcome="FAIL", code="PAYEE_ACCOUNT_ABNORMAL")
    stuck = world.faults.add("transfer", stay=True)
    for number in ("T1", "T2"):
        world.receive(rider, page_request(world, asked(
            world, merchant, rider, out_bill_no=number)[1]))
    assert world.settle()

    def state(number):
        return made(merchant.mch_transfer_bills_query(out_bill_no=number))[1]

    assert (state("T1")["state"], state("T1")["fail_reason"]) == ("FAIL", "PAYEE_ACCOUNT_ABNORMAL")
    assert state("T2")["state"] == "TRANSFERING"
    world.faults.remove(stuck.id)
    assert world.settle()
    assert state("T2")["state"] == "SUCCESS"


def test_what_is_left_on_the_account(world, merchant, rider):
    world.knobs.operation_balance_fen = 1000
    asked(world, merchant, rider)

    assert asked(world, merchant, rider, out_bill_no="T2")[1]["code"] == "NOT_ENOUGH"
    merchant.mch_transfer_bills_cancel("T0001")
    world.settle()
    assert asked(world, merchant, rider, out_bill_no="T2")[0] == 200


def test_without_confirmation_where_the_person_agreed_before(world, merchant, rider):
    world.knobs.transfer_needs_confirm = False
    told = asked(world, merchant, rider)[1]

    assert told["state"] == "PROCESSING"
    assert "package_info" not in told
    assert world.settle()
    assert world.transfers["T0001"].state == "SUCCESS"


@pytest.mark.parametrize(("change", "code"), [
    ({"out_bill_no": "T_1"}, "PARAM_ERROR"), ({"transfer_amount": 9}, "PARAM_ERROR"),
    ({"transfer_remark": "长" * 33}, "PARAM_ERROR"), ({"openid": "oNobody"}, "PARAM_ERROR"),
    ({"transfer_scene_id": "9999"}, "PARAM_ERROR"), ({"transfer_scene_id": "1009",
     "transfer_scene_report_infos": [{"info_type": "采购商品名称", "info_content": "饭"}]},
     "NO_AUTH"),
    ({"transfer_scene_report_infos": REPORT[:1]}, "PARAM_ERROR"),
    ({"transfer_scene_report_infos": []}, "PARAM_ERROR"),
    ({"notify_url": "http://example.com/n"}, "PARAM_ERROR")])
def test_what_is_refused(world, merchant, rider, change, code):
    assert asked(world, merchant, rider, **change)[1]["code"] == code
    assert world.transfers == {}


def test_names_are_sealed_and_needed_from_2000_yuan(world, merchant, rider):
    assert asked(world, merchant, rider, transfer_amount=200_000, user_name="李哲")[0] == 200
    body = world.transfers["T0001"].params
    assert body["user_name"] != "李哲"
    world.transfers.clear()
    merchant._core.encrypt = lambda text: "bm90IHNlYWxlZA=="
    told = asked(world, merchant, rider, transfer_amount=200_000, user_name="李哲")[1]
    assert told["detail"]["field"] == "/user_name"


def test_the_person_on_the_page_of_phones(world, merchant, rider):
    import requests

    request = page_request(world, asked(world, merchant, rider)[1])

    def phone(what):
        return requests.post(f"{world.base_url}/sim/phones/{rider.id}/{what}", json=request,
                             timeout=5).json()

    assert phone("transfer-sheet") == {"amount_fen": 660, "remark": "配送费",
                                       "payer": world.knobs.payee, "out_bill_no": "T0001"}
    assert phone("receive")["err_msg"].endswith(":ok")
    assert "error" in phone("transfer-sheet")
