"""What a rider's sentence leads to."""
import re
from collections.abc import Callable

from bot import context
from bot.routes import group_order, work
from bot.routes.base import Route, Turn, by_code, understood
from config.texts import Reply
from handlers import rider
from handlers.speaker import Speaker
from models.order import Order
from models.rules.order_state import OrderState


def is_riding(speaker: Speaker) -> bool:
    return speaker.rider is not None and (speaker.rider.is_on_duty or bool(speaker.carrying))


def as_rider(turn: Turn) -> Reply | None:
    offer = turn.speaker.offer
    offered = turn.session.get_one(Order, offer.order_id) if offer else None
    meant = understood(turn, context.as_rider(turn.speaker, offered), "rider")
    if meant.intent == "rider_offline" and meant.action != "none" and (at := turn.moment):
        return rider.end_shift_at(turn.session, turn.speaker, at, now=turn.now)
    if reply := work.said_by_rider(turn):
        return reply
    if _LOST.search(turn.text):
        return _trouble(turn, by_code(turn, meant.slots.get("order_ref")), "wrong_address")
    if meant.intent == "rider_problem" and meant.action != "none":
        return _trouble(turn, by_code(turn, meant.slots.get("order_ref")),
                        str(meant.slots.get("reason") or ""))
    if _WHERE.search(turn.text) or (meant.intent == "query_status" and _is_of_work(turn)):
        return rider.in_hand(turn.session, turn.speaker)
    route = _RIDER.get(meant.intent)
    if route is None or meant.action == "none":
        return None
    order = by_code(turn, meant.slots.get("order_ref"))
    if order is None and not meant.slots.get("order_ref"):
        order = offered if meant.intent == "rider_accept" else _only_job(turn, meant.intent)
    return group_order.steps_with(turn, order, meant.intent) or route(turn, order)


def _is_of_work(turn: Turn) -> bool:
    """到哪了 from a rider: of what they carry, unless they wait for something of their own."""
    is_busy = bool(turn.speaker.carrying) or turn.speaker.offer is not None
    return is_busy and not Order.live_of(turn.session, turn.speaker.person.id)


def _only_job(turn: Turn, intent: str) -> Order | None:
    """Without a code: the one order in hand that this step fits."""
    fitting = [o for o in turn.speaker.carrying if o.state in _FITS.get(intent, ())]
    return fitting[0] if len(fitting) == 1 else None


_FITS = {
    "rider_arrived": (OrderState.COOKING, OrderState.READY, OrderState.DELIVERING),
    "rider_picked_up": (OrderState.COOKING, OrderState.READY),
    "rider_delivered": (OrderState.ARRIVED, OrderState.DELIVERING),
}


def _rider_step(action: Callable[..., Reply]) -> Route:
    def route(turn: Turn, order: Order | None) -> Reply:
        if order is None:
            return _which_job(turn)
        return action(turn.session, turn.speaker, rider.ReportStep(order.id), now=turn.now)
    return route


def _rider_arrived(turn: Turn, order: Order | None) -> Reply:
    """到了: at the shop while the food is still there, at the door afterwards."""
    if order is None and [job.state for job in turn.speaker.carrying] == [OrderState.ARRIVED]:
        return Reply("rider.ask_pin")  # said again
    if order is None:
        return _which_job(turn)
    is_loaded = order.state not in (OrderState.COOKING, OrderState.READY)
    action = rider.arrived if is_loaded else rider.at_shop
    return action(turn.session, turn.speaker, rider.ReportStep(order.id), now=turn.now)


def _rider_accept(turn: Turn, order: Order | None) -> Reply:
    if order is None:
        return Reply("rider.no_offer")
    return rider.accept_offer(turn.session, turn.speaker, rider.AnswerOffer(order.id),
                              now=turn.now)


def _which_job(turn: Turn) -> Reply:
    return Reply("rider.which_job", {"orders": [
        Reply("rider.also", {"code": o.code, "state": Reply(f"state.{o.state}"), "next": None})
        for o in turn.speaker.carrying[:4]]})


def _trouble(turn: Turn, order: Order | None, why: str) -> Reply | None:
    """打不通, 车坏了, 找不到: what can be done about it, by where the order is."""
    fitting = [o for o in turn.speaker.carrying if o.state in _TROUBLED]
    job = order or (fitting[0] if len(fitting) == 1 else None)
    if job is None:
        return _which_job(turn) if fitting else None
    if why == "no_contact" and job.state == OrderState.ARRIVED:
        return rider.nobody_there(turn.session, turn.speaker, rider.ReportStep(job.id),
                                  now=turn.now)
    if why == "not_ready" and job.state == OrderState.COOKING:
        return rider.at_shop(turn.session, turn.speaker, rider.ReportStep(job.id), now=turn.now)
    return rider.in_trouble(turn.speaker, job, why)


_WHERE = re.compile(r"(在|去|到)?哪(里|儿)?(取|拿)|取餐地址|(手上|还)(有|剩)(几|多少|哪)(个|些)?单"
                    r"|送(到)?哪(里|儿)?去?$")
_LOST = re.compile(r"(找|看)不(到|见).{0,12}(在?哪|楼|栋|门|地方|路|地址|位置)|迷路|怎么走")
_TROUBLED = frozenset({OrderState.COOKING, OrderState.READY, OrderState.DELIVERING,
                       OrderState.ARRIVED})

_RIDER: dict[str, Route] = {
    "rider_online": lambda turn, _: rider.go_online(turn.session, turn.speaker, now=turn.now),
    "rider_offline": lambda turn, _: rider.go_offline(turn.session, turn.speaker, now=turn.now),
    "rider_accept": _rider_accept,
    "rider_arrived": _rider_arrived,
    "rider_picked_up": _rider_step(rider.picked_up),
    "rider_delivered": lambda turn, order: Reply("rider.ask_pin") if turn.speaker.carrying
    else _which_job(turn),
}
