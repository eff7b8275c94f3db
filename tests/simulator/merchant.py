"""A merchant by wechatpayv3: orders that are paid, and answers read."""
import json
from typing import Any

from wechatpayv3 import WeChatPay

from simulator.state import Phone
from simulator.world import World

Told = dict[str, Any]


def made(answer: tuple[int, Any]) -> tuple[int, Told]:
    """(status, JSON) of a wechatpayv3 answer."""
    return answer[0], json.loads(answer[1]) if answer[1] else {}


def order(merchant: WeChatPay, phone: Phone, number: str = "ORDER0001", total: int = 1750,
          **more: Any) -> tuple[int, Told]:
    return made(merchant.pay(description="黄焖鸡(大)等2件", out_trade_no=number,
                             amount={"total": total}, payer={"openid": phone.openid}, **more))


def paid(world: World, merchant: WeChatPay, phone: Phone, number: str = "ORDER0001",
         total: int = 1750, **more: Any) -> str:
    """Order and pay; the transaction_id."""
    prepay_id = order(merchant, phone, number, total, **more)[1]["prepay_id"]
    assert world.pay(phone, prepay_id) == {"err_msg": "get_brand_wcpay_request:ok"}
    assert world.settle()
    return world.orders[number].transaction_id


def refund(merchant: WeChatPay, number: str, fen: int, *, total: int = 1750,
           order_number: str = "ORDER0001", notify_url: str | None = None) -> tuple[int, Told]:
    return made(merchant.refund(
        out_refund_no=number, out_trade_no=order_number, notify_url=notify_url,
        amount={"refund": fen, "total": total, "currency": "CNY"}))
