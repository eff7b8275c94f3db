"""学生认证: what the student sends, and what an operator says to it."""
import re
from typing import Final

from bot.commands import Command
from bot.routes.base import Route, Turn
from config.texts import Reply
from handlers import building, dialogue, student

_NAME: Final = r"(?P<name>[\u4e00-\u9fff·]{1,6})"
_NUMBER: Final = r"(?P<number>[A-Za-z]{0,3}\d{5,14})"
_BETWEEN: Final = r"[\s，,+＋：:]*"
_FORMS: Final = [re.compile(rf"\D{{0,4}}?{_NUMBER}{_BETWEEN}{_NAME}"),
                 re.compile(rf"{_NAME}{_BETWEEN}{_NUMBER}")]


def answered(turn: Turn) -> Reply | None:
    """2023123456 林, after it was asked for; of an operator, the number that stands on a card."""
    words = turn.text.strip()
    match turn.pending.get("pending"):
        case "ask_student":
            for form in _FORMS:
                if found := form.fullmatch(words):
                    cmd = student.Prove(found["number"], found["name"])
                    return student.prove(turn.session, turn.speaker, cmd, now=turn.now)
            return Reply("student.not_clear") if re.search(r"\d{5,}", words) else None
        case "ask_student_number" if re.fullmatch(_NUMBER, words):
            cmd_ = student.Decide(int(turn.pending["proof_id"]), True, words)
            return student.decide(turn.session, turn.speaker, cmd_, now=turn.now)
    return None


def pictured(turn: Turn, media_id: str) -> Reply | None:
    """A card, where one was asked for."""
    if turn.pending.get("pending") != "ask_student":
        return None
    return student.prove(turn.session, turn.speaker, student.Prove(media_id=media_id),
                         now=turn.now)


def _decide(is_approved: bool) -> Route:
    def route(turn: Turn, command: Command) -> Reply:
        cmd = student.Decide(int(command.rest), is_approved)
        return student.decide(turn.session, turn.speaker, cmd, now=turn.now)
    return route


def _not_now(turn: Turn, command: Command) -> Reply:
    dialogue.clear(turn.speaker.person)
    return Reply("talk.fine")


COMMANDS: Final[dict[str, Route]] = {
    "not_now": _not_now,
    "building": lambda turn, _: building.told(turn.session, turn.speaker, now=turn.now),
    "student_ask": lambda turn, _: student.ask(turn.session, turn.speaker, now=turn.now),
    "student_pass": _decide(True), "student_fail": _decide(False),
    "students_waiting": lambda turn, _: student.waiting(turn.session, turn.speaker),
}
