"""Double entry: what balances is kept for ever, what does not is refused, by code and database."""
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from models.base import Session, Sessions
from models.ledger import (
    LedgerEntry,
    LedgerGroup,
    Unbalanced,
    held_for,
    owed_back,
    post,
    rider_account,
    shop_account,
)
from tests.support.payment import at_once, balances

NOW = datetime(2026, 9, 21, 4, 0, tzinfo=UTC)
PAID = {"wechat": 1750, "order:1": -1750}


def test_accounts_have_names_that_do_not_collide():
    names = [f(7) for f in (held_for, owed_back, shop_account, rider_account)]
    assert names == ["order:7", "refund:7", "shop:7", "rider:7"]


def test_one_cause_moves_money_once(database):
    with database.begin() as session:
        assert post(session, "paid", key="payment:1", entries=PAID, now=NOW)
        assert not post(session, "paid", key="payment:1", entries=PAID, now=NOW)
    with database.begin() as session:
        assert balances(session) == PAID


def test_one_cause_moves_money_once_however_many_try_at_once(database):
    outcomes = at_once(*[lambda session: post(
        session, "paid", key="payment:1", entries=PAID, now=NOW)] * 6)

    assert sorted(outcomes) == [False] * 5 + [True]
    with database.begin() as session:
        assert balances(session) == PAID


def test_what_does_not_balance_is_refused_before_anything_is_written(database):
    with database.begin() as session:
        with pytest.raises(Unbalanced):
            post(session, "paid", key="k", entries={"wechat": 1750, "order:1": -1749}, now=NOW)
        assert session.scalars(select(LedgerGroup)).all() == []


def test_zero_amounts_are_left_out(database):
    with database.begin() as session:
        post(session, "paid", key="k", entries={**PAID, "promotion": 0}, now=NOW)
    with database.begin() as session:
        assert balances(session) == PAID


@pytest.mark.parametrize("amounts", [[], [1750], [1750, -1749], [1, 1], [5, -3, -3]])
def test_the_database_refuses_a_group_that_does_not_balance(database, amounts):
    with pytest.raises(IntegrityError, match="does not balance"):
        _write(amounts)
    with database.begin() as session:
        assert session.scalars(select(LedgerGroup)).all() == []


@pytest.mark.parametrize("account", ["wechats", "shop", "shop:x", "rider:", "order:1 ", ""])
def test_the_database_knows_its_accounts(database, account):
    with pytest.raises(IntegrityError, match="account_known"), database.begin() as session:
        post(session, "any", key="k", entries={"wechat": 5, account: -5}, now=NOW)
    with database.begin() as session:
        assert balances(session) == {}


def _write(amounts: list[int]) -> None:
    """A group as it would look if `post` did not check."""
    with Sessions.begin() as session:
        group = LedgerGroup(key="k", kind="paid", at=NOW)
        session.add(group)
        session.flush()
        session.add_all(LedgerEntry(group_id=group.id, account=f"shop:{i}", amount_fen=amount)
                        for i, amount in enumerate(amounts))


def test_the_database_refuses_an_entry_added_to_an_old_group(database):
    with database.begin() as session:
        post(session, "paid", key="k", entries=PAID, now=NOW)
        group_id = session.scalars(select(LedgerGroup.id)).one()
    with pytest.raises(IntegrityError, match="does not balance"), database.begin() as session:
        session.add(LedgerEntry(group_id=group_id, account="platform", amount_fen=1))


@pytest.mark.parametrize("attempt", [
    "UPDATE ledger_entries SET amount_fen = 1", "DELETE FROM ledger_entries",
    "UPDATE ledger_groups SET kind = 'x'", "DELETE FROM ledger_groups",
    "UPDATE ledger_entries SET account = 'platform'"])
def test_what_was_booked_is_never_changed(database, attempt):
    with database.begin() as session:
        post(session, "paid", key="k", entries=PAID, now=NOW)
    with pytest.raises(DBAPIError, match="append-only"), database.begin() as session:
        session.execute(text(attempt))
    with database.begin() as session:
        assert balances(session) == PAID


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.dictionaries(st.sampled_from(["wechat", "platform", "shop:1", "rider:1"]),
                                st.integers(-10**9, 10**9), max_size=4), max_size=6))
def test_whatever_is_posted_the_accounts_sum_to_zero(database, movements):
    with Session(Sessions.kw["bind"]) as session:
        for number, entries in enumerate(movements):
            rest = -sum(entries.values())
            whole = {**entries, "promotion": rest}
            if sum(1 for amount in whole.values() if amount) >= 2:
                assert post(session, "any", key=f"k{number}", entries=whole, now=NOW)
        session.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
        assert sum(balances(session).values()) == 0
        session.rollback()
