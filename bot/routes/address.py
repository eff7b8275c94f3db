"""Where an order goes, or somebody lives: said anew, or said to be wrong."""
from bot.nlu.understand import Understanding
from bot.routes.base import Turn, items_of, time_of
from config.texts import Reply
from handlers import customer
from handlers import order as ordering
from models.order import Order
from models.rules.order_state import UNPAID, OrderState

_MAY_NAME_PLACE = frozenset({"order_food", "modify_order", "address_set", "schedule", "help",
                             "out_of_scope", "chitchat", "query_menu", "query_eta", "confirm",
                             "deny"})


def nowhere(meant: Understanding) -> str | None:
    """What was named as a place, where no place was understood."""
    return None if meant.slots.get("place_id") else meant.nowhere


def is_elsewhere(meant: Understanding) -> bool:
    """Whether 送到四号宿舍楼 asks for an answer of its own; an order for there asks by itself."""
    is_order = meant.intent == "order_food" and bool(items_of(meant))
    return nowhere(meant) is not None and meant.intent in _MAY_NAME_PLACE and not is_order


def says_more(meant: Understanding) -> bool:
    return meant.action != "none" and bool(items_of(meant) or time_of(meant))


def ask_other(turn: Turn, focus: Order | None, said: str) -> Reply:
    """There is no such place: where else?"""
    if focus and OrderState(focus.state) not in UNPAID:
        cmd = ordering.OwnOrder(focus.id)
        return ordering.ask_where(turn.session, turn.speaker, cmd, now=turn.now, nowhere=said)
    return customer.ask_other_address(turn.session, turn.speaker, said, focus, now=turn.now)


def other_door(turn: Turn, focus: Order | None, room: str | None = None) -> Reply:
    """Another address is wanted: for the order that is talked about, else to live at."""
    if focus is None:
        return customer.ask_address(turn.session, turn.speaker, now=turn.now)
    is_unpaid = OrderState(focus.state) in UNPAID
    if is_unpaid and room:
        cmd = ordering.ModifyOrder(focus.id, room=room)
        return ordering.modify_order(turn.session, turn.speaker, cmd, now=turn.now)
    if room:
        return ordering.redirect(turn.session, turn.speaker,
                                 ordering.Redirect(focus.id, None, room), now=turn.now)
    if is_unpaid:
        return customer.ask_destination(turn.session, turn.speaker, focus, now=turn.now)
    return ordering.ask_where(turn.session, turn.speaker, ordering.OwnOrder(focus.id),
                              now=turn.now)
