"""A stage for payments: a campus with one shop, people, and orders that await their money."""
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from threading import Barrier, Thread
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from flask import Flask
from sqlalchemy import func, select, text
from werkzeug.serving import make_server

from config import settings
from handlers.payment import RecordPayment, ask_payment, begin_prepay
from models.base import Session, Sessions
from models.campus import Account, Campus, Place
from models.ledger import LedgerEntry
from models.order import Order, OrderLine, place_order
from models.outbox import Outbox
from models.payment import Payment
from models.person import Person
from models.rules.order_state import OrderEvent
from models.shop import Dish, Shop, ShopOwner
from simulator.world import World
from tests.support.simulator import credentials, running_simulator
from web import create_blueprints

NOW = datetime(2026, 9, 21, 4, 0, tzinfo=UTC)  # noon on the campus
MCH = "1900000001"
APP = "wx5823bf96d3bd56c7"


@contextmanager
def environment(**variables: str) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        settings.load.cache_clear()
        yield
    settings.load.cache_clear()


@contextmanager
def served(app: Flask) -> Iterator[str]:
    """The app on a free port; its address."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def wechat_pay(**knobs: Any) -> Iterator[World]:
    """A WeChat of our own, and an environment that leads there. Nobody hears its notices."""
    with running_simulator(**knobs) as world:
        port = int(world.base_url.rpartition(":")[2])
        with environment(SECRET_KEY="k" * 32, PUBLIC_URL="http://127.0.0.1:9",
                         **credentials().environ(port)):
            yield world


def fresh(world: World) -> None:
    """A new day in an old world: nothing was ordered, paid or said, nothing goes wrong."""
    world.faults.clear()
    for _ in range(2):  # one that is under way may ask for another
        world.schedule._due.clear()
        world.settle()
    world.journal.clear()
    with world.lock:
        for shelf in (world.orders, world.prepays, world.refunds, world.oauth_codes):
            shelf.clear()
        world.knobs.wire_skew_s, world.knobs.close_paid_code = 0.0, "ORDERPAID"


def a_campus(session: Session, *, app_id: str = APP, owned: bool = True, **account: Any) -> Shop:
    """One account, one campus, one shop that somebody answers for unless `owned` is false."""
    campus = Campus(name="南校区", tz="+08:00", file={}, loaded_at=NOW)
    session.add(campus)
    session.flush()
    session.add(Account(**{"app_id": app_id, "secret": "s", "token": "t",
                           "campus_id": campus.id, **account}))
    place = Place(campus_id=campus.id, key="d12", name="12栋", kind="dorm")
    session.add(place)
    session.flush()
    shop = Shop(campus_id=campus.id, key="s1", name="阿香黄焖鸡", place_id=place.id)
    session.add(shop)
    session.flush()
    session.add(Dish(campus_id=campus.id, shop_id=shop.id, key="k1", name="黄焖鸡米饭",
                     price_fen=1600, options=[]))
    if owned:
        owner = a_person(session, "o-owner", app_id=app_id)
        session.add(ShopOwner(shop_id=shop.id, person_id=owner.id))
    session.flush()
    return shop


def a_person(session: Session, openid: str, *, app_id: str = APP) -> Person:
    return session.get_one(Person, Person.ensure(session, app_id, openid, now=NOW))


def an_order(session: Session, buyer: Person, *, goods_fen: int = 1550, now: datetime = NOW,
             pay_within: timedelta = timedelta(minutes=15)) -> Order:
    """Confirmed, awaiting payment: one dish, delivery at ¥2.00."""
    shop = session.scalars(select(Shop)).one()
    dish = session.scalars(select(Dish)).one()
    order = place_order(session, Order(
        campus_id=shop.campus_id, shop_id=shop.id, buyer_id=buyer.id, place_id=shop.place_id,
        room="302", goods_fen=goods_fen, delivery_fen=200, payable_fen=goods_fen + 200,
        created_at=now, promised_at=now + timedelta(minutes=30), lines=[OrderLine(
            position=0, dish_id=dish.id, dish_key=dish.key, name=dish.name, quantity=Decimal(1),
            options=[], option_names=["微辣"], price_fen=goods_fen, amount_fen=goods_fen)]))
    order.pay_until = now + pay_within
    order.apply(session, OrderEvent.CONFIRMED, now=now, by=buyer.id)
    return order


def a_payment(session: Session, order: Order, payer: Person | None = None, *,
              now: datetime = NOW, asked: bool = True) -> Payment:
    """A link; `asked`: WeChat Pay was told of it, as the page does."""
    payment = ask_payment(session, order, payer or order.buyer, now=now)
    if asked:
        begin_prepay(session, payment.id, now=now)
    return payment


def paid(payment: Payment, **other: Any) -> RecordPayment:
    """What WeChat Pay says when that payment was made, but for what is `other`."""
    return RecordPayment(**{
        "out_trade_no": payment.out_trade_no, "transaction_id": f"42{payment.id:026d}",
        "amount_fen": payment.amount_fen, "currency": "CNY",
        "payer_openid": payment.payer.openid, "app_id": payment.app_id, "mch_id": MCH,
        "paid_at": NOW + timedelta(seconds=40), **other})


def revise(session: Session, order: Order, *, payable_fen: int) -> None:
    """A new quote, as modify_order makes it."""
    order.apply(session, OrderEvent.REVISED, now=NOW)
    order.revision += 1
    order.goods_fen, order.payable_fen = payable_fen - 200, payable_fen
    session.flush()


def balances(session: Session) -> dict[str, int]:
    """What stands on each account of the ledger; empty ones are left out."""
    query = select(LedgerEntry.account, func.sum(LedgerEntry.amount_fen))
    query = query.group_by(LedgerEntry.account)
    return {account: int(amount) for account, amount in session.execute(query) if amount}


def debts(session: Session, kind: str) -> list[Outbox]:
    return list(session.scalars(select(Outbox).filter_by(kind=kind).order_by(Outbox.id)))


def at_once(*calls: Any) -> list[Any]:
    """Run each call in a thread and a transaction of its own, all let go at the same moment.

    Returns what each returned, or the exception it died of.
    """
    barrier, outcomes = Barrier(len(calls)), [None] * len(calls)

    def run(place: int) -> None:
        try:
            with Sessions.begin() as session:
                session.execute(text("SELECT 1"))
                barrier.wait(10)
                outcomes[place] = calls[place](session)
        except Exception as error:
            outcomes[place] = error

    threads = [Thread(target=run, args=(place,)) for place in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return outcomes


@dataclass(frozen=True, slots=True)
class House:
    """Our web process, and WeChat around it. `visit` is what a phone's own browser does."""

    world: World
    url: str

    def visit(self, who: str, path: str) -> requests.Response:
        """Open a page; OAuth happens on the way."""
        return requests.get(self.world.open(who, self.url + path), timeout=10)

    def send(self, who: str, path: str, **headers: str) -> requests.Response:
        """What the page's script does: a POST from the page's own origin."""
        page = self.world.open(who, self.url + path)
        origin = "{0.scheme}://{0.netloc}".format(urlsplit(page))
        headers = {"Origin": origin, "Sec-Fetch-Site": "same-origin"} | headers
        return requests.post(page, headers=headers, timeout=10)


@contextmanager
def house(**knobs: Any) -> Iterator[House]:
    """The pages alone, served; WeChat Pay's news reaches them."""
    app = Flask("paotang", static_folder=None)
    for blueprint in create_blueprints():
        app.register_blueprint(blueprint)
    with wechat_pay(**knobs) as world, served(app) as url, environment(PUBLIC_URL=url):
        for name in ("小明", "小红"):
            world.add_phone(name)
        yield House(world, url)
