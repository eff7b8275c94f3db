"""kill -9, as far as Python can tell it, at a commit of one's choice."""
from typing import Any

from sqlalchemy import event
from sqlalchemy.orm import Session


class Died(BaseException):
    pass


class Death:
    """Dies instead of the n-th commit, or right after it."""

    def __init__(self, number: int, *, after: bool) -> None:
        self.left, self.name = number, "after_commit" if after else "before_commit"

    def __call__(self, session: Session) -> None:
        self.left -= 1
        if self.left == 0:
            raise Died

    def __enter__(self) -> None:
        event.listen(Session, self.name, self)

    def __exit__(self, kind: type | None, error: Any, trace: Any) -> bool:
        event.remove(Session, self.name, self)
        return kind is Died
