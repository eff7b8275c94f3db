"""What a rider's sentence leads to."""
from collections.abc import Callable

from bot import context
from bot.routes import group_order
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
    route = _RIDER.get(meant.intent)
    if route is None or meant.action == "none":
        return None
    order = by_code(turn, meant.slots.get("order_ref"))
    if order is None and not meant.slots.get("order_ref"):
        order = offered if meant.intent == "rider_accept" else _only_job(turn, meant.intent)
    return group_order.steps_with(turn, order, meant.intent) or route(turn, order)


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


_RIDER: dict[str, Route] = {
    "rider_online": lambda turn, _: rider.go_online(turn.session, turn.speaker, now=turn.now),
    "rider_offline": lambda turn, _: rider.go_offline(turn.session, turn.speaker, now=turn.now),
    "rider_accept": _rider_accept,
    "rider_arrived": _rider_arrived,
    "rider_picked_up": _rider_step(rider.picked_up),
    "rider_delivered": lambda turn, order: Reply("rider.ask_pin") if turn.speaker.carrying
    else _which_job(turn),
}
