"""Operators teach the campus's words: `./paotang words`."""
from dataclasses import dataclass
from datetime import datetime

from models.base import Session
from models.campus import Campus
from models.rules.nicknames import is_named
from models.word import Word

LONGEST = 20


class WordRefused(Exception):
    """Says why; nothing was written."""


@dataclass(frozen=True, slots=True)
class Nickname:
    word: str
    meaning: str


def add_word(session: Session, campus: Campus, said: Nickname, *, now: datetime) -> bool:
    """One more name for something of the campus; False when it was known already.

    The menu's version moves on, so that every process reads the word with its next message.
    Raises WordRefused.
    """
    word, meaning = said.word.strip(), said.meaning.strip()
    if not word or len(word) > LONGEST:
        raise WordRefused(f"a word has 1 to {LONGEST} characters")
    if not is_named(campus.file, meaning):
        raise WordRefused(f"nothing on {campus.name} is called {meaning!r}")
    _lock(session, campus)
    is_new = Word.put(session, campus.id, word, meaning, now=now)
    campus.menu_version += is_new
    return is_new


def remove_word(session: Session, campus: Campus, word: str) -> int:
    """Forget a word in all its meanings; how many they were."""
    _lock(session, campus)
    gone = [row for row in Word.of(session, campus.id) if row.word == word.strip()]
    for row in gone:
        session.delete(row)
    campus.menu_version += bool(gone)
    return len(gone)


def _lock(session: Session, campus: Campus) -> None:
    """Two changes of one campus take turns, or one version would be counted once for both."""
    session.flush()  # a refresh would forget what is not written yet
    session.refresh(campus, with_for_update=True)
