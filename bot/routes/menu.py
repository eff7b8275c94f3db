"""What a cook writes about the menu, and the taps under the answer."""
import re

from bot.commands import Command, read_command
from bot.nlu.menu_text import read_menu
from bot.routes.base import Route, Turn, by_code
from config.texts import Reply
from handlers.kitchen import menu_change, pausing

_PLACED = re.compile(r"(?P<code>m\d{1,4})放到?(?P<shop>.+)", re.IGNORECASE)
_PAUSE = re.compile(r"(?P<name>.+?)停(?P<number>\d{1,3})(?P<unit>分钟|个?小时)")
_MINUTES = {"分钟": 1}


def written(turn: Turn) -> Reply | None:
    """A change of the menu; None: the text is about something else."""
    if _is_of_an_order(turn):
        return None
    is_asked = turn.pending.get("pending") == "menu_text"
    lines = read_menu(turn.text, is_asked=is_asked)
    if not lines:
        return None
    cmd = menu_change.ProposeMenu(tuple(
        menu_change.WrittenLine(line.name, line.prices, line.is_new) for line in lines),
        _shop_named(turn))
    return menu_change.propose_menu(turn.session, turn.speaker, cmd, now=turn.now)


def _is_of_an_order(turn: Turn) -> bool:
    """A1花了30 is a rider's word of A1, and no two dishes; A1套餐 15 may well be one."""
    command = read_command(turn.text)
    if command is None or command.code is None:
        return False
    return command.name != "change" or by_code(turn, command.code) is not None


def _shop_named(turn: Turn) -> str | None:
    names = [shop["name"] for shop in turn.speaker.campus.file.get("shops", ())]
    return next((name for name in names if name in turn.text), None)


def on_command(turn: Turn, command: Command) -> Reply | None:
    """None: somebody without a shop said it; a sentence after all."""
    if not turn.speaker.shop_ids:
        return None
    match command.name:
        case "menu_confirm":
            return menu_change.publish_menu(turn.session, turn.speaker, command.rest.upper(),
                                            now=turn.now)
        case "menu_edit":
            return menu_change.revise_menu(turn.session, turn.speaker, command.rest.upper(),
                                           now=turn.now)
        case "menu_shop":
            return _placed(turn, command)
        case _:
            return _paused(turn, command)


def _placed(turn: Turn, command: Command) -> Reply | None:
    match = _PLACED.fullmatch(command.rest)
    if match is None:
        return None
    cmd = menu_change.PlaceMenu(match["code"].upper(), match["shop"])
    return menu_change.place_menu(turn.session, turn.speaker, cmd, now=turn.now)


def _paused(turn: Turn, command: Command) -> Reply | None:
    """冰红茶停30分钟, 冰红茶今天下架"""
    match = _PAUSE.fullmatch(command.rest)
    if match:
        minutes = int(match["number"]) * _MINUTES.get(match["unit"], 60)
        cmd = pausing.PauseDish(match["name"], minutes)
    else:
        cmd = pausing.PauseDish(command.rest)
    return pausing.pause_dish(turn.session, turn.speaker, cmd, now=turn.now)


COMMANDS: dict[str, Route] = dict.fromkeys(
    ("menu_confirm", "menu_edit", "menu_shop", "dish_today", "dish_pause"), on_command)
