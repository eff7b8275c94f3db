"""How well messages were understood: the shared scorer's rules (LABELS.md), importable.

A result is right when its intent and every hard slot are; what a change does to an order counts,
not how it is written. `goods` and `note` are not scored.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

COMMIT: Final = frozenset({"confirm", "pay", "cancel"})
ACTING: Final = frozenset({
    "order_food", "order_errand", "confirm", "modify_order", "cancel", "pay", "refund",
    "reorder", "schedule", "address_set", "group_open", "group_join", "group_add", "group_lock",
    "group_leave", "rate", "rider_online", "rider_offline", "rider_accept", "rider_arrived",
    "rider_picked_up", "rider_delivered", "merchant_accept", "merchant_reject",
    "merchant_ready", "merchant_soldout", "merchant_restock"})
SCALARS: Final = (
    "shop_id", "place_id", "from_place_id", "room", "time", "phone", "errand_kind",
    "budget_fen", "tip_fen", "order_ref", "group_code", "rating", "reason", "choice")
_NUMBERS: Final = frozenset({"budget_fen", "tip_fen", "rating", "choice"})
_UPPER: Final = frozenset({"room", "group_code"})

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Verdict:
    """One message against the best of its accepted readings."""

    is_intent: bool
    is_exact: bool
    hits: int
    extra: int
    missing: int
    gold: str

    @property
    def rank(self) -> tuple[bool, bool, int]:
        return self.is_exact, self.is_intent, -(self.extra + self.missing)


def judge(row: Row, found: Row) -> Verdict:
    """`row` is a line of a corpus, `found` has intent and slots."""
    readings = [row["gold"], *row.get("accept", ())]
    return max((_against(row, gold, found) for gold in readings), key=lambda one: one.rank)


def _against(row: Row, gold: Row, found: Row) -> Verdict:
    context = row.get("context") or {}
    wanted = _units(gold["intent"], gold["slots"], context, _items(gold["slots"]))
    given = _units(found["intent"], found.get("slots") or {}, context, _items(gold["slots"]))
    hits = (wanted & given).total()
    extra, missing = given.total() - hits, wanted.total() - hits
    same = gold["intent"] == found["intent"]
    return Verdict(same, same and not extra and not missing, hits, extra, missing, gold["intent"])


def _items(slots: Row) -> list[Row]:
    return [item for item in slots.get("items") or () if item.get("dish_id")]


def _units(intent: str, slots: Row, context: Row, gold: Sequence[Row]) -> Counter[Any]:
    units: Counter[Any] = Counter()
    items = _items(slots)
    one_of = {dish: row["dish_id"][0] for row in gold if isinstance(row["dish_id"], list)
              for dish in row["dish_id"]}
    if intent == "modify_order":
        units += _effect(items, context, one_of)
    else:
        units += _lines(items, one_of)
    for parcel in slots.get("parcels") or ():
        units.update(("parcel", key, str(parcel[key]).strip().upper())
                     for key in ("carrier", "pickup_code", "size") if parcel.get(key))
    for key in SCALARS:
        value = _plain(key, slots.get(key))
        if value is not None and not (key == "shop_id" and items):
            units[key, value] += 1
    return units


def _dish(item: Row, one_of: Mapping[str, str]) -> str:
    dish = item["dish_id"][0] if isinstance(item["dish_id"], list) else item["dish_id"]
    return one_of.get(dish, dish)


def _effect(items: Iterable[Row], context: Row, one_of: Mapping[str, str]) -> Counter[Any]:
    base: Counter[str] = Counter()
    for line in (context.get("draft") or context.get("order") or {}).get("items") or ():
        base[line["dish_id"]] += line.get("qty", 1)
    units: Counter[Any] = Counter()
    change: Counter[str] = Counter()
    for item in items:
        dish, op, qty = _dish(item, one_of), item.get("op") or "add", item.get("qty")
        if op == "add":
            change[dish] += 1 if qty is None else qty
        elif op == "remove":
            change[dish] -= base.get(dish, 1) if qty is None else qty
        elif qty is not None:
            change[dish] += qty - base.get(dish, 0)
        units.update(("option", dish, option) for option in item.get("options") or ())
    units.update(("delta", dish, float(by)) for dish, by in change.items() if by)
    return units


def _lines(items: Iterable[Row], one_of: Mapping[str, str]) -> Counter[Any]:
    lines: Counter[tuple[str, tuple[str, ...]]] = Counter()
    for item in items:
        key = _dish(item, one_of), tuple(sorted(item.get("options") or ()))
        lines[key] += 1 if item.get("qty") is None else item["qty"]
    often = Counter(dish for dish, _ in lines)
    units: Counter[Any] = Counter()
    for (dish, options), qty in lines.items():
        units["item", dish] += 1
        if qty != 1:
            units["qty", dish, float(qty)] += 1
        side = (options,) if often[dish] > 1 else ()
        units.update(("option", dish, option, *side) for option in options)
    return units


def _plain(key: str, value: Any) -> Any:
    if value is None or value in ("", []):
        return None
    if key in _NUMBERS:
        return float(value)
    text = str(value).strip()
    if key == "time":
        return text[:16]
    return text.upper() if key in _UPPER else text


@dataclass(slots=True)
class Figures:
    """Sums over messages; every share is 0–1."""

    messages: int = 0
    right_intents: int = 0
    exact: int = 0
    hits: int = 0
    extra: int = 0
    missing: int = 0

    def add(self, verdict: Verdict) -> None:
        self.messages += 1
        self.right_intents += verdict.is_intent
        self.exact += verdict.is_exact
        self.hits += verdict.hits
        self.extra += verdict.extra
        self.missing += verdict.missing

    @property
    def intent_share(self) -> float:
        return self.right_intents / max(1, self.messages)

    @property
    def exact_share(self) -> float:
        return self.exact / max(1, self.messages)

    @property
    def slot_f1(self) -> float:
        wrong = self.extra + self.missing
        return 2 * self.hits / (2 * self.hits + wrong) if self.hits or wrong else 1.0


def is_guarded(row: Row) -> bool:
    """Chatter, traps, other topics: nothing in them may be acted on."""
    return not accepted(row) & ACTING and bool(
        {"adv", "amb", "trap"} & set(row["tags"])
        or row["gold"]["intent"] in ("out_of_scope", "chitchat"))


def accepted(row: Row) -> set[str]:
    """Every intent that would be right."""
    return {reading["intent"] for reading in (row["gold"], *row.get("accept", ()))}


def is_false_action(row: Row, intent: str) -> bool:
    return is_guarded(row) and intent in ACTING


def is_false_commit(row: Row, intent: str) -> bool:
    """Answered with confirm, pay or cancel where none of the three is right."""
    return intent in COMMIT and not accepted(row) & COMMIT


def calibration_error(sure: Sequence[float], right: Sequence[bool], bins: int = 10) -> float:
    """Expected calibration error over equal bins of confidence."""
    total = 0.0
    for low in range(bins):
        inside = [at for at, share in enumerate(sure)
                  if min(bins - 1, int(share * bins)) == low]
        total += abs(sum(sure[at] for at in inside) - sum(right[at] for at in inside))
    return total / max(1, len(sure))
