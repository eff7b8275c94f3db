"""The database's copy of an alarm: merged both ways, and what follows from it for the rest."""
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select

from config.texts import from_json
from handlers.notice import Notice, tell
from handlers.sos.wording import sos_facts
from models.alarm import AlarmRecord
from models.base import Session
from models.campus import Campus
from models.order import Order
from models.outbox import Outbox
from models.person import Person
from models.rider import Rider
from models.rules.alarm import SILENCE_LASTS, Alarm, merge

TAKEN_OVER_AFTER: Final = timedelta(seconds=20)  # then workers call, if the web process has not


def bring_in(session: Session, alarm: Alarm, *, now: datetime) -> Alarm:
    """The alarm with all that the database knows of it, and the database with all that it says.

    Idempotent. What was sent counts against WeChat's windows, whoever asked for silence gets it,
    and calls that the web process has not placed are owed by the outbox.
    """
    person = Person.lock(session, alarm.app_id, alarm.openid, now=now)
    row = session.get(AlarmRecord, alarm.uid, with_for_update=True, populate_existing=True)
    if row is None:
        alarm = alarm.with_(about=_about(session, person))
        row = AlarmRecord(uid=alarm.uid, ref=alarm.ref, app_id=alarm.app_id, person_id=person.id,
                          raised_at=alarm.raised_at, facts={}, counted=[],
                          order_id=_order_id(session, person))
        session.add(row)
        person.note_message(alarm.raised_at)  # though the inbox never saw it
    alarm = Alarm(merge(alarm.facts, row.facts))
    if row.facts != alarm.facts:
        row.facts = alarm.facts
    row.seen_at = min(alarm.seen.values(), default=None)
    row.over_at = datetime.fromisoformat(alarm.facts["over_at"]) if alarm.is_over else None
    _be_quiet(person, alarm, now)
    _count(session, row, alarm, now)
    _owe_calls(session, alarm, now)
    return alarm


def by_ref(session: Session, app_id: str, ref: str, *, since: datetime) -> Alarm | None:
    """An alarm that another machine's web process heard."""
    row = session.scalars(select(AlarmRecord).filter_by(app_id=app_id, ref=ref).where(
        AlarmRecord.raised_at > since).order_by(AlarmRecord.raised_at.desc()).limit(1)).first()
    return Alarm(row.facts) if row else None


def _about(session: Session, person: Person) -> dict[str, str]:
    rider = Rider.of_person(session, person.id)
    order = _order(session, person)
    told = {"name": rider.name if rider else person.name or "",
            "phone": person.phone or "",
            "place": person.place.name if person.place else "",
            "room": person.room or "",
            "order": order.code if order else ""}
    return {name: value for name, value in told.items() if value}


def _order(session: Session, person: Person) -> Order | None:
    """The order that they wait for, or carry."""
    rider = Rider.of_person(session, person.id)
    carried = Order.carried_by(session, rider.id) if rider else []
    live = carried or [order for order in Order.live_of(session, person.id) if order.paid_at]
    return live[-1] if live else None


def _order_id(session: Session, person: Person) -> int | None:
    order = _order(session, person)
    return order.id if order else None


def _be_quiet(person: Person, alarm: Alarm, now: datetime) -> None:
    if alarm.is_silent(now):
        person.quiet_until = datetime.fromisoformat(alarm.facts["silent_at"]) + SILENCE_LASTS
    elif "silent_at" in alarm.facts and not alarm.is_open(now):
        person.quiet_until = None


def _count(session: Session, row: AlarmRecord, alarm: Alarm, now: datetime) -> None:
    """Chat messages of ours that took room in somebody's window, each once."""
    sent = {id_: note for id_, note in (alarm.facts.get("notes") or {}).items()
            if note.get("by") == "chat" and id_ not in row.counted}
    for note in sent.values():
        reader = session.scalars(select(Person).filter_by(
            app_id=alarm.app_id, openid=note["to"]).with_for_update(
                of=Person, key_share=True)).one_or_none()
        if reader:
            reader.spend()
    if sent:
        row.counted = [*row.counted, *sorted(sent)]


def _owe_calls(session: Session, alarm: Alarm, now: datetime) -> None:
    """Each call is a debt too, which is settled as soon as WeChat has taken it from us."""
    notes = alarm.facts.get("notes") or {}
    campus = Campus.of_account(session, alarm.app_id)
    for id_, note in notes.items():
        if not id_.startswith("ring:") or campus is None:
            continue
        reader = Person.ensure(session, alarm.app_id, note["to"], now=now)
        key = f"sos:{alarm.uid}:{id_.rpartition(':')[2]}"
        if "sent" not in note and "failed" not in note and not alarm.seen and alarm.is_open(now):
            tell(session, Notice(
                reader, key, template="sos", facts=sos_facts(alarm, campus.zone),
                chat=from_json(note["words"]), good_until=now + timedelta(minutes=10)),
                now=now, due_at=datetime.fromisoformat(note["at"]) + TAKEN_OVER_AFTER)
        elif (debt := Outbox.by_key(session, f"notice:{key}:{reader}")) and not debt.settled_at:
            debt.settle("delivered by web" if "sent" in note else "dropped: no need", now)


__all__ = ["bring_in", "by_ref"]
