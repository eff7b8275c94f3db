"""The account's menus and the tags that choose among them; what a building's poster says."""
import tomllib
from pathlib import Path
from typing import Any, Final

_FILE: Final[dict[str, dict[str, Any]]] = tomllib.loads(
    (Path(__file__).parent / "locale" / "menus.toml").read_text("utf-8"))
# WeChat shows the menu of the tag that a person got last; who has several roles gets the last.
ROLES: Final = ("student", "rider", "merchant")
TAGS: Final[dict[str, str]] = {role: _FILE["tags"][role] for role in ROLES}
MOST_COLUMNS, MOST_ITEMS = 3, 5

Button = dict[str, Any]


def buttons(role: str | None = None) -> list[Button]:
    """A role's menu as WeChat's API wants it; without a role, everybody's."""
    return [{"name": name, "sub_button": [_item(words) for words in items]}
            for name, items in _FILE[role or "everybody"].items()]


def _item(words: str) -> Button:
    shown, _, says = words.partition("|")
    return {"type": "click", "name": shown, "key": says or shown}


def poster(place: str) -> tuple[str, str, str]:
    """Headline, line and foot of a poster at `place`."""
    said = _FILE["poster"]
    return said["headline"], said["line"].format(place=place), said["foot"]
