"""Who wants to ride, and what an operator says to it."""
import re

from bot.commands import Command
from bot.routes.base import Route, Turn
from config.texts import Reply
from handlers.rider import application
from models.rider import RiderStatus

_NAME = r"(?P<name>[\u4e00-\u9fffA-Za-z·]{1,12})"
_PHONE = r"(?P<phone>1[3-9]\d[ -]?\d{4}[ -]?\d{4})"
_BETWEEN = r"[\s，,：:]*"
_FORMS = [re.compile(rf"\s*{first}{_BETWEEN}{second}\s*")
          for first, second in ((_NAME, _PHONE), (_PHONE, _NAME))]
_DECISIONS = {"approve_rider": RiderStatus.APPROVED, "refuse_rider": RiderStatus.REFUSED,
              "suspend_rider": RiderStatus.SUSPENDED}


def wants_to_ride(turn: Turn) -> Reply:
    return application.ask_to_ride(turn.session, turn.speaker, now=turn.now)


def name_and_phone(turn: Turn) -> Reply | None:
    """The answer to who wants to ride; None: the words are about something else."""
    for form in _FORMS:
        if match := form.fullmatch(turn.text):
            cmd = application.ApplyToRide(match["name"], re.sub(r"\D", "", match["phone"]))
            return application.apply_to_ride(turn.session, turn.speaker, cmd, now=turn.now)
    return Reply("riders.not_clear") if re.search(r"\d{7,}", turn.text) else None


def decide(turn: Turn, command: Command) -> Reply:
    cmd = application.DecideOnRider(int(command.rest[1:]), _DECISIONS[command.name])
    return application.decide(turn.session, turn.speaker, cmd, now=turn.now)


COMMANDS: dict[str, Route] = {
    "apply_rider": lambda turn, _: wants_to_ride(turn),
    "approve_rider": decide,
    "refuse_rider": decide,
    "suspend_rider": decide,
    "riders_waiting": lambda turn, _: application.waiting(turn.session, turn.speaker),
}
