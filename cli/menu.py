"""`menu publish`: the account's menus, one for everybody and one for each role's tag."""
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from cli.base import give_up, group
from cli.database import transaction
from config import menus, settings
from gateways.errors import GatewayError

if TYPE_CHECKING:
    from gateways.wechat import Menus, WeChat


@group("menu")
def menu() -> None:
    """The account's menu: `menu publish`."""


@menu.command("publish")
@click.option("--app", "app_id", metavar="APPID", help="One account; all of them without it.")
def publish(app_id: str | None) -> None:
    """Put the menus of config/locale/menus.toml into the account, and tag people by role.

    What is there already stays untouched: running it again is harmless.
    """
    for line in publish_all(app_id):
        print(line)


def publish_all(app_id: str | None) -> list[str]:
    """One line for each account, or for `app_id` alone. Gives up at the first that refuses."""
    said = []
    for each, wechat in list(_accounts(app_id)):
        try:
            changed = bring_up_to_date(wechat)
        except GatewayError as error:
            give_up(f"{each}: {error}")
        said.append(f"{each}: {', '.join(changed) or 'the menus are as they should be'}; "
                    f"{_tag_everybody(each)} people to be tagged")
    if not said:
        give_up(f"no account goes by {app_id}" if app_id else
                "no account is known: run ./paotang campus load FILE")
    return said


def _accounts(app_id: str | None) -> "Iterator[tuple[str, WeChat]]":
    from sqlalchemy import select

    from gateways.wechat import WeChat
    from models.campus import Account

    with transaction() as session:
        query = select(Account).order_by(Account.app_id)
        rows = session.scalars(query.filter_by(app_id=app_id) if app_id else query).all()
    base = settings.load().wechat_api_base
    for row in rows:
        yield row.app_id, WeChat(row.app_id, row.secret, api_base=base)


def bring_up_to_date(wechat: "WeChat") -> list[str]:
    """Change what differs; what was changed. Raises GatewayError.

    WeChat has no edit for a conditional menu, and asks the newest first, so all are made anew.
    """
    there, changed = wechat.menus(), []
    if there.default != bare(menus.buttons()):
        wechat.create_menu(menus.buttons())
        changed.append("the menu for everybody")
    known = wechat.tags()
    tags = {role: known.get(name) or wechat.ensure_tag(name) for role, name in menus.TAGS.items()}
    if _conditional(there) != wanted(tags):
        for menu_id in there.conditional:
            wechat.delete_conditional_menu(menu_id)
        for role, tag_id in tags.items():
            wechat.add_conditional_menu(menus.buttons(role), tag_id)
        changed.append(f"a menu for each of {', '.join(tags)}")
    return changed


def is_current(there: "Menus", tags: dict[str, int]) -> bool:
    """Whether an account's menus are those of this version; `tags`: name → id."""
    ids = {role: tags[name] for role, name in menus.TAGS.items() if name in tags}
    return there.default == bare(menus.buttons()) and _conditional(there) == wanted(ids)


def wanted(tags: dict[str, int]) -> dict[str, Any]:
    """Tag id → the menu it should lead to."""
    return {str(tag_id): bare(menus.buttons(role)) for role, tag_id in tags.items()}


def _conditional(there: "Menus") -> dict[str, Any]:
    return dict(there.conditional.values())


def bare(buttons: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Buttons as they come back from WeChat: without empty parts."""
    return [{k: bare(v) if k == "sub_button" else v for k, v in button.items() if v}
            for button in buttons]


def _tag_everybody(app_id: str) -> int:
    """Owe the tags of all riders and cooks; students get theirs when they follow."""
    from sqlalchemy import select

    from handlers.roles import owe_tags, roles_of
    from models.base import utcnow
    from models.person import Person
    from models.rider import Rider
    from models.shop import ShopOwner

    with transaction() as session:
        at_work = select(Rider.person_id).union(select(ShopOwner.person_id))
        ids = session.scalars(select(Person.id).where(
            Person.app_id == app_id, Person.is_following, Person.id.in_(at_work))).all()
        held = roles_of(session, ids)
        owe_tags(session, app_id, held, now=utcnow())
    return len(ids)
