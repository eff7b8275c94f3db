"""The one process that looks at the time. Several may run; the one with the lock leads."""
import signal
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta

import psycopg
import structlog
from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy import Select, and_, func, or_, select, update
from sqlalchemy.exc import OperationalError

from config import settings
from handlers.complaint import end_search, money_instead
from handlers.dispatch import SEEK_BEFORE, expire_offers
from handlers.group_order import close_due, finish, remind
from handlers.kitchen import drop_lacking, reject_unanswered
from handlers.order import DRAFT_LASTS, decide_silent_wish, forget_draft, look_ahead, note_no_rider
from handlers.order.late import AHEAD
from handlers.order.stranded import NO_RIDER_FOR
from handlers.payment import (
    ask_after_close,
    ask_unfollowed,
    expire_unpaid,
    lately_closed,
    mend_refund,
    troubled_refunds,
    unfollowed_payments,
)
from handlers.payout import close_day, to_close
from handlers.privacy import finish_forgetting, to_finish_forgetting
from handlers.reconcile import owe_reconciling
from handlers.rider import complete_forgotten, end_break, end_shift
from handlers.rider.door import DONE_AFTER
from handlers.student import KEPT, forget_old
from handlers.vault import erase_codes
from models.base import Session, Sessions, utcnow
from models.inbox import Inbox
from models.locks import CLOCK_LOCK
from models.order import Order
from models.outbox import WAKE_CHANNEL, owe
from models.rider import Offer, OfferState, Rider
from models.rules.order_state import WANTS_RIDER, OrderState
from models.student import ProofState, StudentProof
from workers import complaint, group_order
from workers.doors import open_database, open_redis
from workers.relay import BATCH, relay
from workers.rounds import ask_for_round

log = structlog.get_logger(__name__)

BEAT_S = 1.0  # the longest the relay sleeps when nothing wakes it
SWEEP_EVERY_S = 10.0
LEFT_ALONE_FOR = timedelta(seconds=20)  # WeChat's three tries are over by then
WORDS_KEPT_FOR = timedelta(hours=1)
RETRY_S = 2.0
NEARLY = timedelta(minutes=5)


def run() -> None:
    """Until SIGTERM or Ctrl-C. A database or Redis that is away is waited for."""
    open_database()
    stop = threading.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, lambda *_: stop.set())
    while not stop.is_set():
        try:
            _lead(stop)
        except (psycopg.OperationalError, OperationalError, RedisError) as error:
            log.warning("clock.interrupted", why=str(error).strip())
            stop.wait(RETRY_S)


def _lead(stop: threading.Event) -> None:
    """Beat while the lock is held. It belongs to this connection, and ends with it."""
    with psycopg.connect(_libpq_url(), autocommit=True) as connection:
        while not _take_lock(connection):
            if stop.wait(BEAT_S):
                return
        log.info("clock.leading")
        connection.execute(f"LISTEN {WAKE_CHANNEL}")
        swept_at = 0.0
        while not stop.is_set():
            now = utcnow()
            beat(open_redis(), now=now)
            if time.monotonic() - swept_at >= SWEEP_EVERY_S:
                sweep(now=now)
                swept_at = time.monotonic()
            for _ in connection.notifies(timeout=BEAT_S, stop_after=1):
                pass


def _libpq_url() -> str:
    return settings.load().database_url.replace("postgresql+psycopg://", "postgresql://", 1)


def _take_lock(connection: "psycopg.Connection[tuple[bool]]") -> bool:
    row = connection.execute("SELECT pg_try_advisory_lock(%s)", [CLOCK_LOCK]).fetchone()
    return bool(row and row[0])


def beat(redis: Redis, *, now: datetime) -> None:
    """Everything that is due this second."""
    each(_unpaid(now), expire_unpaid, now=now)
    each(_unanswered(now), reject_unanswered, now=now)
    each(_silent_wishes(now), decide_silent_wish, now=now)
    each(_ids(group_order.to_remind(now)), remind, now=now)
    each(_ids(group_order.to_close(now)), close_due, now=now)
    each(_shortages(now), drop_lacking, now=now)
    each(_breaks(now), end_break, now=now)
    each(_shifts(now), end_shift, now=now)
    each(_ids(complaint.searches_over(now)), end_search, now=now)
    with Sessions.begin() as session:
        expire_offers(session, now=now)
    for campus_id in _campuses_wanting_riders(now):
        ask_for_round(redis, campus_id, now=now)
    while True:
        with Sessions.begin() as session:
            if relay(session, redis, now=now) < BATCH:
                return


def each(order_ids: list[int], act: Callable[..., None], *, now: datetime) -> None:
    """Each order in a transaction of its own: one that cannot move does not hold up the rest."""
    for order_id in order_ids:
        try:
            with Sessions.begin() as session:
                act(session, order_id, now=now)
        except OperationalError:
            raise
        except Exception:
            log.exception("clock.order_stuck", order=order_id, act=act.__name__)


def _unpaid(now: datetime) -> list[int]:
    return _ids(select(Order.id).where(Order.state == OrderState.AWAITING_PAYMENT,
                                       Order.pay_until <= now).order_by(Order.pay_until))


def _unanswered(now: datetime) -> list[int]:
    return _ids(select(Order.id).where(Order.state == OrderState.PAID,
                                       Order.answer_until <= now).order_by(Order.answer_until))


def _silent_wishes(now: datetime) -> list[int]:
    return _ids(select(Order.id).where(Order.cancel_until <= now).order_by(Order.cancel_until))


def _old_drafts(now: datetime) -> list[int]:
    return _ids(select(Order.id).where(Order.state == OrderState.DRAFT,
                                       Order.created_at <= now - DRAFT_LASTS)
                .order_by(Order.created_at))


def _shortages(now: datetime) -> list[int]:
    return _ids(select(Order.id).where(Order.shortage_until <= now).order_by(Order.shortage_until))


def _breaks(now: datetime) -> list[int]:
    return _ids(select(Rider.id).where(Rider.back_at <= now).order_by(Rider.back_at))


def _shifts(now: datetime) -> list[int]:
    return _ids(select(Rider.id).where(Rider.off_at <= now).order_by(Rider.off_at))


def _old_proofs(now: datetime) -> list[int]:
    return _ids(select(StudentProof.id).where(
        StudentProof.state == ProofState.WAITING, StudentProof.asked_at <= now - KEPT))


def _stranded(now: datetime) -> list[int]:
    since = func.greatest(Order.accepted_at, Order.food_ready_at - SEEK_BEFORE)
    return _ids(select(Order.id).where(
        Order.state.in_(sorted(WANTS_RIDER)), Order.rider_id.is_(None),
        Order.no_rider_told_at.is_(None), ~Order.is_self_pickup, since <= now - NO_RIDER_FOR))


def _late(now: datetime) -> list[int]:
    """Orders that should nearly be there. What is fetched by the buyer is never late."""
    due = func.coalesce(Order.expected_at, Order.promised_at)
    return _ids(select(Order.id).where(
        Order.state.in_(sorted(AHEAD)), ~Order.is_self_pickup, due <= now + NEARLY))


def _forgotten(now: datetime) -> list[int]:
    on_rack = and_(Order.state == OrderState.SHELVED, Order.shelved_at <= now - DONE_AFTER)
    at_shop = and_(Order.state.in_(sorted(WANTS_RIDER)), Order.is_self_pickup,
                   Order.food_ready_at <= now - DONE_AFTER)
    return _ids(select(Order.id).where(or_(on_rack, at_shop)))


def _campuses_wanting_riders(now: datetime) -> list[int]:
    asked = select(Offer.id).where(Offer.order_id == Order.id, Offer.state == OfferState.OPEN)
    return _ids(select(Order.campus_id).distinct().where(
        Order.state.in_(sorted(WANTS_RIDER)), Order.rider_id.is_(None), ~Order.is_self_pickup,
        Order.food_ready_at <= now + SEEK_BEFORE, ~asked.exists()))


def _ids(query: "Select[int]") -> list[int]:
    with Sessions() as session:
        return list(session.scalars(query.limit(BATCH)))


def sweep(*, now: datetime) -> None:
    """What can wait ten seconds: messages whose turn died, what is kept too long, and orders that
    everybody has forgotten, that nobody carries, or that come late."""
    each(_ids(group_order.to_finish()), finish, now=now)
    each(_old_drafts(now), forget_draft, now=now)
    each(_ids(complaint.not_remade()), money_instead, now=now)
    each(_old_proofs(now), forget_old, now=now)
    each(_stranded(now), note_no_rider, now=now)
    each(_late(now), look_ahead, now=now)
    each(_forgotten(now), complete_forgotten, now=now)
    each(_ids(to_close()), close_day, now=now)
    each(_ids(unfollowed_payments(now)), ask_unfollowed, now=now)
    each(_ids(lately_closed(now)), ask_after_close, now=now)
    each(_ids(troubled_refunds(now)), mend_refund, now=now)
    each(_ids(to_finish_forgetting(now)), finish_forgetting, now=now)
    with Sessions.begin() as session:
        adopt_lost_turns(session, now=now)
        erase_codes(session, now=now)
        owe_reconciling(session, now=now)
        session.execute(update(Inbox).where(
            Inbox.answered_at < now - WORDS_KEPT_FOR, Inbox.body.is_not(None)).values(
            body=None, answer=None))


def adopt_lost_turns(session: Session, *, now: datetime) -> int:
    """A message that was committed but whose process died before its turn gets a late one."""
    query = select(Inbox).where(Inbox.answered_at.is_(None), Inbox.is_late.is_(False),
                                Inbox.heard_at < now - LEFT_ALONE_FOR).order_by(Inbox.id)
    lost = session.scalars(query.limit(BATCH).with_for_update(skip_locked=True)).all()
    for row in lost:
        row.is_late = True
        owe(session, "turn", key=f"turn:{row.id}", payload={"inbox_id": row.id}, now=now)
    return len(lost)
