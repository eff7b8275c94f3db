"""`poster PLACE…`: a building's QR code, to be printed and hung up at its door."""
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.base import MISUSED, command, give_up
from cli.database import transaction
from config import menus, settings
from gateways.errors import GatewayError

if TYPE_CHECKING:
    from gateways.wechat import WeChat
    from models.campus import Place

PIXELS_A_MODULE = 24  # about 8 cm at 300 dots an inch
WIDTH, HEIGHT, CODE = 420, 594, 300  # of the poster, in quarter millimetres: A6
CORRECTION = "m"  # a little rain and a scratch


@command("poster")
@click.argument("places", nargs=-1, metavar="PLACE…")
@click.option("--out", required=True, metavar="DIR",
              type=click.Path(file_okay=False, path_type=Path))
@click.option("--all", "everywhere", is_flag=True, help="Every place of the campus.")
@click.option("--campus", metavar="NAME", help="Where several campuses have a place of that name.")
def poster(places: tuple[str, ...], out: Path, everywhere: bool, campus: str | None) -> None:
    """Make permanent QR codes for places: who scans one is known to stand there.

    PLACE is a place's id in the campus file, or its name. For each, DIR gets NAME.svg, a poster,
    and NAME.png, the code alone. Those that are there already are kept, since WeChat gives an
    account 100 000 permanent codes and no more.
    """
    if bool(places) == everywhere:
        give_up("name places, or say --all", MISUSED)
    found = list(_found(places, campus))
    out.mkdir(parents=True, exist_ok=True)
    for wechat, place in found:
        svg, png = (out / f"b_{place.key}{ending}" for ending in (".svg", ".png"))
        if svg.exists() and png.exists():
            print(f"{svg}: kept")
            continue
        try:
            code = wechat.create_qr(f"b_{place.key}")
        except GatewayError as error:
            give_up(f"{place.name}: {error}")
        draw(code.url, place.name, svg, png)
        print(f"{svg}: {place.name}")


def _found(names: tuple[str, ...], campus: str | None) -> "Iterator[tuple[WeChat, Place]]":
    from gateways.wechat import WeChat

    base = settings.load().wechat_api_base
    rows = _places(campus)
    for name in names or sorted({place.key for _, _, place in rows}):
        fitting = [row for row in rows if name in (row[2].key, row[2].name)]
        if not fitting:
            give_up(f"no place goes by {name}")
        if len({row[2].id for row in fitting}) > 1 and names:
            give_up(f"several places go by {name}: use the id, or add --campus NAME", MISUSED)
        for app_id, secret, place in fitting:
            yield WeChat(app_id, secret, api_base=base), place


def _places(campus: str | None) -> "list[tuple[str, str, Place]]":
    """(app id, its secret, place), one row for each place that an account serves."""
    from sqlalchemy import select

    from models.campus import Account, Campus, Place

    with transaction() as session:
        query = select(Account, Place).join(Campus, Campus.id == Account.campus_id).join(
            Place, Place.campus_id == Campus.id).where(Place.is_listed)
        if campus:
            query = query.where(Campus.name == campus)
        return [(account.app_id, account.secret, place)
                for account, place in session.execute(query.order_by(Account.app_id, Place.key))]


def draw(url: str, place: str, svg: Path, png: Path) -> None:
    """The code alone as a picture, and the poster around it as a drawing."""
    import segno

    code = segno.make_qr(url, error=CORRECTION)
    code.save(str(png), scale=PIXELS_A_MODULE, border=4)
    svg.write_text(_sheet(code.svg_inline(border=4, omitsize=True), place), "utf-8")


def _sheet(code: str, place: str) -> str:
    from xml.sax.saxutils import escape

    headline, line, foot = (escape(words) for words in menus.poster(place))
    left, top, middle = (WIDTH - CODE) // 2, 150, WIDTH // 2
    placed = code.replace("<svg ", f'<svg x="{left}" y="{top}" width="{CODE}" height="{CODE}" ', 1)
    return f"""<svg xmlns="http://www.w3.org/2000/svg" width="105mm" height="148.5mm"
  viewBox="0 0 {WIDTH} {HEIGHT}" font-family="PingFang SC, Noto Sans CJK SC, sans-serif">
<title>{escape(place)}</title>
<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>
<rect width="{WIDTH}" height="12" fill="#07c160"/>
<text x="{middle}" y="72" font-size="40" font-weight="700" text-anchor="middle">{headline}</text>
<text x="{middle}" y="118" font-size="22" text-anchor="middle"
  textLength="{min(WIDTH - 40, 22 * len(line))}" lengthAdjust="spacingAndGlyphs">{line}</text>
{placed}
<text x="{middle}" y="510" font-size="20" text-anchor="middle" fill="#666">{foot}</text>
</svg>
"""
