"""`clock`: the one process that looks at the time."""
import os

from cli import embedded
from cli.base import command
from config import settings


@command("clock")
def clock() -> None:
    """Do what is due: relay, closings, offers. Two may run; one leads."""
    embedded.apply(os.environ)
    given = settings.load()
    _ = given.database_url, given.redis_url

    import workers.clock

    workers.clock.run()
