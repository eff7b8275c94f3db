"""Codes, stock and transitions on real Postgres, with real concurrency."""
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from threading import Barrier

import pytest
from sqlalchemy import event, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm.exc import StaleDataError

from models.base import utcnow
from models.campus import Account, Campus
from models.order import Order, OrderLine, OrderLog, begin_order, place_order
from models.person import Person
from models.rules.codes import HOW_MANY, LETTERS, order_code
from models.rules.order_state import IllegalTransition, OrderEvent, OrderState
from models.shop import Dish, NotEnough, Shop, return_stock, take_stock

NOW = utcnow()


@pytest.fixture
def campus(database):
    """A campus with one shop, one counted dish and one buyer; their ids by name."""
    with database.begin() as session:
        campus = Campus(name="c", tz="+08:00", file={}, loaded_at=NOW)
        session.add(campus)
        session.flush()
        session.add(Account(app_id="wx", secret="s", token="t", campus_id=campus.id))
        shop = Shop(campus_id=campus.id, key="s", name="店")
        session.add(shop)
        session.flush()
        dish = Dish(campus_id=campus.id, shop_id=shop.id, key="d", name="饭", price_fen=100,
                    options=[], stock=3)
        session.add(dish)
        session.flush()
        buyer = Person.ensure(session, "wx", "o1", now=NOW)
        return {"campus": campus.id, "shop": shop.id, "dish": dish.id, "buyer": buyer}


def new_order(session, ids, created_at=NOW, **more):
    return place_order(session, Order(
        campus_id=ids["campus"], shop_id=ids["shop"], buyer_id=ids["buyer"], created_at=created_at,
        **more))


def test_codes_are_a_letter_and_one_to_four_digits_and_all_differ():
    codes = {order_code(serial) for serial in range(HOW_MANY)}
    assert len(codes) == HOW_MANY
    assert not set("GRM") & set(LETTERS)
    assert all(code[0] in LETTERS and 1 <= int(code[1:]) <= 9999 for code in codes)


def test_many_at_once_never_share_a_code(database, campus):
    start = Barrier(8)

    def take(_):
        start.wait()
        with database.begin() as session:
            return [new_order(session, campus).code for _ in range(25)]

    with ThreadPoolExecutor(8) as pool:
        codes = [code for taken in pool.map(take, range(8)) for code in taken]
    assert len(codes) == len(set(codes)) == 200


def test_a_code_comes_back_only_after_seven_days(database, campus):
    with database.begin() as session:
        first = new_order(session, campus).code
        session.execute(text("ALTER SEQUENCE order_code_serial RESTART"))
        assert new_order(session, campus, NOW + timedelta(days=6)).code != first
        session.execute(text("ALTER SEQUENCE order_code_serial RESTART"))
        assert new_order(session, campus, NOW + timedelta(days=8)).code == first


def test_an_illegal_step_moves_nothing(database, campus):
    with database.begin() as session:
        order_id = new_order(session, campus).id
    with pytest.raises(IllegalTransition), database.begin() as session:
        Order.lock(session, order_id).apply(session, OrderEvent.PICKED_UP, now=NOW)
    with database() as session:
        assert session.get_one(Order, order_id).state == OrderState.DRAFT
        assert not session.scalars(select(OrderLog)).all()


def test_two_who_forgot_the_lock_cannot_both_move_an_order(database, campus):
    with database.begin() as session:
        order_id = new_order(session, campus).id
    with database() as one, database() as other:
        mine, theirs = one.get_one(Order, order_id), other.get_one(Order, order_id)
        mine.apply(one, OrderEvent.CONFIRMED, now=NOW)
        one.commit()
        with pytest.raises(StaleDataError):
            theirs.apply(other, OrderEvent.CANCELLED, now=NOW)
    with database() as session:
        assert session.get_one(Order, order_id).state == OrderState.AWAITING_PAYMENT


def test_who_holds_an_order_sees_what_another_did_to_it_meanwhile(database, campus):
    with database.begin() as session:
        order_id = new_order(session, campus, note="旧", lines=[line_of(campus)]).id
    with database() as one, database() as other:
        mine = one.get_one(Order, order_id)
        assert [line.name for line in mine.lines] == ["饭"]
        theirs = other.get_one(Order, order_id)
        theirs.note, theirs.lines[0].name = "新", "面"
        other.commit()
        held = Order.lock(one, order_id)
        assert (held.note, [line.name for line in held.lines]) == ("新", ["面"])


def test_who_holds_an_order_sees_its_lines_anew_though_it_is_of_the_same_version(database, campus):
    with database.begin() as session:
        order_id = new_order(session, campus, lines=[line_of(campus)]).id
    with database() as one, database() as other:
        mine = one.get_one(Order, order_id)
        assert len(mine.lines) == 1
        other.add(OrderLine(order_id=order_id, **line_facts(campus, position=1)))
        other.commit()
        assert len(Order.lock(one, order_id).lines) == 2


def test_what_was_changed_before_an_order_is_held_is_kept(database, campus):
    with database.begin() as session:
        order_id = new_order(session, campus).id
    with database.begin() as session:
        session.get_one(Order, order_id).note = "少辣"
        assert Order.lock(session, order_id).note == "少辣"
    with database() as session:
        assert session.get_one(Order, order_id).note == "少辣"


def test_two_who_hold_it_change_it_one_after_the_other(database, campus):
    """Whoever read it first, and waited for it, adds to what the other wrote."""
    with database.begin() as session:
        order_id = new_order(session, campus).id
    start = Barrier(6)

    def add(_):
        with database.begin() as session:
            session.get_one(Order, order_id)
            start.wait()
            Order.lock(session, order_id).tip_fen += 100

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(add, range(6)))
    with database() as session:
        assert session.get_one(Order, order_id).tip_fen == 600


def test_a_new_order_is_read_before_it_is_written_and_written_once(database, engine, campus):
    told = []

    def note(_, __, statement, *___):
        told.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    with closing_listener(engine, note), database.begin() as session:
        order = begin_order(session, Order(
            campus_id=campus["campus"], shop_id=campus["shop"], buyer_id=campus["buyer"],
            created_at=NOW))
        assert (order.state, order.revision, order.discounts, order.tip_fen) == (
            OrderState.DRAFT, 1, [], 0)
        assert order.id
        assert order.code
        order.tip_fen = 300
    wrote = [each.split()[0] for each in told if " orders " in each and "SELECT" not in each]
    assert wrote == ["INSERT"]
    with database() as session:
        assert Order.by_code(session, campus["campus"], order.code).tip_fen == 300


@contextmanager
def closing_listener(engine, note):
    yield
    event.remove(engine, "before_cursor_execute", note)


def line_facts(ids, position=0):
    return {"position": position, "dish_id": ids["dish"], "dish_key": "d", "name": "饭",
            "quantity": 1, "options": [], "option_names": [], "price_fen": 100, "amount_fen": 100}


def line_of(ids):
    return OrderLine(**line_facts(ids))


class Line:
    def __init__(self, dish_id, quantity):
        self.dish_id, self.quantity = dish_id, quantity


def test_the_last_portions_are_sold_once(database, campus):
    start = Barrier(6)

    def buy(_):
        start.wait()
        try:
            with database.begin() as session:
                take_stock(session, [Line(campus["dish"], 1)])
        except NotEnough:
            return False
        return True

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(buy, range(6))) == 3
    with database() as session:
        assert session.get_one(Dish, campus["dish"]).stock == 0


def test_stock_that_was_never_taken_is_never_given_back(database, campus):
    with database.begin() as session:
        session.get_one(Dish, campus["dish"]).stock = None
        taken = take_stock(session, [Line(campus["dish"], 1)])
        session.get_one(Dish, campus["dish"]).stock = 5
        session.flush()
        return_stock(session, taken)
        assert session.get_one(Dish, campus["dish"]).stock == 5


def test_an_order_that_ends_unpaid_gives_its_stock_back_once(database, campus):
    with database.begin() as session:
        order = new_order(session, campus)
        order.stock_taken = take_stock(session, [Line(campus["dish"], 2)])
        order.apply(session, OrderEvent.CONFIRMED, now=NOW)
        order.apply(session, OrderEvent.EXPIRED, now=NOW)
        with pytest.raises(IllegalTransition):
            order.apply(session, OrderEvent.CANCELLED, now=NOW)
    with database() as session:
        assert session.get_one(Dish, campus["dish"]).stock == 3


def test_the_database_itself_refuses_negative_stock(database, campus):
    with pytest.raises(IntegrityError), database.begin() as session:
        session.get_one(Dish, campus["dish"]).stock = -1
