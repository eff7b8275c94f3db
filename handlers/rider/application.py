"""Becoming a rider: somebody asks, gives a name and a number, and an operator says yes or no."""
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from config.texts import Reply
from handlers import dialogue
from handlers.notice import Notice, tell
from handlers.speaker import Speaker
from models.base import Session
from models.campus import Account, Campus
from models.person import Person
from models.rider import Rider, RiderStatus

MOST_SHOWN = 4


def ask_to_ride(session: Session, speaker: Speaker, *, now: datetime) -> Reply:
    """「我要当骑手」: who is not one yet is asked for a name and a number."""
    rider = speaker.rider
    if rider and rider.status != RiderStatus.REFUSED:
        return Reply(f"riders.is_{rider.status}", {"name": rider.name})
    dialogue.ask(speaker.person, "ask_rider", now=now)
    return Reply("riders.who")


@dataclass(frozen=True, slots=True)
class ApplyToRide:
    name: str
    phone: str


def apply_to_ride(session: Session, speaker: Speaker, cmd: ApplyToRide, *,
                  now: datetime) -> Reply:
    """Write the application down and show it to the campus's operators. Said twice, it is one."""
    rider = Rider.of_person(session, speaker.person.id, lock=True)
    if rider and rider.status != RiderStatus.REFUSED:
        return Reply(f"riders.is_{rider.status}", {"name": rider.name})
    if rider is None:
        rider = Rider(person_id=speaker.person.id, campus_id=speaker.campus.id, is_on_duty=False,
                      name=cmd.name, status=RiderStatus.APPLIED)
        session.add(rider)
    rider.campus_id, rider.name, rider.status = speaker.campus.id, cmd.name, RiderStatus.APPLIED
    speaker.person.phone = cmd.phone
    session.flush()
    dialogue.clear(speaker.person)
    for operator_id in operators_of(session, speaker.campus):
        tell(session, Notice(operator_id, f"rider:{rider.id}:applied:{now.isoformat()}",
                             chat=_application(rider, cmd.phone)), now=now)
    return Reply("riders.applied", {"name": cmd.name})


@dataclass(frozen=True, slots=True)
class DecideOnRider:
    rider_id: int
    status: RiderStatus  # APPROVED, REFUSED or SUSPENDED


def decide(session: Session, speaker: Speaker, cmd: DecideOnRider, *, now: datetime) -> Reply:
    """An operator's yes or no. Nobody decides on themselves."""
    if not is_operator(session, speaker):
        return Reply("riders.not_operator")
    rider = _locked(session, speaker.campus.id, cmd.rider_id)
    if rider is None or rider.person_id == speaker.person.id:
        return Reply("riders.unknown", {"number": rider_number(cmd.rider_id)})
    if rider.status == cmd.status:
        return Reply("riders.so_already", {"name": rider.name})
    set_status(session, rider, cmd.status, now=now)
    return Reply(f"riders.decided_{cmd.status}", {"name": rider.name})


def set_status(session: Session, rider: Rider, status: RiderStatus, *, now: datetime) -> None:
    """Let a rider work, or not, and tell them. The rider is locked."""
    rider.status = status
    if status != RiderStatus.APPROVED:
        rider.is_on_duty = False
    session.flush()
    tell(session, Notice(rider.person_id, f"rider:{rider.id}:{status}:{now.isoformat()}",
                         chat=Reply(f"riders.you_are_{status}", {"name": rider.name})), now=now)


def waiting(session: Session, speaker: Speaker) -> Reply:
    """The applications that wait for an operator, oldest first."""
    if not is_operator(session, speaker):
        return Reply("riders.not_operator")
    riders = riders_of(session, speaker.campus, RiderStatus.APPLIED)
    if not riders:
        return Reply("riders.none_waiting")
    return Reply("riders.waiting", {"count": len(riders), "riders": [
        _application(rider, rider.person.phone or "") for rider in riders[:MOST_SHOWN // 2]]})


def riders_of(session: Session, campus: Campus, *statuses: RiderStatus) -> Sequence[Rider]:
    query = select(Rider).where(Rider.campus_id == campus.id, Rider.status.in_(statuses))
    return session.scalars(query.order_by(Rider.id)).all()


def operators_of(session: Session, campus: Campus) -> list[int]:
    """The people who run this campus, as its file names them."""
    openids = [each["openid"] for each in campus.file.get("operators", ())]
    query = select(Person.id).join(Account, Account.app_id == Person.app_id).where(
        Account.campus_id == campus.id, Person.openid.in_(openids))
    return list(session.scalars(query.order_by(Person.id)))


def is_operator(session: Session, speaker: Speaker) -> bool:
    return speaker.person.id in operators_of(session, speaker.campus)


def rider_number(rider_id: int) -> str:
    """How operators name a rider: R12."""
    return f"R{rider_id}"


def _application(rider: Rider, phone: str) -> Reply:
    return Reply("riders.application", {
        "name": rider.name, "phone": phone, "number": rider_number(rider.id)})


def _locked(session: Session, campus_id: int, rider_id: int) -> Rider | None:
    query = select(Rider).filter_by(id=rider_id, campus_id=campus_id).with_for_update(of=Rider)
    return session.scalars(query.execution_options(populate_existing=True)).one_or_none()
