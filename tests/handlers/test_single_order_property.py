"""One order after the other, each lived through at random: buyer, kitchen, rider, people who
decide, the clock and WeChat Pay do what they like, in any order. After every step the books say
what the order says; at the end everybody has what is theirs."""
import json
from datetime import timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from sqlalchemy import func, select

from bot.routes.undo import _BACK
from handlers import complaint, kitchen, points, rider, undo
from handlers import order as ordering
from handlers.building import give_back as building_gives_back
from handlers.campus import load_campus
from handlers.complaint import Claim, ClaimKind
from handlers.payment import (
    ask_payment,
    begin_prepay,
    held_fen,
    mend_refund,
    record_payment,
    record_refund,
    troubled_refunds,
)
from handlers.payment.refunding import RecordRefund
from handlers.rider.door import photo_taken
from handlers.speaker import Speaker
from handlers.tip import SetTip, set_tip
from models.base import Session, Sessions
from models.campus import Account, Campus
from models.complaint import Complaint, ComplaintState
from models.ledger import PROMOTION, points_of, post
from models.order import Order
from models.outbox import Outbox
from models.payment import Payment, PaymentState, Refund, RefundState
from models.person import Person
from models.points import points_left
from models.rider import Offer, OfferState, Rider
from models.rules.order_state import ENDED, PAID_AND_LIVE, WANTS_RIDER, OrderState
from tests.conftest import CAMPUS
from tests.support.invariants import stock_is_accounted_for
from tests.support.payment import APP, MCH, NOW, balances, environment, paid

BUYER, COOK, RIDER, BOSS = "o-lin", "o-xiang", "o-zhe", "o-wang"
POINTS = 2000


class Life:
    """One order from its quote to its end."""

    def __init__(self, seed: int) -> None:
        self.dice, self.now, self.said = Random(seed), NOW, []
        self.order_ids: list[int] = []

    # --- who does what ------------------------------------------------------------------------

    def speaker(self, session: Session, openid: str) -> Speaker:
        person = Person.lock(session, APP, openid, now=self.now)
        return Speaker(session, person, session.scalars(select(Campus)).one())

    def one(self, session: Session) -> Order:
        return session.get_one(Order, self.dice.choice(self.order_ids))

    def step(self) -> None:
        name = self.dice.choice(STEPS)
        if name == "time":
            self.now += timedelta(seconds=self.dice.choice([5, 20, 61, 100, 200, 700, 8000]))
        with Sessions.begin() as session:
            reply = getattr(self, name)(session)
            self.said.append((f"{self.now:%H:%M:%S}", name, getattr(reply, "key", reply)))
        with Sessions.begin() as session:
            self.look(session)

    def time(self, session: Session) -> None:
        self.clock()

    def clock(self) -> None:
        for order_id in list(self.order_ids):
            for act in (kitchen.reject_unanswered, ordering.decide_silent_wish,
                        kitchen.drop_lacking, ordering.note_no_rider, rider.complete_forgotten):
                with Sessions.begin() as session:
                    if act is not ordering.note_no_rider or session.get_one(
                            Order, order_id).accepted_at:
                        act(session, order_id, now=self.now)
        with Sessions() as session:
            open_ones = list(session.scalars(select(Complaint.id)))
        for complaint_id in open_ones:
            with Sessions.begin() as session:
                complaint.end_search(session, complaint_id, now=self.now)
                each = session.get_one(Complaint, complaint_id)
                if each.remake_id and session.get_one(Order, each.remake_id).state in (
                        OrderState.CANCELLED, OrderState.REJECTED):
                    complaint.money_instead(session, complaint_id, now=self.now)

    def wechat_pay(self, session: Session) -> str | None:
        """Takes up the refunds that are due; now and then one is closed for good."""
        due = select(Outbox).where(Outbox.kind == "refund.ask", Outbox.settled_at.is_(None),
                                   Outbox.due_at <= self.now).order_by(Outbox.id).with_for_update()
        for debt in session.scalars(due).all():
            refund = session.get_one(Refund, debt.payload["refund_id"])
            if refund.state != RefundState.DUE:
                continue
            debt.begin_attempt(self.now)
            refund.asked_at = self.now
            how = "CLOSED" if self.dice.random() < 0.15 else "SUCCESS"
            record_refund(session, RecordRefund(
                refund.out_refund_no, "503", how, refund.amount_fen, MCH, self.now),
                our_mch_id=MCH, now=self.now)
            debt.settle(how, self.now)
        return None

    def scan(self, session: Session) -> None:
        for refund_id in list(session.scalars(troubled_refunds(self.now))):
            mend_refund(session, refund_id, now=self.now)

    # --- the buyer

    def quote(self, session: Session, dishes: int) -> None:
        speaker = self.speaker(session, BUYER)
        keys = self.dice.sample(DISHES, dishes)
        ordering.place_order(session, speaker, ordering.PlaceOrder(tuple(
            ordering.Item(key, Decimal(self.dice.choice([1, 1, 2]))) for key in keys),
            PLACE, "302"), now=self.now)
        order = Order.draft_of(session, speaker.person.id)
        assert order is not None
        self.order_ids.append(order.id)
        if self.dice.random() < 0.5:
            points.choose(session, speaker, points.UsePoints(self.dice.random() < 0.8),
                          now=self.now)
        if self.dice.random() < 0.3:
            set_tip(session, speaker, SetTip(order.id, 250), now=self.now)

    def pay(self, session: Session) -> Any:
        order = self.one(session)
        if order.state not in (OrderState.DRAFT, OrderState.AWAITING_PAYMENT):
            return None
        speaker = self.speaker(session, BUYER)
        reply = ordering.confirm_order(session, speaker, ordering.ConfirmOrder(order.id),
                                       now=self.now)
        if order.state == OrderState.AWAITING_PAYMENT and order.pay_until > self.now:
            payment = ask_payment(session, order, speaker.person, now=self.now)
            begin_prepay(session, payment.id, now=self.now)
            record_payment(session, paid(payment, paid_at=self.now), our_mch_id=MCH, now=self.now)
        return reply

    def cancel(self, session: Session) -> Any:
        return ordering.cancel_order(session, self.speaker(session, BUYER), ordering.CancelOrder(
            self.one(session).id, is_sure=self.dice.random() < 0.6), now=self.now)

    def wish(self, session: Session) -> Any:
        return ordering.ask_to_cancel(session, self.speaker(session, BUYER), ordering.CancelOrder(
            self.one(session).id), now=self.now)

    def keep(self, session: Session) -> Any:
        return ordering.keep_order(session, self.speaker(session, BUYER), ordering.CancelOrder(
            self.one(session).id), now=self.now)

    def take_back(self, session: Session) -> Any:
        speaker = self.speaker(session, self.dice.choice([BUYER, COOK, RIDER]))
        last = undo.take(speaker.person, order_id=None, now=self.now)
        return _BACK[last["kind"]](session, speaker, last, now=self.now) if last else None

    def choose(self, session: Session) -> Any:
        order = self.one(session)
        entries = (order.shortage or {}).get("lines", ())
        if not entries:
            return None
        entry = self.dice.choice(entries)
        return kitchen.swap(session, self.speaker(session, BUYER), kitchen.Swap(
            order.id, self.dice.choice([None, *entry["offers"]]), entry["name"]), now=self.now)

    def fetch(self, session: Session) -> Any:
        return ordering.fetch_oneself(session, self.speaker(session, BUYER), ordering.OwnOrder(
            self.one(session).id), now=self.now)

    def give_up(self, session: Session) -> Any:
        return ordering.give_up(session, self.speaker(session, BUYER), ordering.OwnOrder(
            self.one(session).id), now=self.now)

    def collect(self, session: Session) -> Any:
        return rider.collect(session, self.speaker(session, BUYER), rider.ReportStep(
            self.one(session).id), now=self.now)

    def claim(self, session: Session) -> Any:
        order = self.one(session)
        said = self.dice.choice([line.name for line in order.lines] or [""])
        return complaint.claim(session, self.speaker(session, BUYER), Claim(
            order.id, self.dice.choice(list(ClaimKind)), said, self.dice.random() < 0.3),
            now=self.now)

    def money(self, session: Session) -> Any:
        return complaint.refund(session, self.speaker(session, BUYER), ordering.OwnOrder(
            self.one(session).id), now=self.now)

    def again(self, session: Session) -> Any:
        reply = complaint.remake(session, self.speaker(session, BUYER), ordering.OwnOrder(
            self.one(session).id), now=self.now)
        if reply.key == "complaint.remaking":
            self.order_ids.append(session.scalars(select(func.max(Order.id))).one())
        return reply

    def found(self, session: Session) -> Any:
        return complaint.found(session, self.speaker(session, BUYER), ordering.OwnOrder(
            self.one(session).id), now=self.now)

    # --- the kitchen

    def accept(self, session: Session) -> Any:
        return kitchen.accept_order(session, self.speaker(session, COOK), kitchen.AnswerOrder(
            self.one(session).id), now=self.now)

    def reject(self, session: Session) -> Any:
        return kitchen.reject_order(session, self.speaker(session, COOK), kitchen.AnswerOrder(
            self.one(session).id), now=self.now)

    def cooked(self, session: Session) -> Any:
        return kitchen.order_cooked(session, self.speaker(session, COOK), kitchen.AnswerOrder(
            self.one(session).id), now=self.now)

    def lack(self, session: Session) -> Any:
        order = self.one(session)
        if not order.lines:
            return None
        return kitchen.lack(session, self.speaker(session, COOK), kitchen.Lack(
            order.id, self.dice.choice(order.lines).name), now=self.now)

    def later(self, session: Session) -> Any:
        return kitchen.delay_order(session, self.speaker(session, COOK), kitchen.DelayOrder(
            self.one(session).id, self.dice.choice([10, 60])), now=self.now)

    def terms(self, session: Session) -> Any:
        return ordering.answer_wish(session, self.speaker(session, COOK), ordering.AnswerWish(
            self.one(session).id, self.dice.choice(list(ordering.Terms))), now=self.now)

    def fetched(self, session: Session) -> Any:
        return rider.fetched(session, self.speaker(session, COOK), rider.ReportStep(
            self.one(session).id), now=self.now)

    # --- the rider

    def take(self, session: Session) -> Any:
        order, speaker = Order.lock(session, self.one(session).id), self.speaker(session, RIDER)
        assert speaker.rider is not None
        if OrderState(order.state) in WANTS_RIDER and order.rider_id is None \
                and not order.is_self_pickup and speaker.offer is None:
            session.add(Offer(order_id=order.id, rider_id=speaker.rider.id, state=OfferState.OPEN,
                              offered_at=self.now, expires_at=self.now + timedelta(seconds=40),
                              fee_fen=200, reason={}))
            session.flush()
        return rider.accept_offer(session, speaker, rider.AnswerOffer(order.id), now=self.now)

    def leave(self, session: Session) -> Any:
        return rider.give_back(session, self.speaker(session, RIDER), rider.AnswerOffer(
            self.one(session).id), now=self.now)

    def ride(self, session: Session) -> Any:
        order, speaker = self.one(session), self.speaker(session, RIDER)
        cmd = rider.ReportStep(order.id)
        match OrderState(order.state):
            case OrderState.COOKING | OrderState.READY:
                act = self.dice.choice([rider.at_shop, rider.picked_up])
            case OrderState.DELIVERING:
                act = rider.arrived
            case OrderState.ARRIVED if self.dice.random() < 0.5:
                return rider.hand_over(session, speaker, rider.HandOver(order.pin or "", order.id),
                                       now=self.now)
            case OrderState.ARRIVED:
                rider.nobody_there(session, speaker, cmd, now=self.now)
                self.now += timedelta(minutes=3)
                rider.ask_photo(session, speaker, cmd, now=self.now)
                return photo_taken(session, speaker, rider.Photo("m"), now=self.now)
            case _:
                return None
        return act(session, speaker, cmd, now=self.now)

    # --- those who decide

    def decide(self, session: Session) -> Any:
        return complaint.decide(session, self.speaker(session, BOSS), self.one(session).id,
                                self.dice.random() < 0.5, now=self.now)

    def judge(self, session: Session) -> Any:
        return complaint.judge(session, self.speaker(session, BOSS), self.one(session).id,
                               self.dice.choice(["shop", "rider", "platform"]), now=self.now)

    def building(self, session: Session) -> None:
        order = self.one(session)
        if order.paid_at and order.payable_fen:
            building_gives_back(session, order.id, now=self.now)

    # --- what must hold -----------------------------------------------------------------------

    def look(self, session: Session) -> None:
        sums = balances(session)
        assert sum(sums.values()) == 0
        for order_id in self.order_ids:
            self.order_is_whole(session, session.get_one(Order, order_id))
        buyer = self.speaker(session, BUYER).person
        spent = session.scalar(select(func.sum(Order.points_taken))) or 0
        earned = points_left(session, buyer.id) + spent - POINTS
        assert earned >= 0, "points were lost"
        stock_is_accounted_for(session, {})

    def order_is_whole(self, session: Session, order: Order) -> None:
        counted = [p for p in Payment.of_order(session, order.id, PaymentState.PAID)
                   if not p.is_surplus]
        taken = sum(p.paid_fen or 0 for p in counted)
        refunds = [r for p in counted for r in Refund.of_payment(session, p.id)]
        back = sum(r.amount_fen for r in refunds if r.state not in (
            RefundState.CLOSED, RefundState.WITHDRAWN))
        waits = sum(r.amount_fen for r in refunds if r.state == RefundState.CLOSED
                    and not any(other.replaces_id == r.id for other in refunds))
        assert back + waits <= taken
        assert order.payable_fen == order.goods_fen + order.delivery_fen - order.discount_fen
        claimed = sum(c.amount_fen for c in Complaint.of_order(session, order.id)
                      if c.state == ComplaintState.REFUNDED)
        if OrderState(order.state) in PAID_AND_LIVE:
            assert taken - back - waits == order.payable_fen - claimed, "held is not its worth"
            assert order.points_taken == order.points_off
        if OrderState(order.state) == OrderState.DELIVERED:
            assert taken - back - waits == order.payable_fen - claimed
        if OrderState(order.state) in ENDED:
            assert held_fen(session, order.id) == waits, "what is over holds nothing"


STEPS = ["time", "time", "time", "wechat_pay", "wechat_pay", "scan", "pay", "pay", "cancel",
         "wish", "keep",
         "take_back", "take_back", "choose", "choose", "fetch", "give_up", "collect", "claim",
         "claim", "money", "again", "found", "accept", "accept", "reject", "cooked", "lack", "lack",
         "later", "terms", "fetched", "take", "take", "leave", "ride", "ride", "ride", "ride",
         "decide", "judge", "building"]
DISHES: list[str] = []
PLACE = ""


@pytest.fixture
def campus(database: Any) -> Any:
    global PLACE
    file = json.loads(CAMPUS.read_text("utf-8"))
    for shop in file["shops"]:
        shop["owners"] = [COOK]
        shop.pop("hours", None)
    file["riders"] = [{"openid": RIDER, "name": "阿哲", "phone": "13800000001"}]
    file["operators"] = [{"openid": BOSS, "name": "小王"}]
    file["points"] = {"percent_back": 10, "most_percent": 50}
    with environment(SECRET_KEY="k" * 32, PUBLIC_URL="http://127.0.0.1:9"):
        with Sessions.begin() as session:
            session.add(Account(app_id=APP, secret="s", token="t"))
            session.flush()
            load_campus(session, file, app_id=APP, now=NOW)
            for openid in (BUYER, COOK, RIDER, BOSS):
                Person.ensure(session, APP, openid, now=NOW)
            buyer = Person.lock(session, APP, BUYER, now=NOW)
            post(session, "points_earned", key="points:test", now=NOW, entries={
                PROMOTION: POINTS, points_of(buyer.id): -POINTS})
            one = session.scalars(select(Rider)).one()
            one.is_on_duty, one.on_duty_since = True, NOW
        shop = next(s for s in file["shops"] if len(s["dishes"]) > 3)
        DISHES[:] = [dish["id"] for dish in shop["dishes"]]
        PLACE = next(p["id"] for p in file["places"] if p["kind"] == "dorm")
        yield


@pytest.mark.parametrize("seed", range(12))
def test_whatever_happens_to_an_order_everybody_has_what_is_theirs(campus, seed):
    for number in range(2):
        life = Life(seed * 1000 + number)
        with Sessions.begin() as session:
            life.quote(session, life.dice.randint(1, 3))
        with Sessions.begin() as session:
            life.pay(session)
        try:
            for _ in range(60):
                life.step()
        except Exception as error:
            story = "\n".join(map(str, life.said[-25:]))
            raise AssertionError(f"seed {seed}.{number}: {error!r}\n{story}") from error
