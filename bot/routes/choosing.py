"""One of several: the dish that was meant, chosen by number, name or taste."""
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from bot.nlu.understand import Understanding
from bot.nlu.wishes import DISH_ENDS
from bot.routes.base import Turn, time_of
from config import settings
from config.tastes import taste_in
from config.texts import Reply
from handlers import dialogue, menu, suggest
from handlers import order as ordering
from models.rules.hours import is_open
from models.shop import Dish

MOST_CHOICES = 4
UNSURE = 0.5
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


def guesses(turn: Turn, meant: Understanding,
            items: tuple[ordering.Item, ...]) -> tuple[Reply, ...]:
    """Below the quote: 没有番茄鸡蛋面, and what was taken for it."""
    said = {key: name for name, key in meant.taken_for
            if any(item.dish_key == key for item in items)}
    dishes = Dish.by_keys(turn.session, turn.speaker.campus.id, set(said)) if said else {}
    return tuple(Reply("order.taken_for", {"said": said[key], "dish": dish.name})
                 for key, dish in dishes.items() if not _is_within(said[key], dish.name))


def _is_within(said: str, name: str) -> bool:
    """Whether the name holds all that was said, in that order: 牛肉面 of 牛肉拉面."""
    rest = iter(name)
    return all(char in rest for char in said)


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
                             budget_fen=_budget_fen(turn, meant), now=turn.now)
    if isinstance(found, Reply):
        return found
    return _with_dish(asked.get("slots") or suggest.ANY_ITEM, found, meant.confidence)


_AT_MOST: Final = re.compile(r"(\d{1,3})(?:块|元)")


def _budget_fen(turn: Turn, meant: Understanding) -> int | None:
    """辣的 15块以内: also where the words were not understood as a wish for food."""
    if (budget := meant.slots.get("budget_fen")) is not None:
        return int(budget)
    said = _AT_MOST.search(turn.text)
    return int(said[1]) * 100 if said else None


_CRAVED: Final = re.compile(
    r"(?:想|要|有点想|馋)(?:吃|喝)(?:点|个|碗|杯|份|口)?(?:热的|的)?(?P<what>[\u4e00-\u9fff]{1,4}?)"
    r"(?:了|啊|吧|呀|呢|嘛)?$|有(?!什么|啥)(?:没有)?(?P<asked>[\u4e00-\u9fff]{1,4}?)(?:卖)?(?:吗|么|没|嘛)$"
    r"|有没有(?:卖)?(?P<whether>[\u4e00-\u9fff]{1,4}?)(?:卖|的)?(?:啊|呀|呢)?$"
    r"|^(?P<first>[\u4e00-\u9fff]{2,4}?)(?:你们)?(?:这里?|那里?)?(?:还|都)?有(?:没有)?(?:卖)?(?:吗|么|没|嘛)?$")


_UNKNOWN: Final = re.compile(
    r"^(?:那|就|再|还|给我|帮我|麻烦|我想|我要|我|想)*(?:来|点|要|整|搞|买|带|加)(?:上|点)?(?:一|1|两|2|俩)?(?:个|份|碗|杯|瓶|盒|笼|串|只|盘|块)?"
    rf"(?P<what>[\u4e00-\u9fff]{{1,5}}[{DISH_ENDS}])$")


BRANDS: Final[dict[str, str]] = tomllib.loads(
    (settings.ROOT / "config" / "lexicon" / "brands.toml").read_text("utf-8"))["wanted"]
_ASKS_FOR: Final = _WITHOUT_DISH | {"help", "deny", "query_price", "reorder"}


def by_brand(turn: Turn, meant: Understanding) -> Reply | None:
    """「有没有麦当劳」, where there is none; None: there is, or a dish of ours is named in full."""
    said = turn.text.lower()
    brand = next((brand for brand in BRANDS if brand in said), None)
    if brand is None or meant.intent not in _ASKS_FOR or _names_a_dish(turn, meant):
        return None
    shops = turn.speaker.campus.file.get("shops", ())
    if any(brand in name.lower() for shop in shops
           for name in (shop["name"], *shop.get("aliases", ()))):
        return None
    return suggest.instead_of(turn.session, turn.speaker, brand, part=BRANDS[brand],
                              now=turn.now)


def _names_a_dish(turn: Turn, meant: Understanding) -> bool:
    keys = {str(item["dish_id"]) for item in meant.slots.get("items", ())}
    dishes = Dish.by_keys(turn.session, turn.speaker.campus.id, keys) if keys else {}
    return any(dish.name in turn.text for dish in dishes.values())


def by_name(turn: Turn, meant: Understanding) -> Reply | None:
    """「想喝粥」「有粥吗」: dishes with that in their names; None: nothing here has it."""
    is_guess = meant.action == "ask" and meant.confidence < UNSURE
    if meant.slots.get("items") or not (meant.intent in _WITHOUT_DISH or is_guess):
        return None
    said = turn.text.strip(" ，。！？!?~～")
    found = _CRAVED.search(said)
    what = found and next(filter(None, found.groups()), "").removesuffix("的")
    if what:
        return suggest.by_name(turn.session, turn.speaker, what, now=turn.now) or _by_kind_of_shop(
            turn, what)
    if (is_guess or meant.action == "none") and (named := _UNKNOWN.search(said)):
        return suggest.instead_of(turn.session, turn.speaker, named["what"], now=turn.now)
    return None


def _by_kind_of_shop(turn: Turn, what: str) -> Reply | None:
    """「有清真的吗」: the shop that is called so, be it by an alias."""
    if len(what) < 2:
        return None
    shop = next((shop for shop in turn.speaker.campus.file.get("shops", ())
                 if any(what in name for name in (shop["name"], *shop.get("aliases", ())))), None)
    return menu.dishes(turn.session, turn.speaker, str(shop["id"]), now=turn.now) if shop else None


def show_again(turn: Turn) -> Reply | None:
    """The choice that is open, once more; None: there is none."""
    asked = turn.pending
    if asked.get("pending") != "choose":
        return None
    if suggest.WHATEVER in asked.get("choices", ()):
        return suggest.what_to_eat(turn.session, turn.speaker, now=turn.now)
    found = Dish.by_keys(turn.session, turn.speaker.campus.id, set(asked.get("choices", ())))
    return _choices([found[key] for key in asked["choices"] if key in found])
