"""Whose complaints count: the buyer's, whoever paid."""
from datetime import timedelta

from handlers.risk import risk_of
from handlers.speaker import Speaker
from models.base import Session, Sessions
from models.campus import Campus
from models.payment import Payment, Refund, RefundState, new_number, refund_code
from models.person import Person
from models.rules.order_state import OrderState
from models.rules.risk import Reason
from tests.support.payment import NOW, a_campus, a_payment, a_person, an_order

COUNT = 4


def complained_of(session: Session, buyer: Person, payer: Person) -> None:
    order = an_order(session, buyer)
    order.paid_at = order.ended_at = NOW
    order.state = OrderState.DELIVERED
    payment: Payment = a_payment(session, order, payer, asked=False)
    session.add(Refund(
        payment_id=payment.id, code=refund_code(session), amount_fen=100, reason="complaint",
        out_refund_no=new_number("R", NOW), created_at=NOW, state=RefundState.SUCCEEDED))
    session.flush()


def reasons(session: Session, person: Person) -> tuple[Reason, ...]:
    speaker = Speaker(session, person, session.query(Campus).one())
    return risk_of(session, speaker, an_order(session, person),
                   now=NOW + timedelta(hours=2)).reasons


def test_who_paid_for_others_does_not_answer_for_their_complaints(database):
    with Sessions.begin() as session:
        a_campus(session)
        host, guest = a_person(session, "host"), a_person(session, "guest")
        for _ in range(COUNT):
            complained_of(session, guest, host)
        assert Reason.MANY_BACK not in reasons(session, host)
        assert Reason.MANY_BACK in reasons(session, guest)
