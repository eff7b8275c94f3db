"""One of several: the dish that was meant, chosen by number, name or taste."""
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from bot.nlu.understand import Understanding
from bot.routes.base import Turn, time_of
from config.tastes import taste_in
from config.texts import Reply
from handlers import dialogue, suggest
from handlers import order as ordering
from models.rules.hours import is_open
from models.shop import Dish

MOST_CHOICES = 4
_WITHOUT_DISH: Final = frozenset({"order_food", "query_menu", "choose", "chitchat",
                                  "out_of_scope"})


def settled(turn: Turn, items: tuple[ordering.Item, ...],
             meant: Understanding) -> tuple[ordering.Item, ...]:
    """Of a dish that several shops sell, take the one of the shop the rest comes from, or the
    only one that is to be had."""
    ties = meant.ties
    if not any(len(tie) > 1 for tie in ties):
        return items
    if len(left := _to_be_had(turn, meant)) == 1:
        return (replace(items[0], dish_key=left[0].key),)
    sure = {item.dish_key for item, tie in zip(items, ties, strict=False) if len(tie) < 2}
    dishes = Dish.by_keys(turn.session, turn.speaker.campus.id,
                          sure | {key for tie in ties for key in tie})
    shops = {dishes[key].shop_id for key in sure if key in dishes}
    settled = []
    for item, tie in zip(items, ties, strict=False):
        same = [key for key in tie if key in dishes and dishes[key].shop_id in shops]
        key = same[0] if len(tie) > 1 and same else item.dish_key
        settled.append(replace(item, dish_key=key))
    return tuple(settled)


def which_dish(turn: Turn, meant: Understanding) -> Reply | None:
    """Ask when the only dish could be several and nothing else decides."""
    choices = _to_be_had(turn, meant)
    if len(choices) < 2:
        return None
    dialogue.ask(turn.speaker.person, "choose", now=turn.now, slots=meant.slots,
                 choices=[dish.key for dish in choices])
    return _choices(choices)


def _choices(choices: Sequence[Dish]) -> Reply:
    return Reply("order.which_dish", {"count": len(choices),
                                      "choices": suggest.numbered(choices)})


def _to_be_had(turn: Turn, meant: Understanding) -> list[Dish]:
    """The dishes of today that the only item may be; none where nothing is open."""
    if len(meant.ties) != 1 or len(meant.ties[0]) < 2:
        return []
    found = Dish.by_keys(turn.session, turn.speaker.campus.id, set(meant.ties[0]))
    local = (time_of(meant) or turn.now).astimezone(turn.speaker.campus.zone)
    tied = [found[key] for key in meant.ties[0] if key in found]
    return [dish for dish in tied if not dish.is_sold_out(turn.now)
            and is_open(dish.shop.hours, local)][:MOST_CHOICES]


def chosen(turn: Turn, meant: Understanding) -> Understanding | Reply | None:
    """The order that was meant before, with the dish that was chosen now; "anything" is chosen
    for them. None: something else was said."""
    choices = turn.pending.get("choices", [])
    slots = turn.pending.get("slots") or {}
    picked: str | None = None
    if meant.intent == "choose" and 1 <= int(meant.slots.get("choice") or 0) <= len(choices):
        picked = choices[int(meant.slots["choice"]) - 1]
    elif items := meant.slots.get("items"):
        picked = next((i["dish_id"] for i in items if i["dish_id"] in choices), None)
    if picked == suggest.WHATEVER:
        return suggest.whatever(turn.session, turn.speaker, None, now=turn.now)
    if picked is None or not slots.get("items"):
        return None
    return _with_dish(slots, picked, meant.confidence)


def _with_dish(slots: Mapping[str, Any], dish_key: str, confidence: float) -> Understanding:
    first, *rest = slots["items"]
    return Understanding("order_food", {**slots, "items": [{**first, "dish_id": dish_key}, *rest]},
                         confidence, "confirm")


def by_taste(turn: Turn, meant: Understanding) -> Understanding | Reply | None:
    """「就那个辣的」「有什么清淡的」: the dish that is so, or a question; None: not about taste."""
    if meant.slots.get("items") or meant.intent not in _WITHOUT_DISH:
        return None
    taste = taste_in(turn.text)
    if taste is None:
        return None
    asked = turn.pending if turn.pending.get("pending") == "choose" else {}
    found = suggest.by_taste(turn.session, turn.speaker, taste, asked.get("choices", ()),
                             now=turn.now)
    if isinstance(found, Reply):
        return found
    return _with_dish(asked.get("slots") or suggest.ANY_ITEM, found, meant.confidence)


def show_again(turn: Turn) -> Reply | None:
    """The choice that is open, once more; None: there is none."""
    asked = turn.pending
    if asked.get("pending") != "choose":
        return None
    if suggest.WHATEVER in asked.get("choices", ()):
        return suggest.what_to_eat(turn.session, turn.speaker, now=turn.now)
    found = Dish.by_keys(turn.session, turn.speaker.campus.id, set(asked.get("choices", ())))
    return _choices([found[key] for key in asked["choices"] if key in found])
