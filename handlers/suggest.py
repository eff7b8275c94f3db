"""What to eat, for somebody who does not know: what they had, what others have, what they like."""
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import desc, func, select

from config.tastes import Taste
from config.texts import Reply, yuan
from handlers import dialogue
from handlers.order import Item, PlaceOrder, place_order
from handlers.speaker import Speaker
from handlers.wording import past_day
from models.base import Session
from models.order import LINES, Order, OrderKind, OrderLine
from models.rules.hours import is_open
from models.shop import Dish, Shop

WHATEVER: Final = "#whatever"  # a choice that no campus file may use as a dish's key
USUAL_BUDGET_FEN: Final = 2000
MOST_CHOICES: Final = 3
LOOK_BACK: Final = timedelta(days=60)
MOST_OWN: Final = 30   # of one's own orders looked at
MOST_LATE: Final = 300  # of the campus's newest orders looked at
LEAST_LIKED: Final = 3  # times a dish was ordered before it is called liked
ANY_ITEM: Final[dict[str, Any]] = {"items": [{"dish_id": "", "qty": 1, "options": []}]}


def what_to_eat(session: Session, speaker: Speaker, *, now: datetime) -> Reply:
    """A dish they had, one that many have, and "anything": numbered, and remembered as choices."""
    had = _had(session, speaker, now=now)
    mine = next(iter(_to_be_had(session, speaker, [dish_id for dish_id, _ in had], now=now)), None)
    others = [dish for dish in liked(session, speaker, now=now)
              if mine is None or dish.id != mine.id]
    lines: list[Reply] = []
    keys: list[str] = []
    if mine:
        day = past_day(dict(had)[mine.id], now, speaker.campus)
        lines.append(Reply("suggest.had", {"number": 1, "dish": mine.name, "day": day}))
        keys.append(mine.key)
    for dish in others[:MOST_CHOICES - 1 - len(lines)]:
        lines.append(Reply("suggest.liked", {"number": len(lines) + 1, "dish": dish.name,
                                             "shop": dish.shop.name}))
        keys.append(dish.key)
    budget = USUAL_BUDGET_FEN // 100
    lines.append(Reply("suggest.whatever", {"number": len(lines) + 1, "budget": budget}))
    dialogue.ask(speaker.person, "choose", now=now, choices=[*keys, WHATEVER], slots=ANY_ITEM)
    return Reply("suggest.what", {"lines": lines})


def whatever(session: Session, speaker: Speaker, budget_fen: int | None, *,
             now: datetime) -> Reply:
    """One dish within the budget, quoted like any other: theirs first, then what others like,
    then the dearest of an open shop."""
    budget = budget_fen or USUAL_BUDGET_FEN
    own = [dish_id for dish_id, _ in _had(session, speaker, now=now)]
    for dishes in (_to_be_had(session, speaker, own, now=now), liked(session, speaker, now=now),
                   _dearest(session, speaker, budget, now=now)):
        if fitting := [dish for dish in dishes if dish.price_fen <= budget]:
            return place_order(session, speaker, PlaceOrder((Item(fitting[0].key),)), now=now)
    return Reply("suggest.nothing_within", {"budget": yuan(budget)})


def by_taste(session: Session, speaker: Speaker, taste: Taste, among: Collection[str], *,
             budget_fen: int | None = None, now: datetime) -> Reply | str:
    """Which dish tastes so. `among`: keys being chosen from; the key of the only one that fits
    is the answer. Several, or none of those: a question with taps."""
    offered = Dish.by_keys(session, speaker.campus.id, set(among))
    fitting = [dish for dish in offered.values() if taste.suits(dish.name)
               and _is_within(dish, budget_fen)]
    if len(fitting) == 1:
        return fitting[0].key
    others = fitting or [dish for dish in _open_dishes(session, speaker, now=now)
                          if taste.suits(dish.name) and dish.key not in offered
                  and _is_within(dish, budget_fen)]
    if not others:
        return Reply("suggest.none_such", {"taste": taste.name}) if budget_fen is None else Reply(
            "suggest.none_such_within", {"taste": taste.name, "budget": yuan(budget_fen)})
    key = "suggest.so" if fitting or not offered else "suggest.none_of_these"
    return Reply(key, {"taste": taste.name, "count": len(offered),
                       "choices": _to_choose(speaker, others, now=now)})


def by_name(session: Session, speaker: Speaker, part: str, *, now: datetime) -> Reply | None:
    """Dishes to be had whose names hold this: a question with taps; None: there are none."""
    core = part.removesuffix("子") or part  # 饺子: 水饺, 蒸饺
    named = [dish for dish in _open_dishes(session, speaker, now=now) if core in dish.name]
    if not named:
        return None
    return Reply("suggest.named", {"part": part, "choices": _to_choose(speaker, named, now=now)})


def instead_of(session: Session, speaker: Speaker, name: str, *, part: str = "",
               now: datetime) -> Reply:
    """来碗螺蛳粉, which nobody sells here: what is of the same kind, by its last character, or by
    what its dishes' names hold."""
    kind = part or name[-1]
    like = [dish for dish in _open_dishes(session, speaker, now=now) if kind in dish.name]
    if not like:
        return Reply("suggest.not_here", {"name": name})
    return Reply("suggest.instead", {"name": name, "choices": _to_choose(speaker, like, now=now)})


def within(session: Session, speaker: Speaker, budget_fen: int, *, now: datetime) -> Reply:
    """20块以内有啥: a few dishes of several shops, the dearest of each first."""
    fitting = _dearest(session, speaker, budget_fen, now=now)
    if not fitting:
        return Reply("suggest.nothing_within", {"budget": yuan(budget_fen)})
    return Reply("suggest.within", {"budget": yuan(budget_fen),
                                    "choices": _to_choose(speaker, fitting, now=now)})


def _to_choose(speaker: Speaker, dishes: Iterable[Dish], *, now: datetime) -> list[Reply]:
    """A few of these, of several shops, as a question that is open from now on."""
    shown = _of_several_shops(dishes)[:MOST_CHOICES]
    dialogue.ask(speaker.person, "choose", now=now, slots=ANY_ITEM,
                 choices=[dish.key for dish in shown])
    return numbered(shown)


def numbered(dishes: Sequence[Dish]) -> list[Reply]:
    """A line with a tap for each dish that may be meant."""
    return [Reply("order.choice", {"number": number, "dish": dish.name, "shop": dish.shop.name,
                                   "price": yuan(dish.price_fen)})
            for number, dish in enumerate(dishes, 1)]


def liked(session: Session, speaker: Speaker, *, now: datetime) -> list[Dish]:
    """What was ordered most often on this campus lately and is to be had, the first first."""
    late = select(Order.id).where(
        Order.campus_id == speaker.campus.id, Order.paid_at.is_not(None),
        Order.kind == OrderKind.FOOD).order_by(Order.id.desc()).limit(MOST_LATE).subquery()
    times = func.count()
    query = select(OrderLine.dish_id).join(late, late.c.id == OrderLine.order_id).group_by(
        OrderLine.dish_id).having(times >= LEAST_LIKED).order_by(desc(times), OrderLine.dish_id)
    return _to_be_had(session, speaker, session.scalars(query.limit(10)), now=now)


def _had(session: Session, speaker: Speaker, *, now: datetime) -> list[tuple[int, datetime]]:
    """The main dish of each of one's own late orders and when, the newest first, once each."""
    orders = session.scalars(select(Order).where(
        Order.buyer_id == speaker.person.id, Order.paid_at > now - LOOK_BACK,
        Order.kind == OrderKind.FOOD).order_by(Order.id.desc()).limit(MOST_OWN).options(LINES))
    had: dict[int, datetime] = {}
    for order in orders:
        main = max(order.lines, key=lambda line: line.price_fen, default=None)
        if main and order.paid_at:
            had.setdefault(main.dish_id, order.paid_at)
    return list(had.items())


def _to_be_had(session: Session, speaker: Speaker, dish_ids: Iterable[int], *,
               now: datetime) -> list[Dish]:
    """Those of these dishes that can be ordered now, in the same order."""
    ids = list(dish_ids)
    found = {dish.id: dish for dish in session.scalars(select(Dish).where(
        Dish.id.in_(ids), Dish.campus_id == speaker.campus.id, Dish.is_listed))}
    return [found[i] for i in ids if i in found and _is_served(found[i], speaker, now)]


def _open_dishes(session: Session, speaker: Speaker, *, now: datetime) -> list[Dish]:
    query = select(Dish).join(Shop, Shop.id == Dish.shop_id).where(
        Shop.campus_id == speaker.campus.id, Shop.is_listed, Dish.is_listed).order_by(Dish.id)
    return [dish for dish in session.scalars(query) if _is_served(dish, speaker, now)]


def _dearest(session: Session, speaker: Speaker, budget_fen: int, *, now: datetime) -> list[Dish]:
    within = [dish for dish in _open_dishes(session, speaker, now=now)
              if dish.price_fen <= budget_fen]
    return sorted(within, key=lambda dish: (-dish.price_fen, dish.id))


def _is_within(dish: Dish, budget_fen: int | None) -> bool:
    return budget_fen is None or dish.price_fen <= budget_fen


def _is_served(dish: Dish, speaker: Speaker, now: datetime) -> bool:
    local = now.astimezone(speaker.campus.zone)
    return not dish.is_sold_out(now) and dish.shop.is_listed and is_open(dish.shop.hours, local)


def _of_several_shops(dishes: Iterable[Dish]) -> list[Dish]:
    """The first dish of each shop before any shop's second."""
    seen: dict[int, int] = {}
    ranked = []
    for dish in dishes:
        seen[dish.shop_id] = seen.get(dish.shop_id, 0) + 1
        ranked.append((seen[dish.shop_id], dish))
    return [dish for _, dish in sorted(ranked, key=lambda pair: pair[0])]
