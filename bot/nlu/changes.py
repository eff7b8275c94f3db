"""A change to an open order: which lines come, go, or are made otherwise."""
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from bot.nlu.items import Assembly, Line, draft_items
from bot.nlu.patterns import PATTERNS
from bot.nlu.reading import Reading
from bot.nlu.wishes import names_other_dish, not_on_menu

_CLAUSE: Final = re.compile(r"[,;。 ]")
_P: Final = PATTERNS["changes"]

_ONE_MORE: Final = _P["one_more"]


def changes(reading: Reading, assembly: Assembly, context: Mapping[str, Any]
            ) -> list[dict[str, Any]]:
    """The schema's items with `op`, against the draft (else the order) in `context`."""
    base = [dict(item) for item in draft_items(context)]
    held = [str(item["dish_id"]) for item in base]
    lines = _aimed(assembly.lines, held, reading)
    found = _unnamed_source(reading, assembly, lines, held)
    found += [item for line in lines
              if (item := _change(reading, line, held)) is not None]
    if parted := _parted(reading, assembly, base):
        return parted
    if assembly.loose:
        found += _remade(reading, assembly, base) or _loose_options(
            reading, assembly, held, base)
    if not lines and not assembly.loose and "marks.note" not in reading.cues:
        found += _bare(reading, assembly, base)
    return found


def _aimed(lines: Sequence[Line], held: list[str], reading: Reading) -> list[Line]:
    """Where a name may mean several dishes, prefer those already in the order, then its shop's."""
    dishes = reading.lexicon.dishes
    shops = {dishes[dish].shop_id for dish in held if dish in dishes}
    for line in lines:
        inside = [dish for dish in line.ids if dish in held]
        near = [dish for dish in line.ids if dishes[dish].shop_id in shops]
        line.ids = tuple(inside or near or line.ids)
    return list(lines)


def _change(reading: Reading, line: Line, held: list[str]) -> dict[str, Any] | None:
    dish = line.ids[0]
    options = list(line.options)
    if line.negated:
        if dish not in held:
            return None
        return {"dish_id": dish, "qty": line.qty, "options": [], "op": "remove"}
    if dish not in held:
        if line.qty is None and not options and _is_remarked(reading, line):
            return None
        return {"dish_id": dish, "qty": line.qty or 1, "options": options, "op": "add"}
    before = _CLAUSE.split(reading.text[max(0, line.at - 8):line.at])[-1]
    around = reading.text[line.end:line.end + 6]
    followed = next((cell for cell in reading.cells if cell.start == line.end), None)
    less = (followed is None or followed.kind != "O") and _P["change_shao"].search(around[:3])
    if less and not line.sure and line.qty is None:  # 饭多点 肉少点
        return {"dish_id": dish, "qty": None, "options": options, "op": "set"} if options else None
    if less or _P["change_shao_2"].search(before):
        return {"dish_id": dish, "qty": line.qty or 1, "options": [], "op": "remove"}
    is_option = followed is not None and followed.kind == "O" and line.qty is None
    more_after = not is_option and _P["change_zai_2"].search(around)
    if line.more or more_after or _P["change_zai"].search(before):
        return {"dish_id": dish, "qty": line.qty or 1, "options": options, "op": "add"}
    if line.qty is not None or options:
        if options and _P["unnamed_source_qizhong"].search(reading.text[:line.at]):
            return {"dish_id": dish, "qty": None, "options": options, "op": "set"}
        return {"dish_id": dish, "qty": line.qty, "options": options, "op": "set"}
    if _P["change_lai"].search(before[-3:]):
        return {"dish_id": dish, "qty": 1, "options": [], "op": "add"}
    return None


def _is_remarked(reading: Reading, line: Line) -> bool:
    """`米饭软一点`: of what is in a dish, and no dish."""
    marks = reading.cues.get("marks.note", ())
    return wants_more_in_it(reading, line.at) or (
        not line.more and any(line.at <= start <= line.end for start, _ in marks))


def wants_more_in_it(reading: Reading, at: int) -> bool:
    """`多放点米饭`: what stands there goes into a dish, and is none."""
    return any(_P["some"].fullmatch(reading.text[end:at])
               for _, end in reading.cues.get("marks.note", ()) if end <= at)


def _unnamed_source(reading: Reading, assembly: Assembly, lines: list[Line], held: list[str]
                    ) -> list[dict[str, Any]]:
    """`换成Y`, `不要那个了换成Y`, `其中一杯换成Y`: the line that goes, though not named."""
    kinds = ("replace", "oneof", "correct") if _P["meant"].search(reading.text) else (
        "replace", "oneof")
    at = next((bead.start for bead in assembly.beads if bead.kind in kinds), None)
    if at is None or not held or names_other_dish(reading, at):
        return []
    goals = [line for line in lines if line.at >= at and line.ids[0] not in held]
    sources = [line for line in lines if line.at < at or line.negated]
    if not goals or sources:
        return []
    single = _P["unnamed_source_qizhong"].search(reading.text)
    return [{"dish_id": held[0], "qty": 1 if single else None, "options": [], "op": "remove"}]


def _loose_options(reading: Reading, assembly: Assembly, held: list[str],
                   base: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Options with no dish beside them go to the lines of the order that take them."""
    dishes = reading.lexicon.dishes
    found: dict[str, dict[str, Any]] = {}
    for ids in assembly.loose:
        takers = [(dish, option) for dish in held if dish in dishes
                  for option in ids if option in dishes[dish].options]
        for dish, option in dict(takers[::-1]).items():
            item = found.setdefault(
                dish, {"dish_id": dish, "qty": None, "options": [], "op": "set"})
            item["options"].append(option)
    if len(base) == len(found) == 1 and assembly.loose_qty is not None:
        return [{**item, **_so_many(reading, assembly.loose_qty, base[0])}
                for item in found.values()]
    return list(found.values())


def _so_many(reading: Reading, said: float, held: Mapping[str, Any]) -> dict[str, Any]:
    """`再来两份微辣`: more of the only dish, made so; `两份微辣`, of one: two of it."""
    if _P["made_more"].search(reading.text):
        return {"qty": said, "op": "add"}
    is_whole = said > float(held.get("qty") or 1) and not _P["put_in"].search(reading.text)
    return {"qty": said} if is_whole else {}


def _parted(reading: Reading, assembly: Assembly, base: list[dict[str, Any]]
            ) -> list[dict[str, Any]]:
    """`两份 一份辣一份不辣`: the one dish of the order that takes it, made in several ways."""
    parts, dishes = assembly.parts(), reading.lexicon.dishes
    takers = [str(item["dish_id"]) for item in base if str(item["dish_id"]) in dishes and all(
        set(ids) & set(dishes[str(item["dish_id"])].options) for _, made in parts for ids in made)]
    if len(parts) < 2 or len(takers) != 1:
        return []
    can = dishes[takers[0]].options
    return [{"dish_id": takers[0], "qty": int(amount) if amount == int(amount) else amount,
             "options": [next(option for option in ids if option in can) for ids in made],
             "op": "add" if number else "set"} for number, (amount, made) in enumerate(parts)]


def _remade(reading: Reading, assembly: Assembly, base: list[dict[str, Any]]
            ) -> list[dict[str, Any]]:
    """`大杯的都改成中杯`: only what is made so now."""
    groups, dishes = reading.lexicon.options.groups, reading.lexicon.dishes
    if len(assembly.loose) != 2 or all(bead.kind != "replace" for bead in assembly.beads):
        return []
    was, becomes = assembly.loose
    if was == becomes or groups.get(was[0]) != groups.get(becomes[0]):
        return []
    return [{"dish_id": item["dish_id"], "qty": None, "options": [option], "op": "set"}
            for item in base if set(was) & set(item.get("options") or ())
            for option in becomes if option in dishes[str(item["dish_id"])].options]


def _bare(reading: Reading, assembly: Assembly, base: list[dict[str, Any]]
          ) -> list[dict[str, Any]]:
    """Only an amount, or only "another one": of the last line."""
    if not base or not_on_menu(reading):
        return []
    last = base[-1]
    qty = assembly.loose_qty
    text = reading.text
    if _P["bare_zai"].search(text):
        return [{"dish_id": last["dish_id"], "qty": qty or 1, "options": [], "op": "add"}]
    if qty is not None and _P["bare_shao"].search(text):
        return [{"dish_id": last["dish_id"], "qty": qty, "options": [], "op": "remove"}]
    if qty is not None and not _P["something_else"].search(text):
        line = _of_amount(reading, assembly, base) or last
        return [{"dish_id": line["dish_id"], "qty": qty, "options": [], "op": "set"}]
    if _P["bare_nage"].search(text):
        return [{"dish_id": last["dish_id"], "qty": None, "options": [], "op": "remove"}]
    return []


def _of_amount(reading: Reading, assembly: Assembly, base: list[dict[str, Any]]
               ) -> dict[str, Any] | None:
    """`一份改两份`: the one line of the order that there is one of."""
    amounts = [bead for bead in assembly.beads if bead.kind == "Q"]
    if len(amounts) != 2 or not _P["amount_for_amount"].search(
            reading.text[amounts[0].end:amounts[1].start]):
        return None
    fits = [item for item in base if float(item.get("qty") or 1) == float(amounts[0].value)]
    return fits[0] if len(fits) == 1 else None
