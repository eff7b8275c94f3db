"""The whole lunch, in every way that its messages may come."""
import re

from models.base import Sessions
from tests.support.payment import balances
from tests.support.transcript import Chat

LUNCH = """
    小林  来份黄焖鸡微辣不要香菜 送12栋302
    bot   order.quoted  code=$c  payable=¥13.00
    小林  〔确认付款〕
    bot   order.confirmed  code=$c  payable=¥13.00
    (小林 pays)
    (work)
    card  小林  paid  $c  待接单
    card  阿香  merchant_order  $c  黄焖鸡米饭
    阿香  接$c
    bot   kitchen.accepted  code=$c
    阿哲  上线
    bot   rider.online  count=0
    (work)
    push  阿哲  rider.offer  code=$c
    阿哲  〔接〕
    bot   rider.taken
    (work)
    push  小林  buyer.taken  code=$c  rider=阿哲
    阿香  〔出餐了〕
    bot   kitchen.cooked  code=$c
    (work)
    push  阿哲  rider.food_ready  code=$c
    阿哲  〔到店了〕
    bot   rider.at_shop
    阿哲  〔取到了〕
    bot   rider.picked_up
    (work)
    card  小林  progress  配送中  阿哲
    小林  到哪了
    bot   status.under_way  code=$c
    阿哲  〔到了〕
    bot   rider.arrived
    (work)
"""
HAND_OVER = """
    card  小林  arrived  $c  {pin}
    阿哲  {wrong}
    bot   rider.pin_wrong  left=2
    阿哲  {pin}
    bot   rider.delivered  code=$c  count=1
    (work)
    push  小林  buyer.delivered  code=$c
    小林  到哪了
    bot   status.delivered  code=$c
    quiet 小林
    quiet 阿香
    quiet 阿哲
"""


def pin_of(chat: Chat, who: str) -> str:
    """The hand-over code on the newest template card of a phone."""
    cards = [e for e in chat.stage.world.events(0, who) if e.get("template_id") == "arrived"]
    values = [row["value"] for row in cards[-1]["rows"]]
    return next(value for value in values if re.fullmatch(r"\d{4}", value))


def eat(chat: Chat, lunch: str = LUNCH) -> None:
    chat.play(lunch)
    pin = pin_of(chat, "小林")
    chat.play(HAND_OVER.format(pin=pin, wrong=f"{(int(pin) + 1) % 10_000:04d}"))


def test_a_sentence_becomes_a_delivered_lunch(chat):
    eat(chat)

    with Sessions() as session:
        booked = {account.partition(":")[0]: fen for account, fen in balances(session).items()}
    assert booked == {"wechat": 1300, "shop": -1600, "rider": -160, "platform": -40,
                      "promotion": 500}


def test_what_a_tap_sends_does_the_same_when_it_is_typed(chat):
    chat.by_hand = True
    eat(chat)


def test_every_message_may_come_three_times(chat):
    chat.times = 3
    eat(chat)


def test_redis_may_forget_everything_in_mid_lunch(chat):
    eat(chat, LUNCH.replace("(work)", "(redis forgets)\n    (work)"))
