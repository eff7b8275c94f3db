"""跟骑手说…, 跟同学说…: words that are for somebody else."""
import re
from typing import Final

from bot.routes.base import Turn, by_code, own, unknown
from config.texts import Reply
from handlers import kitchen, relay
from handlers import order as ordering
from handlers.relay import PassOn, To
from models.order import Order
from models.rules.order_state import OrderState

_HEAD: Final = (r"\s*(?:(?P<code>[A-Za-z]\d{1,4})\s*)?(?:帮我|麻烦|请)?"
                r"(?:跟|和|告诉|通知|转告|对|让|叫)")
_TAIL: Final = r"(?:说(?:一下|一声|声)?|讲(?:一下)?|捎句话|带句话)?[:：,，\s]*(?P<words>\S.*)"


def _words_to(*people: str) -> re.Pattern[str]:
    return re.compile(f"{_HEAD}(?:{'|'.join(people)}){_TAIL}", re.DOTALL)


_TO: Final = {To.RIDER: _words_to("骑手", "师傅", "小哥", "外卖员", "送餐的", "跑腿的"),
              To.SHOP: _words_to("店家", "商家", "老板", "厨房", "店里", "食堂")}
_TO_BUYER: Final = _words_to("同学", "学生", "顾客", "客人", "客户", "买家", "下单的", "收餐的")
_HURRY: Final = re.compile(r"(?:搞?快(?:点|些|一点)|赶紧|催)")


def heard(turn: Turn) -> Reply | None:
    """Words to pass on; None: these are for us, or there is no order to speak of."""
    if reply := _to_buyer(turn):
        return reply
    for to, form in _TO.items():
        if (match := form.fullmatch(turn.text)) and (order := _bought(turn, match["code"])):
            if _HURRY.match(match["words"]):
                cmd = ordering.OwnOrder(order.id)
                return ordering.urge(turn.session, turn.speaker, cmd, now=turn.now)
            return relay.from_buyer(turn.session, turn.speaker,
                                    PassOn(order.id, match["words"], to), now=turn.now)
    return None


def note_after_payment(turn: Turn, order: Order, note: str) -> Reply:
    """放门口 of an order that can no longer be changed goes to whoever has it in hand."""
    return relay.from_buyer(turn.session, turn.speaker, PassOn(order.id, note), now=turn.now)


def offered(turn: Turn, focus: Order | None) -> Reply | None:
    """Not understood while a rider is on the way: the words may be for the other end of it."""
    words = " ".join(turn.text.split())
    if len(words) > relay.LONGEST:
        return None
    jobs = [o for o in turn.speaker.carrying if o.state in relay.ON_THE_WAY]
    if len(jobs) == 1:
        return Reply("relay.for_buyer", {"code": jobs[0].code, "words": words})
    if focus and focus.rider and focus.state in relay.ON_THE_WAY:
        return Reply("relay.for_rider", {"code": focus.code, "words": words,
                                         "rider": focus.rider.name})
    return None


def _to_buyer(turn: Turn) -> Reply | None:
    if turn.speaker.rider is None and not turn.speaker.shop_ids:
        return None
    match = _TO_BUYER.fullmatch(turn.text)
    if match is None:
        return None
    order = by_code(turn, match["code"].upper()) if match["code"] else _in_hand(turn)
    if order is None:
        return unknown(match["code"].upper()) if match["code"] else Reply("relay.which")
    is_rider = turn.speaker.rider is not None and order.rider_id == turn.speaker.rider.id
    action = relay.from_rider if is_rider else relay.from_shop
    return action(turn.session, turn.speaker, PassOn(order.id, match["words"]), now=turn.now)


def _in_hand(turn: Turn) -> Order | None:
    """The only order that they ride or cook."""
    orders = turn.speaker.carrying or kitchen.waiting_orders(
        turn.session, turn.speaker, OrderState.PAID, OrderState.COOKING)
    return orders[0] if len(orders) == 1 else None


def _bought(turn: Turn, code: str | None) -> Order | None:
    """The speaker's own order with this code, or the one talked about, if somebody works on it."""
    order = own(turn, code.upper() if code else None)
    return order if order and order.state in relay.AT_WORK else None
