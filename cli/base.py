"""What every command shares: exit statuses (contract §1), one clear line instead of a traceback."""
import sys
from collections.abc import Callable
from typing import Any, NoReturn

import click
from flask.cli import AppGroup

from config.settings import ConfigurationError

FAILED, MISUSED = 1, 2


class Stop(click.ClickException):
    """Ends the command with one line on stderr."""

    def __init__(self, message: str, status: int = FAILED) -> None:
        super().__init__(message)
        self.exit_code = status  # type: ignore[misc]  # click declares it on the class

    def show(self, file: Any = None) -> None:
        print(f"paotang: {self.message}", file=file or sys.stderr, flush=True)


class Command(click.Command):
    """Turns what a command may raise into an exit status."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ConfigurationError as error:
            raise Stop(str(error), MISUSED) from error
        except known_failures() as error:
            raise Stop(str(error).strip().splitlines()[0]) from error


class Commands(AppGroup):
    """The commands on a Flask app: `flask --app wsgi NAME` finds them here, and so do we."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)  # in the order in which they were added


class Group(click.Group):
    """A command with commands below it: `campus load`."""

    command_class = Command


def known_failures() -> tuple[type[Exception], ...]:
    """What may go wrong with a well-configured command. Imported when needed: start-up counts."""
    from cli.embedded import ServersFailed

    found: list[type[Exception]] = [ServersFailed]
    if "sqlalchemy" in sys.modules:
        from sqlalchemy.exc import OperationalError
        found.append(OperationalError)
    if "redis" in sys.modules:
        from redis.exceptions import ConnectionError as RedisUnreachable
        found.append(RedisUnreachable)
    return tuple(found)


def command(name: str | None = None, **kwargs: Any) -> Callable[[Callable[..., Any]], Command]:
    """Like click.command, with our exit statuses."""
    return click.command(name, cls=Command, **kwargs)


def group(name: str, **kwargs: Any) -> Callable[[Callable[..., Any]], Group]:
    return click.group(name, cls=Group, **kwargs)


def give_up(message: str, status: int = FAILED) -> NoReturn:
    raise Stop(message, status)
