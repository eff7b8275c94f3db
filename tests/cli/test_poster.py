"""`poster` and `menu publish`, as an operator runs them."""
import zlib
from pathlib import Path

import pytest
import segno
from click.testing import CliRunner

from cli.menu import menu
from cli.poster import poster
from models.campus import Place
from simulator import qr_codes


@pytest.fixture
def run(chat, tmp_path):
    def one(*arguments):
        return CliRunner().invoke(poster, [*arguments, "--out", str(tmp_path / "posters")])
    return one


@pytest.fixture
def place(chat, database):
    with database() as session:
        return session.query(Place).order_by(Place.key).first()


def pixels(png: Path) -> list[str]:
    """The rows of a one-bit grey PNG, as zeros (black) and ones."""
    content, at, packed, width = png.read_bytes(), 8, b"", 0
    while at < len(content):
        length, kind = int.from_bytes(content[at:at + 4], "big"), content[at + 4:at + 8]
        part = content[at + 8:at + 8 + length]
        width = int.from_bytes(part[:4], "big") if kind == b"IHDR" else width
        packed += part if kind == b"IDAT" else b""
        at += 12 + length
    raw, stride = zlib.decompress(packed), 1 + (width + 7) // 8
    rows, above = [], bytes(stride - 1)
    for start in range(0, len(raw), stride):
        filtered, row = raw[start], raw[start + 1:start + stride]
        assert filtered in (0, 2)  # as it is, or what differs from the row above
        above = row if filtered == 0 else bytes(
            (a + b) % 256 for a, b in zip(row, above, strict=True))
        rows.append("".join(f"{byte:08b}" for byte in above)[:width])
    return rows


def test_a_poster_for_a_place(chat, run, place, tmp_path):
    told = run(place.name)

    assert told.exit_code == 0, told.output
    svg = (tmp_path / "posters" / f"b_{place.key}.svg").read_text("utf-8")
    assert f"送到{place.name}" in svg
    world = chat.stage.world
    (ticket, code), = world.qr_tickets.items()
    assert (code["scene"], code["until"]) == (f"b_{place.key}", None)
    drawn = pixels(tmp_path / "posters" / f"b_{place.key}.png")
    wanted = segno.make_qr(qr_codes.address(ticket), error="m").matrix_iter(scale=24, border=4)
    assert drawn == ["".join("0" if bit else "1" for bit in row) for row in wanted]


def test_who_scans_it_is_known_to_stand_there(chat, run, place):
    """From the picture's words to the first sentence that the new follower reads."""
    run(place.key)
    world = chat.stage.world
    chat.stage.add("新同学", followed=False)
    (ticket, _), = world.qr_tickets.items()
    scene = world.scene_of(qr_codes.address(ticket))
    outcome = world.scan("新同学", scene)

    assert place.name in outcome.reply


def test_codes_are_made_once(chat, run, place):
    run(place.key)
    again = run(place.key)

    assert "kept" in again.stdout
    assert len(chat.stage.world.qr_tickets) == 1


def test_all_places(chat, run, database, tmp_path):
    assert run("--all").exit_code == 0
    with database() as session:
        keys = {f"b_{place.key}" for place in session.query(Place)}
    made = {path.stem for path in (tmp_path / "posters").iterdir()}
    assert made == keys == {code["scene"] for code in chat.stage.world.qr_tickets.values()}


@pytest.mark.parametrize(("arguments", "status", "said"), [
    ((), 2, "name places, or say --all"), (("nowhere",), 1, "no place goes by nowhere"),
    (("x", "--all"), 2, "name places, or say --all")])
def test_what_is_refused(chat, run, arguments, status, said):
    told = run(*arguments)

    assert told.exit_code == status
    assert said in told.stderr
    assert chat.stage.world.qr_tickets == {}


def test_a_wechat_that_refuses(chat, run, place):
    chat.stage.world.faults.add("/cgi-bin/qrcode/create", errcode=45009, errmsg="no more")
    told = run(place.key)

    assert told.exit_code == 1
    assert "45009" in told.stderr


def test_menus_are_published_by_command(chat):
    told = CliRunner().invoke(menu, ["publish"])
    assert told.exit_code == 0, told.output
    assert "a menu for each of student, rider, merchant; 2 people to be tagged" in told.stdout
    nobody = CliRunner().invoke(menu, ["publish", "--app", "wx0"])
    assert nobody.exit_code == 1
    assert "no account goes by wx0" in nobody.stderr
    chat.stage.world.faults.add("/cgi-bin/menu/get", errcode=48001, errmsg="api unauthorized")
    refused = CliRunner().invoke(menu, ["publish"])
    assert refused.exit_code == 1
    assert "48001" in refused.stderr
