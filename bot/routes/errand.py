"""What a student says of errands, and a rider of their cost."""
import re
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from bot.commands import Command
from bot.nlu import sms
from bot.nlu.understand import Understanding
from bot.routes.base import Route, Turn, by_code, own, understood, unknown
from config.texts import Reply
from handlers import vault
from handlers.errand import draft, spending, stations
from handlers.errand.quote import which_large
from models.errand import ErrandKind, ParcelSize
from models.order import Order, OrderKind
from models.rules.order_state import UNPAID, OrderState

_SIZES = {"小": ParcelSize.SMALL, "中": ParcelSize.MEDIUM, "大": ParcelSize.LARGE}
_DIGITS = "一二三四五六七八九十"
_ORDINAL = re.compile(rf"第(?P<number>[{_DIGITS}]|\d{{1,2}})件在?(?P<rest>.*)")


def heard(turn: Turn, focus: Order | None, meant: Understanding) -> Reply | None:
    """What these words mean to the errand that is being talked about; None: nothing special."""
    asked = turn.pending.get("pending")
    if meant.intent == "order_errand":
        return order_errand(turn, focus, meant)
    if focus is None or focus.kind != OrderKind.ERRAND or OrderState(focus.state) not in UNPAID:
        return None
    place_key = meant.slots.get("place_id") or meant.slots.get("from_place_id")
    if focus.parcels and (size := _SIZE_SAID.fullmatch(turn.text.strip())):
        return _size(turn, focus, size["size"])
    if asked == "ask_station" and meant.intent not in _WAYS_OUT and not _moment(meant):
        return draft.set_station(turn.session, turn.speaker, draft.SetStation(
            focus.id, turn.text.strip(), place_key=place_key), now=turn.now)
    if asked == "ask_from" and place_key:
        return draft.set_source(turn.session, turn.speaker,
                                draft.SetSource(focus.id, str(place_key)), now=turn.now)
    if asked == "ask_budget" and (budget := sms.amount_fen(turn.text)) is not None:
        return draft.set_budget(turn.session, turn.speaker, draft.SetBudget(focus.id, budget),
                                now=turn.now)
    if (words := _goods_said(turn, focus, meant)) and not _moment(meant):
        return draft.add_goods(turn.session, turn.speaker, draft.AddGoods(focus.id, words),
                               now=turn.now)
    if meant.intent in ("schedule", "modify_order") and (at := _moment(meant)):
        return draft.set_errand_time(turn.session, turn.speaker, draft.SetErrandTime(
            focus.id, at, sms.is_deadline(turn.text)), now=turn.now)
    return None


def _goods_said(turn: Turn, focus: Order, meant: Understanding) -> str | None:
    """再加一包薯片, 洗发水要海飞丝: more of what is to be bought; None: something else."""
    if focus.errand is None or focus.errand.kind != ErrandKind.BUY:
        return None
    if more := _MORE.fullmatch(turn.text.strip()):
        return more["what"]
    is_said_of_it = meant.action == "none" and _OF_GOODS.fullmatch(turn.text.strip())
    return turn.text.strip() if is_said_of_it else None


_MORE = re.compile(r"(?:再|还|另外|顺便|也|然后)+(?:给我|帮我)?(?:加|买|带|要|来|拿|捎)(?:上|个)?"
                   r"(?P<what>[^\s].{0,30}?)(?:吧|呗|啊)?")
_OF_GOODS = re.compile(r".{1,12}(?:要|换成|不要|别要|买).{1,14}")
_WAYS_OUT = frozenset({"cancel", "deny", "human", "sos", "help", "query_status", "order_food",
                       "query_menu", "query_price", "query_fee", "query_eta", "confirm", "pay"})
_SIZE_SAID = re.compile(r"(?:有一?[件个])?是?(?:比较|有点|很)?(?P<size>[小中大]件)"
                        r"(?:[,，。 、].{0,8})?")


def order_errand(turn: Turn, focus: Order | None, meant: Understanding) -> Reply:
    """A new errand, or more parcels for the trip that is being arranged."""
    cmd = _wanted(turn, meant)
    if not any(part.is_sms for part in sms.pieces(turn.text)):  # 包裹已送到…: not where it goes
        cmd = replace(cmd, nowhere=meant.nowhere)
    if turn.pending.get("pending") == "ask_pickup_code":
        cmd = draft.with_earlier(cmd, turn.pending)
    if cmd.kind == ErrandKind.PARCEL and cmd.parcels and _is_parcel_trip(focus):
        assert focus is not None
        return draft.add_parcels(turn.session, turn.speaker, draft.AddParcels(
            focus.id, cmd.parcels, cmd.from_key, cmd.fetch_by), now=turn.now)
    if not cmd.kind:
        return Reply("errand.which_kind")
    return draft.place_errand(turn.session, turn.speaker, cmd, now=turn.now)


def _is_parcel_trip(focus: Order | None) -> bool:
    return (focus is not None and focus.kind == OrderKind.ERRAND
            and OrderState(focus.state) in UNPAID and bool(focus.parcels))


def _wanted(turn: Turn, meant: Understanding) -> draft.PlaceErrand:
    """The errand as said: stations' messages one by one, the student's own words around them."""
    parts = sms.pieces(turn.text)
    if len(parts) == 1:
        return _of_piece(turn, parts[0], meant.slots)
    whole = draft.PlaceErrand(ErrandKind.PARCEL)
    for part in parts:
        said = understood(Turn(turn.session, turn.speaker, part.text, "", turn.now), {
            "draft": {"errand_kind": "parcel"}}, "student")
        slots = said.slots if said.intent in ("order_errand", "address_set", "schedule") else {}
        whole = _joined(whole, _of_piece(turn, part, slots))
    return whole


def _of_piece(turn: Turn, part: sms.Piece, slots: dict[str, Any]) -> draft.PlaceErrand:
    at, from_key = slots.get("time"), _station_said(turn, part) or slots.get("from_place_id")
    parcels = tuple(draft.WantedParcel(
        code=one.get("pickup_code"), carrier=one.get("carrier"), size=one.get("size"),
        station_key=from_key, shelf=part.shelf) for one in slots.get("parcels") or ())
    return draft.PlaceErrand(
        slots.get("errand_kind") or ("parcel" if parcels else ""), parcels,
        from_key=from_key,
        place_key=slots.get("place_id") if part.has_goal else None,
        room=slots.get("room") if part.has_goal else None, goods=slots.get("goods"),
        wanted_at=datetime.fromisoformat(at) if at and not part.is_sms else None,
        is_deadline=bool(at) and not part.is_sms and sms.is_deadline(part.text),
        fetch_by=_fetch_by(turn, part), budget_fen=slots.get("budget_fen"),
        offered_fen=slots.get("tip_fen"), is_tip=sms.is_tip(part.text))


def _station_said(turn: Turn, part: sms.Piece) -> str | None:
    """The station that a station's message names; its sender (【菜鸟驿站】) is but a brand."""
    if not part.is_sms:
        return None
    place = stations.mentioned(turn.session, turn.speaker.campus, part.body)
    return place.key if place else None


def _joined(one: draft.PlaceErrand, other: draft.PlaceErrand) -> draft.PlaceErrand:
    return draft.PlaceErrand(
        ErrandKind.PARCEL, one.parcels + other.parcels, place_key=other.place_key or one.place_key,
        room=other.room or one.room, wanted_at=other.wanted_at or one.wanted_at,
        is_deadline=other.is_deadline or one.is_deadline,
        fetch_by=min(filter(None, (one.fetch_by, other.fetch_by)), default=None),
        offered_fen=other.offered_fen or one.offered_fen, is_tip=other.is_tip or one.is_tip)


def _fetch_by(turn: Turn, part: sms.Piece) -> datetime | None:
    """The station's own deadline, today; tomorrow when today's has passed."""
    if part.until is None:
        return None
    local = turn.now.astimezone(turn.speaker.campus.zone)
    at = datetime.combine(local.date(), part.until, local.tzinfo)
    return at if at > local else at + timedelta(days=1)


def _moment(meant: Understanding) -> datetime | None:
    at = meant.slots.get("time")
    return datetime.fromisoformat(at) if at else None


# --- commands -------------------------------------------------------------------------------

def on_command(turn: Turn, command: Command) -> Reply | None:
    """A27大件 and its like; None: said of an order that is no errand."""
    order = own(turn, command.code)
    if order is None:
        return unknown(command.code)
    if order.kind != OrderKind.ERRAND:
        return None
    match command.name:
        case "parcel_size":
            return _size(turn, order, command.rest)
        case "parcel_station":
            return _station(turn, order, command.rest)
        case "errand_time":
            return draft.ask_time(turn.session, turn.speaker, order.id, now=turn.now)
        case "errand_anytime":
            return draft.set_errand_time(turn.session, turn.speaker,
                                         draft.SetErrandTime(order.id, None), now=turn.now)
        case _:
            return _budget(turn, order)


def _size(turn: Turn, order: Order, said: str) -> Reply:
    match = _ORDINAL.fullmatch(said)
    position = _number(match["number"]) - 1 if match else None
    if said.startswith("有") and len(order.parcels) > 1:
        return which_large(order)
    size = next(value for word, value in _SIZES.items() if word in said)
    return draft.set_size(turn.session, turn.speaker, draft.SetSize(order.id, size, position),
                          now=turn.now)


def _station(turn: Turn, order: Order, said: str) -> Reply:
    match = _ORDINAL.fullmatch(said)
    position = _number(match["number"]) - 1 if match else None
    words = match["rest"] if match else said.removeprefix("都在").removeprefix("在")
    slots = understood(Turn(turn.session, turn.speaker, words, "", turn.now), {
        "pending": "ask_address"}, "student").slots
    return draft.set_station(turn.session, turn.speaker, draft.SetStation(
        order.id, words, position, said.startswith("都"), slots.get("place_id")), now=turn.now)


def _budget(turn: Turn, order: Order) -> Reply:
    budget = sms.amount_fen(turn.text.partition("预算")[2])
    if budget is None:
        return Reply("errand.budget_range", {
            "code": order.code, "most": str(draft.MOST_BUDGET_FEN // 100)})
    return draft.set_budget(turn.session, turn.speaker, draft.SetBudget(order.id, budget),
                            now=turn.now)


def _number(said: str) -> int:
    return int(said) if said.isdigit() else _DIGITS.index(said) + 1


def spent(turn: Turn, command: Command) -> Reply | None:
    """A27花了18.5, from the rider who buys; None: somebody's own spending, a sentence."""
    if turn.speaker.rider is None:
        return None
    order = by_code(turn, command.code) if command.code else spending.only_job(turn.speaker)
    if order is None:
        return unknown(command.code) if command.code else None
    amount = sms.amount_fen(turn.text.partition("花了")[2])
    if amount is None:
        return Reply("errand.cost_first", {"code": order.code})
    return spending.state_cost(turn.session, turn.speaker,
                               spending.StateCost(order.id, amount), now=turn.now)


def codes_again(turn: Turn, command: Command) -> Reply:
    order = by_code(turn, command.code)
    if order is None:
        return unknown(command.code)
    if command.name == "codes_allowed":
        return vault.open_again(turn.session, turn.speaker, order.id, now=turn.now)
    return vault.ask_again(turn.session, turn.speaker, order.id, now=turn.now)


COMMANDS: dict[str, Route] = {
    **dict.fromkeys(("parcel_size", "parcel_station", "errand_time", "errand_anytime",
                     "errand_budget"), on_command),
    "errand_spent": spent,
    "codes_again": codes_again,
    "codes_allowed": codes_again,
}
