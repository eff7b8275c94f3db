"""A campus file is taken whole or refused whole, and every mistake is named where it stands."""
import copy
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.rules.campus_file import MOST_PROBLEMS, CampusFileError, check, read
from models.rules.json_lines import NotJson, parse

WORLD = (Path(__file__).parent.parent / "corpora" / "world_dev.json").read_bytes()
FULL = {
    "campus": "南湖大学", "tz": "Asia/Shanghai",
    "class_periods": {"1": ["08:00", "08:45"]}, "named_times": {"熄灯": "23:00"},
    "carriers": ["圆通"],
    "places": [
        {"id": "p1", "name": "一食堂", "kind": "canteen", "lat": 30.5, "lng": 114.3},
        {"id": "p2", "name": "7栋", "aliases": ["七栋"],
         "rules": {"enter": "women", "until": "22:30", "drop_point": "大厅"}}],
    "paths": [{"from": "p1", "to": "p2", "metres": 320.5}],
    "options": [{"id": "o1", "name": "加蛋", "price_fen": 150, "group": "add"}],
    "zone": {"type": "Polygon", "coordinates": [[[114, 30], [115, 30], [115, 31], [114, 30]]]},
    "shops": [{
        "id": "s1", "name": "阿香", "place_id": "p1", "owners": ["oOwner_1"], "prep_minutes": 9,
        "min_order_fen": 1000, "hours": {"mon": [["17:00", "24:00"]], "tue": []},
        "dishes": [{"id": "d1", "name": "黄焖鸡", "price_fen": 1600, "options": ["o1"],
                    "aliases": ["hmj"], "stock": 20, "category": "主食"}]}],
    "riders": [{"openid": "oRider-1", "name": "老周", "phone": "138 0013 8000"}],
    "operators": [{"openid": "oBoss"}],
    "emergency": {"phone": "027-110", "on_duty": [{"openid": "oBoss", "name": "值班"}]},
    "fees": {"delivery_base_fen": 200, "per_100m_fen": 20, "errand_base_fen": 300,
             "surge_cap_fen": 500},
    "campaigns": [
        {"kind": "first_order", "off_fen": 500, "threshold_fen": 1500, "days": 7},
        {"kind": "student", "percent_off": 10, "name": "学生九折"},
        {"kind": "threshold", "threshold_fen": 3000, "off_fen": 300, "shops": ["s1"]},
        {"kind": "weekday", "weekdays": ["wed"], "free_delivery": True, "until": "2027-01-31"}],
    "account": {"app_id": "wx1", "secret": "s3cret", "token": "t0ken", "aes_key": "a" * 43},
}


def changed(path, value):
    """FULL with one value put in (or, for `...`, taken away)."""
    data = copy.deepcopy(FULL)
    *way, last = path
    spot = data
    for step in way:
        spot = spot[step]
    if value is ...:
        del spot[last]
    else:
        spot[last] = value
    return data


def problems_of(raw):
    with pytest.raises(CampusFileError) as refused:
        read(raw if isinstance(raw, bytes) else json.dumps(raw, ensure_ascii=False).encode())
    return refused.value.problems


def test_the_shipped_world_loads_as_it_stands():
    file = read(WORLD)

    assert file.warnings == ()
    assert len(file.data["shops"]) == 10
    assert file.data["campaigns"] == []
    assert file.data["shops"][0]["owners"] == []
    assert file.data["options"][0]["price_fen"] == 0


def test_a_file_with_everything_loads_and_keeps_what_it_says():
    file = check(FULL)

    assert file.warnings == ()
    assert file.data["shops"][0]["hours"] == FULL["shops"][0]["hours"]
    assert file.data["campaigns"] == FULL["campaigns"]
    assert file.data["places"][0]["aliases"] == []
    assert check(file.data).data == file.data


def test_the_least_file_gets_its_defaults():
    data = check({"campus": "小", "shops": [], "places": []}).data

    assert (data["tz"], data["options"], data["fees"], data["emergency"]) == (
        "+08:00", [], {}, {})


def test_a_problem_names_path_and_line_and_what_was_there():
    raw = WORLD.replace(b'"price_fen": 1900', b'"price_fen": "12"', 1)
    line = raw[:raw.index(b'"12"')].count(b"\n") + 1

    assert problems_of(raw) == (
        f'shops[0].dishes[1].price_fen (line {line}): '
        'must be a whole number from 0 to 10000000, not "12"',)


@pytest.mark.parametrize(("path", "value", "problem"), [
    (("campus",), ..., "“campus” is missing"),
    (("campus",), "  ", "text on one line"),
    (("campus",), "两\n行", "text on one line"),
    (("tz",), "+8", "an offset such as"),
    (("tz",), "Asia", "an offset such as"),
    (("tz",), "../etc/passwd", "an offset such as"),
    (("class_periods", "1"), ["08:45", "08:00"], "ends (08:00) before it begins (08:45)"),
    (("class_periods", "1"), ["8:00", "08:45"], "a time such as 08:05"),
    (("class_periods", "first"), ["08:00", "08:45"], "a number as text"),
    (("named_times", "熄灯"), "24:00", "named_times.熄灯"),
    (("carriers",), "圆通", "must be a list"),
    (("places", 0, "lat"), 91, "from -90 to 90"),
    (("places", 0, "lat"), True, "from -90 to 90"),
    (("places", 0, "lat"), ..., "only one of lat and lng"),
    (("places", 1, "id"), "p1", "the same as places[0].id"),
    (("places", 1, "aliases"), [3], "places[1].aliases[0]"),
    (("places", 1, "rules", "enter"), "cats", "must be one of"),
    (("paths", 0, "to"), "p9", 'there is no place "p9"'),
    (("paths", 0, "to"), "p1", "leads back to where it begins"),
    (("paths", 0, "metres"), 0, "a number above 0"),
    (("zone", "coordinates", 0, 3), [114, 31], "the last equal to the first"),
    (("zone", "type"), "Circle", 'must be "Polygon"'),
    (("options", 0, "price_fen"), -1, "options[0].price_fen"),
    (("shops", 0, "id"), "a b", "without spaces"),
    (("shops", 0, "place_id"), "p9", 'there is no place "p9"'),
    (("shops", 0, "owners"), [""], "an openid"),
    (("shops", 0, "owners"), ["oA", "oA"], "the same as shops[0].owners[0]"),
    (("shops", 0, "hours"), [], "leave it out for always open"),
    (("shops", 0, "hours"), [["10:00"]], "two times"),
    (("shops", 0, "hours"), [["24:00", "10:00"]], "a time such as 08:05"),
    (("shops", 0, "hours"), {"monday": []}, "shops[0].hours.monday"),
    (("shops", 0, "prep_minutes"), 12.0, "a whole number from 0 to 240, not 12.0"),
    (("shops", 0, "dishes"), {}, "must be a list, not an object"),
    (("shops", 0, "dishes", 0, "price_fen"), None, "price_fen: must be a whole number"),
    (("shops", 0, "dishes", 0, "price_fen"), True, "a whole number"),
    (("shops", 0, "dishes", 0, "options"), ["o7"], 'there is no option "o7"'),
    (("shops", 0, "dishes", 0, "stock"), -1, "stock"),
    (("riders",), [{"name": "老周"}], "“openid” is missing"),
    (("riders",), [{"openid": "r"}, {"openid": "r"}], "the same as riders[0].openid"),
    (("riders", 0, "phone"), 13800138000, "a telephone number as text"),
    (("emergency", "on_duty"), [7], "must be an object"),
    (("fees", "per_100m_fen"), 1.5, "fees.per_100m_fen"),
    (("campaigns", 0, "kind"), "lottery", "campaigns[0].kind: must be one of"),
    (("campaigns", 0, "off_fen"), ..., "“off_fen” is missing"),
    (("campaigns", 1, "percent_off"), 100, "from 1 to 99"),
    (("campaigns", 2, "shops"), ["s9"], 'there is no shop "s9"'),
    (("campaigns", 3, "weekdays"), [], "must not be empty"),
    (("campaigns", 3, "free_delivery"), ..., "needs one of free_delivery"),
    (("campaigns", 3, "until"), "31.1.2027", "a day such as"),
    (("account", "aes_key"), "short", "43 characters"),
    (("account", "secret"), ..., "“secret” is missing"),
])
def test_what_makes_no_sense_is_refused(path, value, problem):
    with pytest.raises(CampusFileError) as refused:
        check(changed(path, value))

    assert problem in "\n".join(refused.value.problems)


@pytest.mark.parametrize(("raw", "problem"), [
    (b"", "the file is empty"),
    (b" \n", "the file is empty"),
    ('{"campus": "大学"}'.encode("gbk"), "line 1: not UTF-8"),
    (b'{\n "campus": "a",\n}', "line 3, column 1: a comma stands before }"),
    (b'{\n "campus" "a"}', "line 2, column 11: expected a colon"),
    (b'{"campus": "a"', "the file ends too early"),
    (b"{'campus': 1}", 'expected a name in "double quotes"'),
    (b'{"campus": "a"} x', "column 17: there is more text"),
    (b'{"campus": tru}', "expected a value, found 'tru'"),
    (b'{"campus": 007}', "expected a value"),
    (b"[" * 5000, "nested deeper"),
    (b'["campus"]', "must be an object, not a list"),
    (b'{"campus": NaN}', "campus (line 1): NaN is not a number here"),
    (b'{"fees": {"delivery_base_fen": -Infinity}}', "-Infinity is not a number here"),
    (b'{"campus": 1e999}', "the number 1e999 is too large"),
    (b'{"campus": ' + b"9" * 5000 + b"}", "a number of 5000 characters is too long"),
    (b'{"campus": "a",\n "campus": "b"}', "campus (line 2): stands here twice"),
    (b'{"campus": "\\ud800"}', "holds half a character"),
    (b'{"campus": "\\u0000"}', "holds half a character"),
    (b'{"campus": "\\x"}', "is followed by something unknown"),
])
def test_what_is_no_proper_json_is_refused(raw, problem):
    assert problem in "\n".join(problems_of(raw))


def test_a_file_saved_by_notepad_is_read():
    assert read(b"\xef\xbb\xbf" + WORLD.replace(b"\n", b"\r\n")).data == read(WORLD).data


def test_all_problems_are_named_at_once_up_to_a_limit():
    data = copy.deepcopy(FULL)
    data["shops"][0]["dishes"] = [{"id": f"d{i}", "name": "x", "price_fen": -1}
                                  for i in range(100)]

    problems = problems_of(data)

    assert len(problems) == MOST_PROBLEMS + 1
    assert problems[-1] == "… and 80 more"


def test_secrets_and_people_are_not_repeated_in_the_problems():
    data = copy.deepcopy(FULL)
    data["account"]["secret"] = "hush hush\n"
    data["riders"][0] |= {"phone": "13800138000x", "openid": "o rider"}

    text = "\n".join(problems_of(data))

    assert len(text.splitlines()) == 3
    assert not any(secret in text for secret in ("hush", "1380013", "o rider"))


def test_what_is_not_known_is_a_warning_with_its_line():
    raw = WORLD.replace(b'"tz"', b'"colour": {"deep": [1]},\n "tz"', 1)

    file = read(raw)

    assert file.warnings == ("colour (line 2): not known here, ignored",)


def test_two_ways_of_different_length_are_a_warning():
    data = changed(("paths",), [{"from": "p1", "to": "p2", "metres": 100},
                                {"from": "p2", "to": "p1", "metres": 90}])

    assert check(data).warnings == (
        "paths[1]: the same way as paths[0]; the shorter one counts",)


def test_null_in_an_optional_field_is_the_same_as_leaving_it_out():
    without, null = changed(("shops", 0, "hours"), ...), changed(("shops", 0, "hours"), None)

    assert check(null).data == check(without).data


# --- whatever happens to a file, it is taken whole or refused with CampusFileError ------------

ODD_VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.just([]),
    st.just({}), st.just([[]]), st.sampled_from(["p1", "24:00", "99:99", -1, 2**70, 1e300]))


def taken(attempt):
    """The file, or None where it was refused for reasons that can be shown."""
    try:
        return attempt()
    except CampusFileError as refused:
        if not all(line.isprintable() for line in refused.problems) or not refused.problems:
            raise
        return None


def spots(value, path=()):
    """The path of everything in a tree."""
    yield path
    children = value.items() if isinstance(value, dict) else (
        enumerate(value) if isinstance(value, list) else ())
    for step, child in children:
        yield from spots(child, (*path, step))


SPOTS = [path for path in spots(FULL) if path]


@settings(deadline=None)
@given(path=st.sampled_from(SPOTS), value=st.one_of(st.just(...), ODD_VALUES))
def test_a_changed_value_is_refused_or_makes_a_file_that_checks_again(path, value):
    file = taken(lambda: check(changed(path, value)))

    assert file is None or check(file.data).data == file.data


@settings(deadline=None)
@given(st.data())
def test_changed_bytes_are_refused_or_read(data):
    raw = bytearray(json.dumps(FULL, ensure_ascii=False, indent=1).encode())
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(raw) - 1))
        raw[at:at + data.draw(st.integers(0, 3))] = data.draw(st.sampled_from(
            [b"", b"{", b"}", b"]", b",", b'"', b"\\", b"\xff", b"0", b"-", b"\n", b"null"]))

    file = taken(lambda: read(bytes(raw)))

    assert file is None or check(file.data).data == file.data


@settings(deadline=None)
@given(st.text(alphabet='{}[]",:\\ntrue0123456789.eE+-\n ', max_size=40))
def test_the_reader_takes_what_the_standard_reader_takes(text):
    try:
        expected = json.loads(text)
    except ValueError:
        with pytest.raises(NotJson):
            parse(text)
        return
    document = parse(text)
    if not document.flaws:
        assert document.value == expected


@settings(deadline=None)
@given(st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-2**40, 2**40), st.text(max_size=4)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.text(max_size=3), inner, max_size=3), max_leaves=12), st.sampled_from([None, 0, 3]))
def test_the_reader_agrees_with_the_standard_writer_and_knows_each_line(value, indent):
    text = json.dumps(value, indent=indent, ensure_ascii=indent == 3)

    document = parse(text)

    if not document.flaws:
        assert document.value == value
    lines = [document.line_of(path) for path in spots(document.value)]
    assert lines == sorted(lines)
    if indent is None:
        assert set(lines) == {1}
