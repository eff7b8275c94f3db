"""`web`: granian, WEB_WORKERS processes of a few threads each."""
import multiprocessing
import os
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any, cast

from cli import embedded, leash
from cli.base import Stop, command
from config import settings
from config.settings import ConfigurationError

THREADS = 4  # one takes a turn (bot/webhook.py); the others serve pages, which wait for WeChat
GRACE_S = 4  # for requests under way when told to stop; WeChat waits five seconds
LOGGING: dict[str, Any] = {
    "formatters": {
        "generic": {"()": "logging.Formatter", "fmt": "%(levelname)s %(message)s"},
        "access": {"()": "logging.Formatter", "fmt": "%(message)s"},
    },
}


@command("web")
def web() -> None:
    """Serve WeChat's webhook and the pages at BIND."""
    embedded.apply(os.environ)
    given = settings.load()
    host, port = given.bind
    check(given)
    serve(host, port, given.web_workers)


def check(given: settings.Settings) -> None:
    """Name what is missing here, once, and not in every process that granian starts."""
    for name in ("database_url", "redis_url", "secret_key", "public_url", "wechat_account", "pay"):
        getattr(given, name)


def serve(host: str, port: int, workers: int, create: str = "wsgi:create_web") -> None:
    """Serve what the function `create` ("module:name") makes. A benchmark serves its own so."""
    from granian import Granian
    from granian.constants import Interfaces

    multiprocessing.set_start_method("spawn", force=True)  # nothing of ours is inherited by chance
    server = Granian(
        create, address=host, port=port, interface=Interfaces.WSGI, workers=workers,
        blocking_threads=THREADS, respawn_failed_workers=True, workers_kill_timeout=GRACE_S,
        log_dictconfig=LOGGING)
    loader = Loader(os.getpid(), create)
    try:
        server.serve(target_loader=loader, wrap_loader=False)
    except OSError as error:
        raise Stop(f"cannot listen at {host}:{port}: {error}") from error


class Loader:
    """Loads the application in granian's worker. An object, as it must be pickled."""

    def __init__(self, parent: int, create: str) -> None:
        self.parent, self.create = parent, create

    def __call__(self) -> Callable[..., Any]:
        leash.tie(self.parent)
        leash.watch_parent(self.parent)
        try:
            module, _, name = self.create.partition(":")
            return cast("Callable[..., Any]", getattr(import_module(module), name)())
        except ConfigurationError as error:
            print(f"paotang: {error}", file=sys.stderr, flush=True)
            raise SystemExit(2) from error
