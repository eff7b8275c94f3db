"""From cells to lines of an order: which amount, option and verb belongs to which dish."""
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any, Final

from bot.nlu.beads import AFTER_ONLY, SLIPS, STEER, Bead, strung
from bot.nlu.lexicon import Lexicon
from bot.nlu.patterns import PATTERNS
from bot.nlu.reading import Reading

_P: Final = PATTERNS["reading"]


@dataclass(slots=True)
class Line:
    """One dish said. `ids` are all dishes it may be, best first."""

    ids: tuple[str, ...]
    at: int
    end: int
    qty: float | None = None
    options: list[str] = field(default_factory=list)
    negated: bool = False
    more: bool = False
    sure: bool = True
    less: bool = False


class Assembly:
    """Reads beads into lines. One use; `lines` is the result."""

    def __init__(self, reading: Reading, shop_hints: Sequence[str] = ()) -> None:
        self.reading = reading
        self.lexicon: Lexicon = reading.lexicon
        self.beads = strung(reading)
        self.hints = list(shop_hints)
        self.lines: list[Line] = []
        self.loose: list[tuple[str, ...]] = []          # options said of no dish
        self.loose_all = False
        self.loose_qty: float | None = None
        self._amounts_follow = False        # 甲两份乙一份: every amount behind its dish
        self._assemble()

    def _assemble(self) -> None:
        self._find_lines()
        self._split()
        self._choose_shops()
        self._quantities()
        self._without_strays()
        self._options()
        self._corrections()
        self._unrepeat()

    # -- dishes

    def _find_lines(self) -> None:
        for at, bead in enumerate(self.beads):
            if bead.kind == "D":
                line = Line(bead.value[0], bead.start, bead.end, sure=bead.sure)
                line.options = self._named_option(bead)
                line.negated = self._negated(at)
                line.more = self._leads(at, ("more",))
                self.lines.append(line)

    def _split(self) -> None:
        """`两杯奶茶 一杯少冰一杯去冰`, `三份都加蛋 其中一份加芝士`: one dish, made differently."""
        if not self.lines:
            return
        if len(self.lines) > 1:
            for line in self.lines[::-1]:
                self._split_one(line)
            return
        start = self.lines[0].end
        groups = self._groups_behind(start) or self._groups(start)
        if not groups or self._split_from(groups):
            return
        apart = [bead for bead in self.beads if bead.kind == "Q" and bead.sure
                 and all(bead is not amount for amount, _ in groups)]
        total = max((float(bead.value) for bead in apart), default=0.0)
        rest = total - sum(float(amount.value) for amount, _ in groups)
        if (total and rest < 0) or (len(groups) < 2 and rest <= 0):
            return
        made = [(float(amount.value), options) for amount, options in groups]
        made += [(rest, [])] if total and rest else []
        first = min(bead.start for bead in (groups[0][0], *groups[0][1]))
        self._divide(made, self._shared(first))
        _use_up(apart, groups)

    def _split_from(self, groups: Sequence[tuple[Bead, list[Bead]]]) -> bool:
        """`一份微辣的奶茶 一份不辣的`: the first part is named, the others follow."""
        before = [bead for bead in self.beads if bead.end <= self.lines[0].at]
        start = max((at for at, bead in enumerate(before) if bead.kind == "Q"), default=None)
        if start is None or any(bead.kind not in ("O", "word") for bead in before[start + 1:]):
            return False
        options = [bead for bead in before[start + 1:] if bead.kind == "O"]
        if not options:
            return False
        parts = [(before[start], options), *groups]
        self._divide([(float(amount.value), made) for amount, made in parts], [])
        _use_up([], parts)
        return True

    def _split_one(self, line: Line) -> None:
        """`糯米团一个 豆浆两杯 一杯不加糖一杯全糖`: the parts follow, their sum was said before."""
        groups = self._groups_behind(line.end) or self._groups(line.end)
        if len(groups) < 2:
            return
        others = [other for other in self.lines if other.ids != line.ids]
        start = max((other.end for other in others if other.end <= line.at), default=0)
        total = sum(float(amount.value) for amount, _ in groups)
        whole = next((bead for bead in self.beads if bead.kind == "Q" and bead.value == total
                      and start <= bead.start < groups[0][0].start), None)
        if whole is None:
            return
        self.lines = [line]
        self._divide([(float(amount.value), options) for amount, options in groups], [])
        self.lines = sorted(others + self.lines, key=lambda one: one.at)
        _use_up([whole], groups)

    def _shared(self, until: int) -> list[Bead]:
        """The options said of all parts, before the first."""
        found = [bead for bead in self.beads if bead.kind == "O" and bead.start < until]
        for bead in found:
            bead.kind = "word"
        return found

    def _divide(self, made: Sequence[tuple[float, list[Bead]]], shared: list[Bead]) -> None:
        line, self.lines = self.lines[0], []
        for qty, options in made:
            part = replace(line, qty=qty, options=[])
            for bead in (*shared, *options):
                for ids in bead.value:
                    self._give(part, ids)
            self.lines.append(part)

    def _groups_behind(self, start: int) -> list[tuple[Bead, list[Bead]]]:
        """`奶茶大杯热的一杯 小杯去冰一杯`: the same, each amount behind its options."""
        found: list[tuple[Bead, list[Bead]]] = []
        options: list[Bead] = []
        for bead in self.beads:
            if bead.start < start:
                continue
            if bead.kind == "O":
                options.append(bead)
            elif bead.kind == "Q":
                if not options:
                    return []
                found.append((bead, options))
                options = []
            elif bead.kind not in ("word", "space", "stop", "join", "which"):
                break
        return found if len(found) > 1 and not options else []

    def _groups(self, start: int) -> list[tuple[Bead, list[Bead]]]:
        """Behind `start`: every amount that options follow, with them."""
        return [(amount, options) for amount, options in self._amounts(start) if options]

    def parts(self) -> list[tuple[float, list[tuple[str, ...]]]]:
        """`两份 一份辣一份不辣`, no dish named: the amounts, and what each is made with."""
        groups = [] if self.lines else self._amounts(0)
        made = [(float(amount.value), [ids for bead in options for ids in bead.value])
                for amount, options in groups]
        if len(made) < 2 or not any(options for _, options in made):
            return []
        rest = made[0][0] - sum(amount for amount, _ in made[1:])
        first, second = groups[0][0], groups[1][0]
        is_part = made[0][1] or _says_as_it_comes(self.reading.text[first.end:second.start])
        if is_part or rest < 0:
            return made
        return [(rest, []), *made[1:]] if rest else made[1:]

    def _amounts(self, start: int) -> list[tuple[Bead, list[Bead]]]:
        """Behind `start`: every amount, with the options that follow it."""
        found: list[tuple[Bead, list[Bead]]] = []
        to_all = False
        for bead in self.beads:
            if bead.start < start:
                continue
            if bead.kind == "Q":
                found.append((bead, []))
                to_all = False
            elif bead.kind == "all":
                to_all = True
            elif bead.kind == "O" and found and not to_all:
                found[-1][1].append(bead)
            elif bead.kind not in (
                    "word", "space", "stop", "O", "join", "oneof", "which", "all", "P", "N"
                    ) and self.reading.text[bead.start:bead.end] not in _AS_IT_COMES:
                break
        return found

    def _named_option(self, bead: Bead) -> list[str]:
        """`冰美式`, a name of 美式 that says how it is made."""
        said = self.reading.text[bead.start:bead.end]
        dish = self.lexicon.dishes[bead.value[0][0]]
        if len(said) < 3 or said == dish.names[0] or said[1:] not in dish.names:
            return []
        ids = self.lexicon.options.phrases.get(said[0], ())
        return [option for option in ids if option in dish.options][:1]

    def _leads(self, at: int, kinds: tuple[str, ...]) -> bool:
        """Whether one of `kinds` stands right before, amounts and small words aside."""
        for bead in reversed(self.beads[max(0, at - 4):at]):
            if bead.kind in kinds:
                return True
            if bead.kind not in ("Q", "word", "space", "O"):
                return False
        return False

    def _negated(self, at: int) -> bool:
        before = self.beads[at - 1] if at else None
        if before is not None and before.kind == "remove" and (
                before.value not in AFTER_ONLY or self._begins_clause(at - 1)):
            return True
        if at > 1 and self.beads[at - 1].kind == "Q" and self.beads[at - 2].kind == "remove" \
                and self.beads[at - 2].value in AFTER_ONLY and self._begins_clause(at - 2):
            return True  # 去掉一份黄焖鸡
        if before is not None and before.kind == "correct" and before.value == "不是":
            return True
        if _P["made_by_mistake"].search(self.reading.text[:self.beads[at].start]):
            return True
        for bead in self.beads[at + 1:at + 5]:
            if bead.kind == "correct" and bead.value in _NO_MORE:
                rest = self.beads[self.beads.index(bead) + 1:]
                return all(one.kind not in "DOQS" for one in rest)
            if bead.kind == "remove":
                after = self.beads[self.beads.index(bead) + 1:][:1]
                return (bead.value in AFTER_ONLY or bead.value.endswith(_FINAL) or not after
                        or after[0].kind not in "DOQ")
            if bead.kind not in ("word", "Q", "all", "which") or (
                    bead.kind == "word" and bead.value not in _LINKS):
                return False
        return False

    def _begins_clause(self, at: int) -> bool:
        """去掉可乐: nothing stands before it that it could be said of."""
        clause = self.beads[:at]
        stops = [k for k, bead in enumerate(clause) if bead.kind == "stop"]
        return all(bead.kind == "word" for bead in clause[stops[-1] + 1 if stops else 0:])

    def _choose_shops(self) -> None:
        """Put the dish of the shop named, or of the other dishes' shop, first."""
        hints = list(self.hints)
        for bead in self.beads:
            if bead.kind == "S":
                hints.extend(bead.value)
        places = [bead.value for bead in self.beads if bead.kind == "P"]
        sole = [self.lexicon.dishes[line.ids[0]].shop_id for line in self.lines
                if len({self.lexicon.dishes[dish].shop_id for dish in line.ids}) == 1]
        near = {place for value in places for place in value}
        for line in self.lines:
            if len(line.ids) > 1:
                line.ids = self._ranked(line.ids, hints, sole, near)

    def _ranked(self, ids: tuple[str, ...], hints: list[str], sole: list[str],
                near: set[str]) -> tuple[str, ...]:
        def rank(dish: str) -> tuple[bool, bool, bool]:
            shop = self.lexicon.dishes[dish].shop_id
            return (shop not in hints, self.lexicon.shops[shop].place_id not in near,
                    shop not in sole)
        ordered = sorted(ids, key=rank)
        best = rank(ordered[0])
        return tuple(dish for dish in ordered if rank(dish) == best)

    # -- quantities

    def _quantities(self) -> None:
        order = "".join(bead.kind for bead in self.beads if bead.kind in ("D", "Q"))
        if len({line.ids for line in self.lines}) < len(self.lines):
            order = order.removesuffix("D")  # 肉夹馍×3 凉皮×2 凉皮都别放香菜
        leading = order.startswith("Q")
        self._amounts_follow = len(order) > 2 and order == "DQ" * (len(order) // 2)
        taken: set[int] = set()
        for at, bead in enumerate(self.beads):
            if bead.kind != "Q":
                continue
            if self._each(at):
                self._spread(at, float(bead.value))
                continue
            line = self._corrected(at) or self._owner(at, leading, taken)
            if line is None:
                if not self.lines and self._counts(at):
                    self.loose_qty = bead.value
                continue
            if line.qty is None or (bead.sure and not (
                    id(line) in taken and self._apart(line, at))):
                line.qty = bead.value
            taken.add(id(line))

    def _apart(self, line: Line, at: int) -> bool:
        """Whether another thing is counted: 面两碗 筷子三双."""
        return not any(bead.kind in ("correct", "replace", "more", "less") or (
            bead.kind in ("word", "remove") and bead.value in SLIPS)
            for bead in self.beads[:at] if bead.start >= line.at)

    def _counts(self, at: int) -> bool:
        return self.beads[at].sure

    def _corrected(self, at: int) -> Line | None:
        """`三份 打错了两份`: an amount after a correction, no dish after it."""
        for bead in reversed(self.beads[max(0, at - 3):at]):
            if bead.kind in ("correct", "replace") or (
                    bead.kind == "word" and bead.value in SLIPS):
                rest = self.beads[at + 1:at + 3]
                before = [line for line in self.lines if line.end <= bead.start]
                return before[-1] if before and not any(one.kind == "D" for one in rest) else None
            if bead.kind not in ("word", "space", "stop"):
                return None
        return None

    def _each(self, at: int) -> bool:
        return at > 0 and self.beads[at - 1].kind in ("each", "all")

    def _spread(self, at: int, qty: float) -> None:
        start = self.beads[at].start
        before = [line for line in self.lines if line.end <= start]
        for line in before or self.lines:
            if line.qty is None:
                line.qty = qty

    def _owner(self, at: int, leading: bool, taken: set[int]) -> Line | None:
        left, left_gap = self._neighbour(at, -1)
        right, right_gap = self._neighbour(at, 1)
        if self._amounts_follow and left is not None and id(left) not in taken:
            left_gap = min(left_gap, 0.0)
        options = []
        if left is not None:
            cost = left_gap + (0.5 if leading else 0) + (8 if id(left) in taken else 0)
            options.append((cost, 0, left))
        if right is not None:
            cost = right_gap + (0 if leading else 0.5)
            options.append((cost, 1, right))
        if not options:
            return None
        cost, _, line = min(options, key=lambda option: option[:2])
        return line if cost < 8 else None

    def _neighbour(self, at: int, step: int) -> tuple[Line | None, float]:
        """The nearest dish on one side and what lies between, as a cost."""
        cost = 0.0
        number = self.beads[at]
        if not number.sure:
            cost += 0.0 if step < 0 else 1.0
        here = at + step
        while 0 <= here < len(self.beads):
            bead = self.beads[here]
            if bead.kind == "D":
                return self._line_of(bead), cost
            cost += _GAPS.get(bead.kind, 4.0)
            if bead.kind == "word" and bead.value in _LINKS:
                cost -= 1.5
            if bead.kind == "word" and step < 0 and bead.value not in _LINKS and _ordering(bead):
                cost += 2
            if cost >= 8:
                break
            here += step
        return None, cost

    def _line_of(self, bead: Bead) -> Line | None:
        return next((line for line in self.lines if line.at == bead.start), None)

    # -- options

    def _options(self) -> None:
        order = [bead.kind for bead in self.beads if bead.kind in ("D", "O")]
        leading = bool(order) and order[0] == "O"
        to_all = False
        for at, bead in enumerate(self.beads):
            if bead.kind == "all":
                to_all = not self._said_again(at - 1)
            elif bead.kind in ("stop", "D"):
                to_all = False
            elif bead.kind == "O":
                for alternatives in bead.value:
                    self._attach(at, alternatives, leading, to_all or self._all_after(at))

    def _said_again(self, at: int) -> bool:
        """`凉皮两份 … 凉皮都别放香菜`: 都 is of this dish alone."""
        bead = self.beads[max(at, 0)]
        return bead.kind == "D" and any(
            line.end <= bead.start and line.ids == bead.value[0] for line in self.lines)

    def _all_after(self, at: int) -> bool:
        return any("都" in self.reading.text[bead.start:bead.end] for bead in self.beads[at:at + 1])

    def _attach(self, at: int, ids: tuple[str, ...], leading: bool, to_all: bool) -> None:
        bead = self.beads[at]
        if to_all and self.lines:
            for line in self.lines:
                if not line.negated and line.at < bead.start:
                    self._give(line, ids)
            if any(line.at < bead.start for line in self.lines):
                return
        target = self._option_owner(at, ids, leading)
        if target is not None:
            self._give(target, ids)
        elif not self._beside_dish(at):
            self.loose.append(ids)
            self.loose_all = self.loose_all or to_all

    def _beside_dish(self, at: int) -> bool:
        """`可颂加热一下`: said of a dish that has no such option."""
        return any(bead.kind == "D" for bead in self.beads[max(0, at - 2):at])

    def _option_owner(self, at: int, ids: tuple[str, ...], leading: bool) -> Line | None:
        bead = self.beads[at]
        left = [line for line in self.lines if line.end <= bead.start and not line.negated]
        right = [line for line in self.lines if line.at >= bead.end and not line.negated]
        order: list[Line] = []
        if self._right_first(at, leading, bool(left)):
            order = right[:1] + left[::-1] + right[1:]
        else:
            order = left[::-1] + right
        return next((line for line in order if self._takes(line, ids)), None)

    def _right_first(self, at: int, leading: bool, has_left: bool) -> bool:
        if not has_left:
            return True
        after = self.beads[at + 1] if at + 1 < len(self.beads) else None
        touches = False
        for bead in self.beads[at + 1:at + 4]:
            if bead.kind == "D":
                touches = True
                break
            if bead.kind not in ("O", "Q") and not (bead.kind == "word" and bead.value == "的"):
                break
        before = self.beads[at - 1]
        fresh = before.kind in ("stop", "space", "join", "more") or (
            before.kind == "Q" and at >= 2
            and self.beads[at - 2].kind in ("stop", "space", "join", "more", "word"))
        return touches and (leading or fresh) and after is not None and before.kind != "D"

    def _takes(self, line: Line, ids: tuple[str, ...]) -> bool:
        return any(option in self.lexicon.dishes[dish].options
                   for dish in line.ids for option in ids)

    def _give(self, line: Line, ids: tuple[str, ...]) -> None:
        for dish in line.ids:
            allowed = self.lexicon.dishes[dish].options
            option = next((one for one in ids if one in allowed), None)
            if option is not None:
                break
        if option is None:
            return
        groups = self.lexicon.options.groups
        line.options = [old for old in line.options if groups.get(old) != groups.get(option)
                        and old != option]
        line.options.append(option)

    def _unrepeat(self) -> None:
        """`想吃拉面，牛肉的来一碗`: a part of a name beside the name is the same dish."""
        self._made_known()
        for first, second in pairwise(list(self.lines)):
            both = tuple(dish for dish in first.ids if dish in second.ids)
            more_said = second.qty is None and second.options and not first.options
            if not both or first.negated != second.negated or (
                    first.sure and second.sure and not more_said) or (
                    first.qty is not None and second.qty is not None):
                continue
            second.ids = both
            second.qty = first.qty if second.qty is None else second.qty
            second.options = [*first.options, *second.options]
            self.lines = [line for line in self.lines if line is not first]

    def _made_known(self) -> None:
        """`奶绿、珍奶各一杯 珍奶要大杯`: a dish said again, only to say how it is made."""
        groups = self.lexicon.options.groups
        for again in list(self.lines):
            first = next((line for line in self.lines if line is not again and line.end <= again.at
                          and line.ids == again.ids), None)
            if first is None or again.more or again.negated or first.negated or not (
                    first.sure and again.sure):
                continue
            if again.qty is not None and first.qty is None and not first.options:
                self.lines = [line for line in self.lines if line is not first]
                continue
            if again.qty is not None or not again.options or (
                    first.qty is None and not first.options):
                continue
            said = {groups.get(option) for option in first.options}
            if said.intersection(groups.get(option) for option in again.options):
                continue
            first.options += again.options
            self.lines = [line for line in self.lines if line is not again]

    def _without_strays(self) -> None:
        """`冒菜加土豆`: a part of a name that only another shop's dishes have is no dish of it."""
        dishes = self.lexicon.dishes
        shops = {dishes[dish].shop_id for line in self.lines if line.sure for dish in line.ids}
        self.lines = [line for line in self.lines if line.sure or line.qty is not None or not shops
                      or any(dishes[dish].shop_id in shops for dish in line.ids)]

    # -- corrections

    def _corrections(self) -> None:
        """After 不对, 算了, 打错了 the last word counts."""
        for at, bead in enumerate(self.beads):
            if bead.kind in ("correct", "replace"):
                self._correct(at)

    def _correct(self, at: int) -> None:
        start = self.beads[at].start
        before = [line for line in self.lines if line.end <= start and not line.negated]
        after = [line for line in self.lines if line.at >= start]
        if not before:
            return
        nearest = self._next_of(at)
        if nearest == "D" and after and not after[0].negated:
            if before[-1].qty is not None and after[0].qty is None:
                after[0].qty = before[-1].qty
            for line in before:  # 来份肥肠面 肥肠太腻了 还是杂酱面
                line.negated = line.negated or bool(set(line.ids) & set(before[-1].ids))

    def _next_of(self, at: int) -> str:
        """What comes first after a correction: a dish, or only an amount or option."""
        for place, bead in enumerate(self.beads[at + 1:], at + 1):
            if bead.kind == "D":
                return "D"
            if bead.kind == "more":
                return ""
            if bead.kind in ("Q", "O"):
                return "D" if self._touches(place + 1) else bead.kind
        return ""


    def _touches(self, place: int) -> bool:
        """Whether a dish follows at once: 换大杯的奶绿, not 改大杯 奶绿要热的."""
        for bead in self.beads[place:place + 2]:
            if bead.kind in ("D", "space", "stop"):
                return bead.kind == "D"
        return False


def _says_as_it_comes(text: str) -> bool:
    return any(word in text for word in _AS_IT_COMES)


def _use_up(amounts: Sequence[Bead], groups: Sequence[tuple[Bead, list[Bead]]]) -> None:
    """What has been read counts nothing else."""
    for bead in (*amounts, *(one for amount, options in groups for one in (amount, *options))):
        bead.kind = "word"


_AS_IT_COMES: Final = frozenset(STEER["as_it_comes"])
_LINKS: Final = frozenset(STEER["links"])
_FINAL: Final = tuple(STEER["final"])
_NO_MORE: Final = frozenset(STEER["no_more"])
_GAPS: Final = {"O": 0.6, "space": 1.0, "stop": 3.5, "join": 2.5, "more": 3.0, "word": 2.0,
                "?": 3.0, "correct": 0.5, "all": 1.0, "Q": 5.0, "each": 1.0, "replace": 2.0,
                "which": 1.0, "remove": 6.0, "T": 4.0, "P": 4.0, "S": 3.0, "M": 3.0, "less": 1.0}


def _ordering(bead: Bead) -> bool:
    return bead.value in STEER["ordering"]


def as_items(lines: Sequence[Line], default_qty: int | None = 1) -> list[dict[str, Any]]:
    """Lines as the schema's items; the same dish with the same options summed."""
    merged: dict[tuple[str, tuple[str, ...]], dict[str, Any]] = {}
    for line in lines:
        key = (line.ids[0], tuple(sorted(line.options)))
        qty = default_qty if line.qty is None else line.qty
        if key in merged and qty is not None:
            merged[key]["qty"] = _whole((merged[key]["qty"] or 0) + qty)
        else:
            merged[key] = {"dish_id": line.ids[0], "qty": _whole(qty),
                           "options": list(line.options)}
    return list(merged.values())


def _whole(number: float | None) -> float | int | None:
    return int(number) if number is not None and number == int(number) else number


def draft_items(context: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The lines of the open draft, else of the order shown."""
    for key in ("draft", "order"):
        items = (context.get(key) or {}).get("items")
        if items:
            return list(items)
    return []
