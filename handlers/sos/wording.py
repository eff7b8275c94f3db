"""An alarm in words. What is said of a call follows what WeChat and people have answered to it."""
from collections.abc import Mapping
from datetime import datetime, tzinfo
from typing import Final

from config.texts import Reply, text_of
from handlers.sos.guards import Guard
from models.campus import zone_of
from models.rules.alarm import Alarm

MOST_WORDS: Final = 60


def sos_facts(alarm: Alarm, zone: tzinfo) -> dict[str, str]:
    """The `sos` template's fields."""
    about = alarm.about
    order = text_of(Reply("sos.order", {"code": about["order"]})) if "order" in about else ""
    return {"alarm": alarm.ref, "kind": text_of(Reply("sos.kind")),
            "place": about.get("place") or text_of(Reply("sos.no_place")),
            "time": f"{alarm.raised_at.astimezone(zone):%H:%M:%S}",
            "about": " ".join(filter(None, (text_of(Reply("sos.answer_so")), order)))}


def call(alarm: Alarm, guard: Guard, *, now: datetime) -> Reply:
    """The call itself, for somebody on duty."""
    about = alarm.about
    who = " ".join(about[name] for name in ("name", "phone", "place", "room") if name in about)
    return Reply("sos.call", {
        "ref": alarm.ref, "at": clock(alarm.raised_at, guard), "words": alarm.words[:MOST_WORDS],
        "who": Reply("sos.who", {"who": who}) if who else None,
        "order": Reply("sos.order", {"code": about["order"]}) if "order" in about else None,
        "silent": Reply("sos.is_silent") if alarm.is_silent(now) else None,
        "position": last_position(alarm)})


def last_position(alarm: Alarm) -> Reply | None:
    positions: Mapping[str, str] = alarm.facts.get("positions") or {}
    return Reply("sos.position", {"where": positions[max(positions)]}) if positions else None


def standing(alarm: Alarm, guard: Guard) -> Reply:
    """How far the call has come, and no further: said to who called."""
    if alarm.seen:
        first = min(alarm.seen, key=lambda openid: alarm.seen[openid])
        return Reply("sos.seen", {"name": name_of(first, guard),
                                  "at": clock(alarm.seen[first], guard)})
    if reached := alarm.reached():
        known = [each for each in guard.on_duty if each in reached]
        return Reply("sos.rung", {"names": "、".join(
            name_of(each, guard) for each in known or reached)})
    return Reply("sos.ringing")


def name_of(openid: str, guard: Guard) -> str:
    return guard.on_duty.get(openid) or text_of(Reply("sos.somebody"))


def clock(at: datetime, guard: Guard) -> str:
    return f"{at.astimezone(zone_of(guard.tz)):%H:%M}"


def phone(guard: Guard) -> Reply | None:
    return Reply("sos.phone", {"phone": guard.phone}) if guard.phone else None
