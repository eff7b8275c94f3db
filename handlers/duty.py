"""The people who keep a campus running: those on duty, and its operators."""
from datetime import datetime

from sqlalchemy import select

from config.texts import Reply, text_of
from handlers.notice import Notice, tell
from handlers.wording import clock, dated
from models.base import Session
from models.campus import Account, Campus
from models.order import Order
from models.person import Person


def on_duty(session: Session, campus: Campus) -> list[int]:
    """Ids of the people on duty, or of the operators where nobody is; in the file's order."""
    named = campus.emergency.get("on_duty") or campus.file.get("operators") or []
    openids = [str(person["openid"]) for person in named]
    found = select(Person.openid, Person.id).join(
        Account, Account.app_id == Person.app_id).where(
        Account.campus_id == campus.id, Person.openid.in_(openids))
    ids = {openid: person_id for openid, person_id in session.execute(found)}
    return [ids[openid] for openid in openids if openid in ids]


def call_duty(session: Session, order: Order, about: str, *, now: datetime) -> None:
    """Tell the people on duty what is amiss with an order: `about` names it under [duty]."""
    campus = session.get_one(Campus, order.campus_id)
    facts = {"code": dated(order, campus), "reason": text_of(Reply(f"duty.{about}_short")),
             "eta": clock(order.promised_at, campus), "hint": text_of(Reply("duty.hint"))}
    for person_id in on_duty(session, campus):
        tell(session, Notice(
            person_id, f"{order.id}:{order.version}:duty:{about}", template="delayed",
            prefer="chat", facts=facts, chat=Reply(f"duty.{about}", {
                "code": order.code, "shop": order.shop.name,
                "place": order.place.name if order.place else "",
                "rider": order.rider.name if order.rider else ""})),
             now=now, order_id=order.id)
