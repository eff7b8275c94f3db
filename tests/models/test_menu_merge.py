"""Whose word counts when a campus file is loaded again: a property, and the cases by hand."""
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from models.rules.menu_merge import merged

DISH = st.fixed_dictionaries({"price_fen": st.integers(1, 4), "options": st.lists(
    st.sampled_from("ab"), unique=True, max_size=2)})
MENU = st.dictionaries(st.sampled_from("12345"), DISH, max_size=5)


def file(menu: dict[str, Any]) -> dict[str, Any]:
    return {"shops": [{"id": "s", "name": "店", "dishes": [
        {"id": key, "name": f"菜{key}", **dish} for key, dish in menu.items()]}]}


def menu(of: dict[str, Any]) -> dict[str, Any]:
    return {dish["id"]: dish for dish in of["shops"][0]["dishes"]}


@given(MENU, MENU)
def test_without_a_cook_s_word_the_file_is_taken_as_it_stands(base, theirs):
    assert merged(file(base), file(base), file(theirs)) == (file(theirs), [])


@given(MENU, MENU)
def test_a_file_that_says_nothing_new_changes_nothing(base, ours):
    kept, _ = merged(file(base), file(ours), file(base))
    assert menu(kept) == menu(file(ours))


@given(MENU, MENU, MENU)
def test_each_field_is_the_operator_s_if_changed_and_the_cook_s_otherwise(base, ours, theirs):
    result = menu(merged(file(base), file(ours), file(theirs))[0])
    for key, dish in menu(file(theirs)).items():
        was, cook = menu(file(base)).get(key), menu(file(ours)).get(key)
        if was is None:
            assert result[key] == dish
        elif cook is not None:
            assert result[key] == {name: dish[name] if dish[name] != was[name] else cook[name]
                                   for name in dish}
        else:
            assert (key in result) == (dish != was)


@given(MENU, MENU, MENU)
def test_what_a_cook_added_stays_and_what_the_operator_took_off_goes(base, ours, theirs):
    result = menu(merged(file(base), file(ours), file(theirs))[0])
    for key in ours.keys() - base.keys() - theirs.keys():
        assert key in result
    for key in (base.keys() & ours.keys()) - theirs.keys():
        assert key not in result


def test_a_dish_that_both_added_is_there_once():
    mine = {"id": "m1", "name": "菜9", "price_fen": 5, "options": []}
    ours = {"shops": [{"id": "s", "name": "店", "dishes": [mine]}]}
    assert list(menu(merged(file({}), ours, file({"9": {"price_fen": 4, "options": []}}))[0])) == [
        "9"]
