"""Every query of the main line finds its rows by an index, whatever the tables have grown to.

With sequential scans forbidden, PostgreSQL's planner uses one only where no index can serve; a
scan through the whole of an index shows as one without a condition.
"""
import re
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event, text

from tests.support.transcript import Chat
from tests.transcripts.test_first_lunch import eat
from tests.transcripts.test_ordering import PAID, QUOTED

# What grows with orders and people; campuses, shops, dishes, places, riders stay small.
GROWING = ("orders", "order_lines", "order_log", "order_codes", "inbox", "outbox", "payments",
           "refunds", "ledger_groups", "ledger_entries", "offers", "people")
# Only from statistics, which are taken away here, does a planner know that few parcels have a
# code, and that one person's payments are few.
BY_STATISTICS = ("UPDATE parcels", "SELECT count(distinct(payments.order_id))")
LIMIT = re.compile(r"LIMIT %\(\w+\)s::INTEGER")


@pytest.fixture
def asked(engine: Engine) -> Iterator[dict[str, Any]]:
    """Every statement that is executed meanwhile, with the parameters of one time."""
    statements: dict[str, Any] = {}

    def note(_: Any, __: Any, statement: str, parameters: Any, *___: Any) -> None:
        one = parameters[0] if isinstance(parameters, list) else parameters
        statements.setdefault(statement, one)

    event.listen(engine, "before_cursor_execute", note)
    yield statements
    event.remove(engine, "before_cursor_execute", note)


def test_every_query_of_the_main_line_is_indexed(chat: Chat, asked: dict[str, Any],
                                                 engine: Engine) -> None:
    eat(chat)
    chat.play(QUOTED.replace("¥13.00", "¥18.00").replace("$c", "$d") + """
        小林  〔换大份〕
        小林  取消
    """ + PAID.replace("¥13.00", "¥18.00").replace("$c", "$e") + """
        小林  取消$e
        小林  确定取消$e
        (61 s pass)
        (work)
        小林  来份黄焖鸡
        (25 h pass)
        (work)
        阿哲  下线
    """)
    queries = {statement: parameters for statement, parameters in asked.items()
               if statement.lstrip()[:6] in ("SELECT", "UPDATE", "DELETE")
               and "pg_" not in statement and "nextval" not in statement
               and not statement.startswith(BY_STATISTICS)}
    assert len(queries) > 60
    with engine.connect() as connection:
        partial = set(connection.scalars(text(
            "SELECT indexrelid::regclass::text FROM pg_index WHERE indpred IS NOT NULL")))
        _as_large(connection)
        # Large tables are joined row by row; the small ones of a test would be hashed whole.
        for way in ("seqscan", "hashjoin", "mergejoin"):
            connection.execute(text(f"SET enable_{way} = off"))
        slow = {statement: found for statement, parameters in queries.items()
                if (found := list(_unindexed(connection, statement, parameters, partial)))}
        connection.rollback()
    assert not slow, "\n\n".join(f"{found}\n{statement}" for statement, found in slow.items())


def _as_large(connection: Connection) -> None:
    """Let the planner believe in ten million rows and know nothing of their values, until
    rollback: what an ANALYZE of a few rows saw would make any index as good as the right one."""
    large = "= ANY(CAST(CAST(:tables AS text[]) AS regclass[]))"
    tables = {"tables": list(GROWING)}
    connection.execute(text("UPDATE pg_class SET reltuples = 1e7, relpages = greatest(relpages, 1)"
                            f" WHERE oid {large}"), tables)
    connection.execute(text(f"DELETE FROM pg_statistic WHERE starelid {large}"), tables)


def _unindexed(connection: Connection, statement: str, parameters: Any,
               partial: set[str]) -> Iterator[str]:
    """The scans of this query that read a growing table from one end to the other."""
    whole = LIMIT.sub("", statement)  # else the first few of a long walk look cheap
    told = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {whole}", parameters).scalar()
    for node in _nodes(told[0]["Plan"]):
        table, kind = node.get("Relation Name"), node["Node Type"]
        if kind == "Seq Scan" and table in GROWING:
            yield f"{table}: {kind}, {node.get('Filter')}"
        elif kind in ("Index Scan", "Index Only Scan", "Bitmap Index Scan") and not node.get(
                "Index Cond") and node["Index Name"] not in partial and (
                table is None or table in GROWING):
            yield f"{node['Index Name']}: all of it, {node.get('Filter')}"


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from _nodes(below)


def test_a_message_asks_the_database_so_often_at_most(chat: Chat, engine: Engine) -> None:
    """Each question costs a message more than all understanding does: docs/performance.md."""
    asked: list[str] = []

    def note(_: Any, __: Any, statement: str, *___: Any) -> None:
        asked.append(statement.partition(" WHERE")[0])

    def asks(words: str, most: int) -> str:
        asked.clear()
        said = chat.stage.says("小陈", words)
        assert said
        assert len(asked) <= most, (words, len(asked), asked)
        return said

    chat.stage.says("小林", "来份黄焖鸡微辣 送12栋302")  # the process has read the campus by now
    chat.stage.add("小陈", "student")
    event.listen(engine, "before_cursor_execute", note)
    try:
        code = re.search(r"[A-Z]\d+", asks("来份黄焖鸡微辣 送12栋303", 24))
        assert code
        asks(f"确认{code[0]}", 22)
        asks("到哪了", 10)
        asks("谢谢，辛苦了", 8)
    finally:
        event.remove(engine, "before_cursor_execute", note)
