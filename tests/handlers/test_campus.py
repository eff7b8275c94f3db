"""A campus file becomes rows; loading it again changes only what changed."""
import copy
import json
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, text, update

from config.settings import WeChatAccount
from handlers.campus import Change, account_in, ensure_account, load_campus
from models import shop
from models.campus import Account, Campus, Place
from models.campus import Path as Way
from models.order import Order
from models.person import Person
from models.rider import Rider, RiderStatus
from models.rules.campus_file import CampusFileError
from models.shop import Dish, Shop, ShopOwner

WORLD = json.loads((Path(__file__).parent.parent / "corpora" / "world_dev.json").read_bytes())
NOW = datetime(2026, 11, 20, 4, tzinfo=UTC)
ACCOUNT = WeChatAccount("wx_campus_test", "secret-1", "token-1", "k" * 43)


@pytest.fixture
def session(database):
    """Whatever a test writes is rolled back."""
    with database() as session:
        ensure_account(session, ACCOUNT)
        yield session
        session.rollback()


def load(session, data, now=NOW):
    return load_campus(session, data, app_id=ACCOUNT.app_id, now=now)


def world(**more):
    return copy.deepcopy(WORLD) | more


def dish(session, key):
    return session.scalars(select(Dish).filter_by(key=key)).one()


def test_the_world_as_it_stands_becomes_rows(session):
    loaded = load(session, WORLD)

    assert loaded.name == "东湖大学(开发用)"
    assert loaded.changes == (
        Change("campus", added=1), Change("places", added=27), Change("shops", added=10),
        Change("dishes", added=120), Change("account", changed=1))
    assert Campus.of_account(session, ACCOUNT.app_id).id == loaded.campus_id
    rice = dish(session, "as01d01")
    assert (rice.name, rice.price_fen, rice.stock, rice.is_listed) == (
        "黄焖鸡米饭", 1600, None, True)
    assert rice.options[:2] == ["spice_none", "spice_mild"]
    assert rice.shop.place.key == "ap11"
    assert rice.shop.owner_ids(session) == []
    assert (rice.shop.prep_minutes, rice.shop.hours) == (shop.DEFAULT_PREP_MINUTES, None)


def test_an_unchanged_file_changes_nothing(session):
    data = world(riders=[{"openid": "oR", "name": "老周", "phone": "13800138000"}],
                 paths=[{"from": "ap01", "to": "ap02", "metres": 80}])
    data["shops"][0]["owners"] = ["oOwner"]
    load(session, data)
    before = rows_of(session)

    again = load(session, copy.deepcopy(data), now=datetime(2027, 1, 1, tzinfo=UTC))

    assert (again.changes, again.menu_version) == ((), 1)
    assert rows_of(session) == before


def rows_of(session):
    """xmin tells whether a row was written again."""
    session.flush()
    return [sorted(session.execute(text(f"SELECT t.ctid::text, t::text FROM {name} t")).all())
            for name in ("campuses", "places", "paths", "shops", "shop_owners", "dishes",
                         "people", "riders", "accounts")]


def test_what_is_gone_is_unlisted_and_comes_back(session):
    load(session, WORLD)
    smaller = world()
    gone = smaller["shops"].pop(0)
    smaller["shops"][0]["dishes"].pop()

    fewer = load(session, smaller)

    assert fewer.changes == (Change("shops", removed=1), Change("dishes", removed=13))
    assert (fewer.added, fewer.changed, fewer.removed, fewer.menu_version) == (0, 0, 14, 2)
    assert not dish(session, gone["dishes"][0]["id"]).is_listed
    assert session.scalar(select(func.count()).select_from(Dish)) == 120

    load(session, WORLD)
    assert dish(session, gone["dishes"][0]["id"]).is_listed


def test_changes_reach_the_rows_and_the_file_that_understanding_reads(session):
    first = load(session, WORLD)
    data = world()
    data["shops"][0] |= {"name": "阿香(新)", "hours": [["10:00", "21:30"]], "min_order_fen": 900}
    data["shops"][0]["dishes"][0]["price_fen"] = 1700

    loaded = load(session, data, now=datetime(2026, 11, 21, tzinfo=UTC))

    assert loaded.changes == (Change("shops", changed=1), Change("dishes", changed=1))
    assert loaded.menu_version == first.menu_version + 1
    rice = dish(session, "as01d01")
    assert rice.price_fen == 1700
    assert (rice.shop.name, rice.shop.hours, rice.shop.min_order_fen) == (
        "阿香(新)", [["10:00", "21:30"]], 900)
    campus = session.get_one(Campus, loaded.campus_id)
    assert campus.file["shops"][0]["dishes"][0]["price_fen"] == 1700
    assert campus.loaded_at == datetime(2026, 11, 21, tzinfo=UTC)


def test_stock_that_was_sold_is_not_put_back_by_an_unchanged_number(session):
    data = world()
    data["shops"][0]["dishes"][0]["stock"] = 20
    load(session, data)
    session.execute(update(Dish).where(Dish.key == "as01d01").values(stock=3))
    data["shops"][0]["dishes"][0]["price_fen"] += 100

    load(session, data)
    assert dish(session, "as01d01").stock == 3

    data["shops"][0]["dishes"][0]["stock"] = 30
    load(session, data)
    assert dish(session, "as01d01").stock == 30


def test_owners_riders_and_operators_become_people(session):
    data = world(riders=[{"openid": "oR", "name": "老周", "phone": "13800138000"}],
                 operators=[{"openid": "oBoss", "name": "值班"}],
                 emergency={"phone": "110", "on_duty": [{"openid": "oGuard"}]})
    data["shops"][0]["owners"] = ["oOwner", "oBoss"]

    loaded = load(session, data)

    people = {p.openid: p for p in session.scalars(select(Person))}
    assert people.keys() >= {"oR", "oBoss", "oGuard", "oOwner"}
    assert people["oR"].phone == "13800138000"
    rider = Rider.of_person(session, people["oR"].id)
    assert (rider.name, rider.status, rider.is_on_duty, rider.campus_id) == (
        "老周", RiderStatus.APPROVED, False, loaded.campus_id)
    owned = ShopOwner.shop_ids_of(session, people["oBoss"].id)
    assert owned == [session.scalars(select(Shop.id).filter_by(key="as01")).one()]


def test_a_shop_changes_hands(session):
    data = world()
    data["shops"][0]["owners"] = ["oOld"]
    load(session, data)
    data["shops"][0]["owners"] = ["oNew"]

    loaded = load(session, data)

    assert Change("owners", added=1, removed=1) in loaded.changes
    shop_id = session.scalars(select(Shop.id).filter_by(key="as01")).one()
    owners = select(Person.openid).join(ShopOwner, ShopOwner.person_id == Person.id)
    assert session.scalars(owners.where(ShopOwner.shop_id == shop_id)).all() == ["oNew"]


def test_riders_come_and_go_and_a_suspended_one_stays_so(session):
    anna, bob = {"openid": "oAnna", "name": "安娜"}, {"openid": "oBob"}
    load(session, world(riders=[anna, bob]))
    session.execute(update(Rider).where(Rider.name == "安娜").values(
        status=RiderStatus.SUSPENDED))
    session.execute(update(Rider).values(is_on_duty=True))

    load(session, world(riders=[anna], carriers=[]))
    status = {r.person.openid: (r.status, r.is_on_duty) for r in session.scalars(select(Rider))}
    assert status == {"oAnna": ("suspended", True), "oBob": ("suspended", False)}

    load(session, world(riders=[anna, bob]))
    status = {r.person.openid: r.status for r in session.scalars(select(Rider))}
    assert status == {"oAnna": "suspended", "oBob": "approved"}


def test_ways_are_kept_once_the_shorter_where_two_are_given(session):
    load(session, world(paths=[{"from": "ap02", "to": "ap01", "metres": 90},
                               {"from": "ap01", "to": "ap02", "metres": 80},
                               {"from": "ap01", "to": "ap03", "metres": 7}]))

    loaded = load(session, world(paths=[{"from": "ap02", "to": "ap01", "metres": 70.5}]))

    assert loaded.changes == (Change("paths", changed=1, removed=1),)
    ways = session.execute(select(Way.from_key, Way.to_key, Way.metres)).all()
    assert ways == [("ap01", "ap02", 70.5)]


def test_one_way_streets_and_gates_with_hours_are_kept_and_forgotten(session):
    gate = {"from": "ap02", "to": "ap01", "metres": 90, "open": ["06:30", "23:00"]}
    load(session, world(paths=[gate, {"from": "ap03", "to": "ap01", "metres": 7, "one_way": True}]))
    ways = session.execute(select(Way.from_key, Way.to_key, Way.is_one_way, Way.opens_at,
                                  Way.closes_at).order_by(Way.metres)).all()
    assert ways == [("ap03", "ap01", True, None, None), ("ap01", "ap02", False, 390, 1380)]

    loaded = load(session, world(paths=[{**gate, "open": None}]))
    assert loaded.changes == (Change("paths", changed=1, removed=1),)
    assert session.scalars(select(Way)).one().opens_at is None


def test_the_account_keeps_its_last_key_and_serves_its_newest_campus(session):
    load(session, WORLD)

    assert not ensure_account(session, ACCOUNT)
    assert ensure_account(session, WeChatAccount("wx_campus_test", "secret-2", "token-1", None))

    row = session.get_one(Account, "wx_campus_test")
    assert (row.secret, row.aes_key, row.previous_aes_key) == ("secret-2", None, "k" * 43)
    other = load(session, world(campus="另一所"))
    assert Campus.of_account(session, "wx_campus_test").id == other.campus_id


def test_two_campuses_may_use_the_same_ids(session):
    load(session, WORLD)

    other = load(session, world(campus="另一所"))

    assert Change("dishes", added=120) in other.changes
    assert session.scalar(select(func.count()).select_from(Place)) == 54


def test_no_secret_and_no_private_number_is_kept_in_clear(session):
    data = world(account={"app_id": "wx9", "secret": "hush-secret", "token": "hush-token"},
                 riders=[{"openid": "oR", "phone": "13800138000"}],
                 operators=[{"openid": "oB", "phone": "13900139000"}],
                 emergency={"phone": "110", "on_duty": [{"openid": "oG", "phone": "13700137000"}]})
    ensure_account(session, account_in(data))

    loaded = load_campus(session, data, app_id="wx9", now=NOW)

    everything = "".join(str(rows_of(session)))
    for secret in ("hush-secret", "hush-token", "13800138000", "13900139000", "13700137000"):
        assert secret not in everything
    assert session.get_one(Campus, loaded.campus_id).emergency["phone"] == "110"


def test_a_bad_file_moves_nothing(session):
    load(session, WORLD)
    before = rows_of(session)
    data = world(carriers=[])
    data["shops"][3]["dishes"][2]["price_fen"] = "12"

    with pytest.raises(CampusFileError):
        load(session, data)

    assert rows_of(session) == before


@settings(deadline=None, max_examples=15,
          suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_whatever_passes_the_check_can_be_loaded_and_loaded_again(session, data):
    """Names from all of Unicode, hours, numbers at their ends: the database takes them all."""
    # Whatever is printable, made so and not filtered: letters of every script, marks, signs.
    words = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=8).filter(
        str.isprintable)
    made = world(campus=data.draw(words), tz=data.draw(st.sampled_from(["-03:30", "UTC"])))
    made["shops"] = made["shops"][:2]
    target = made["shops"][data.draw(st.integers(0, 1))]
    target |= {"name": data.draw(words), "owners": data.draw(st.lists(
        st.sampled_from(["oA", "oB", "oC"]), unique=True)),
        "min_order_fen": data.draw(st.sampled_from([0, 10_000_000])),
        "hours": data.draw(st.sampled_from([[["10:00", "24:00"]], {"sun": []}, None]))}
    target["dishes"][0] |= {"aliases": data.draw(st.lists(words, max_size=2)),
                            "stock": data.draw(st.sampled_from([None, 0, 1_000_000]))}
    with session.begin_nested() as savepoint:
        first = load(session, made)
        again = load(session, made)
        assert again.changes == ()
        assert first.campus_id == again.campus_id
        savepoint.rollback()


def test_two_loads_at_once_take_turns(database):
    """Without the campus's row lock both would insert the shop that is new in the file."""
    fewer, start, outcomes = world(), threading.Barrier(2), []
    del fewer["shops"][0]

    def one():
        with database.begin() as session:
            start.wait(10)
            outcomes.append(load(session, WORLD).added)

    with database.begin() as session:
        ensure_account(session, ACCOUNT)
        load(session, fewer)
    threads = [threading.Thread(target=one) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(outcomes) == [0, 13]


def test_an_order_can_be_written_while_a_campus_is_loaded(database):
    """A row that orders point at is held gently: its key is not going to change."""
    with database.begin() as session:
        ensure_account(session, ACCOUNT)
        campus_id = load(session, WORLD).campus_id
    changed = world(fees={"delivery_base_fen": 300})
    changed["shops"][0]["name"] = "新名"

    with database() as loading, database() as turn:
        load(loading, changed)

        turn.execute(text("SET lock_timeout = '300ms'"))
        person_id = Person.ensure(turn, ACCOUNT.app_id, "oNew", now=NOW)
        shop_id = turn.scalars(select(Shop.id).filter_by(key="as01")).one()
        turn.add(Order(campus_id=campus_id, shop_id=shop_id, buyer_id=person_id, code="A1",
                       created_at=NOW))
        turn.flush()
        turn.rollback()
        loading.rollback()
