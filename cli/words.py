"""`words list|add|remove`: what people call things, without a release."""
from typing import TYPE_CHECKING

import click

from cli.base import FAILED, MISUSED, give_up, group
from cli.database import transaction

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from models.campus import Campus

CAMPUS = click.option("--campus", metavar="NAME", help="Which campus, where there are several.")


@group("words")
def words() -> None:
    """Words: `words add 老图 图书馆`, `words remove 老图`, `words list`."""


@words.command("list")
@CAMPUS
def list_(campus: str | None) -> None:
    """All added words and what they mean."""
    from models.word import Word

    with transaction() as session:
        found = Word.of(session, _campus(session, campus).id)
        for row in found:
            print(f"{row.word}  {row.meaning}")
        if not found:
            print("no words added yet")


@words.command("add")
@click.argument("word")
@click.argument("meaning")
@CAMPUS
def add(word: str, meaning: str, campus: str | None) -> None:
    """Let WORD mean the shop, dish, place or option that the campus calls MEANING."""
    from handlers.words import Nickname, WordRefused, add_word
    from models.base import utcnow

    with transaction() as session:
        try:
            is_new = add_word(session, _campus(session, campus), Nickname(word, meaning),
                              now=utcnow())
        except WordRefused as refused:
            give_up(str(refused), MISUSED)
    print(f"{word} means {meaning} from now on" if is_new else f"{word} meant {meaning} already")


@words.command("remove")
@click.argument("word")
@CAMPUS
def remove(word: str, campus: str | None) -> None:
    """Forget WORD."""
    from handlers.words import remove_word

    with transaction() as session:
        count = remove_word(session, _campus(session, campus), word)
    if not count:
        give_up(f"{word} was never added", FAILED)
    print(f"{word} is forgotten")


def _campus(session: "Session", name: str | None) -> "Campus":
    from sqlalchemy import select

    from models.campus import Campus

    query = select(Campus) if name is None else select(Campus).filter_by(name=name)
    found = list(session.scalars(query.order_by(Campus.id)))
    if len(found) != 1:
        names = ", ".join(campus.name for campus in found) or "none"
        give_up(f"which campus? --campus NAME; there is {names}" if name is None
                else f"there is no campus {name!r}", MISUSED)
    return found[0]
