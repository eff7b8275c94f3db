"""`campus load FILE` and `campus measure FILE`."""
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.base import MISUSED, give_up, group
from cli.database import transaction
from config import settings
from config.settings import ConfigurationError, WeChatAccount

if TYPE_CHECKING:
    from handlers.campus import CampusLoaded
    from models.rules.campus_file import CampusFile


@group("campus")
def campus() -> None:
    """Campuses: `campus load FILE`, `campus measure FILE`."""


@campus.command("load")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--menu-from-file", is_flag=True,
              help="Forget what cooks published in the chat since the last load.")
def load(file: Path, menu_from_file: bool) -> None:
    """Import or update a campus file. A bad file is refused whole."""
    read = _read(file)

    from handlers.campus import account_in, ensure_account, load_campus
    from models.base import utcnow

    account = account_in(read.data) or _default_account()
    with transaction() as session:
        is_news = ensure_account(session, account)
        loaded = load_campus(session, read.data, app_id=account.app_id, now=utcnow(),
                             keeps_chat=not menu_from_file)
    _say(loaded, account.app_id, is_news=is_news)


@campus.command("measure")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def measure(file: Path) -> None:
    """Compare a campus file's paths with 高德's or 百度's walking routes. Changes nothing."""
    from gateways.errors import GatewayError
    from gateways.maps import AMap, Baidu

    name, key, base = settings.load().maps
    maps = AMap(key, base=base) if name == "amap" else Baidu(key, base=base)
    data = _read(file).data
    at = {p["id"]: (p["lat"], p["lng"]) for p in data["places"] if p.get("lat") is not None}
    for path in data.get("paths", ()):
        a, b = path["from"], path["to"]
        if a not in at or b not in at:
            continue
        try:
            found = f"{maps.walk(at[a], at[b]).metres:.0f} m by {name}"
        except GatewayError as error:
            found = f"{name}: {error}"
        print(f"{a} - {b}  {path['metres']:g} m in the file, {found}")


def _read(file: Path) -> "CampusFile":
    from models.rules.campus_file import CampusFileError, read

    try:
        passed = read(file.read_bytes())
    except OSError as error:
        give_up(f"cannot read {file}: {error.strerror}", MISUSED)
    except CampusFileError as refused:
        problems = "\n  ".join(refused.problems)
        give_up(f"{file} is refused, nothing was changed:\n  {problems}", MISUSED)
    for warning in passed.warnings:
        print(f"paotang: warning: {warning}", file=sys.stderr)
    return passed


def _default_account() -> WeChatAccount:
    try:
        return settings.load().wechat_account
    except ConfigurationError as error:
        raise ConfigurationError(f"the file brings no “account” of its own, and {error}") from None


def _say(loaded: "CampusLoaded", app_id: str, *, is_news: bool) -> None:
    print(f"{loaded.name}: menu version {loaded.menu_version}, served by {app_id}")
    for change in loaded.changes:
        print(f"  {change.kind}: {change.added} added, {change.changed} changed, "
              f"{change.removed} removed")
    for line in loaded.kept:
        print(f"  kept from the chat: {line}")
    if is_news:
        print("  credentials of the account: stored")
    if not loaded.changes and not is_news:
        print("  nothing has changed")
    print(f"  WeChat's server address is {settings.load().public_url}/wechat/{app_id}")
