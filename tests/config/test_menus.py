"""The account's menus keep within WeChat's limits, and say words that people could type."""
import pytest

from config import menus

ALL = [None, *menus.ROLES]


@pytest.mark.parametrize("role", ALL)
def test_columns_items_and_names_fit(role):
    columns = menus.buttons(role)

    assert 1 <= len(columns) <= menus.MOST_COLUMNS
    for column in columns:
        assert 1 <= len(column["name"].encode()) <= 16
        assert 1 <= len(column["sub_button"]) <= menus.MOST_ITEMS
        for item in column["sub_button"]:
            assert 1 <= len(item["name"].encode()) <= 60
            assert 1 <= len(item["key"].encode()) <= 128


@pytest.mark.parametrize("role", ALL)
def test_help_and_alarm_are_on_every_menu(role):
    words = {item["key"] for column in menus.buttons(role) for item in column["sub_button"]}

    assert {"帮助", "人工", "SOS", "取消", "到哪了"} <= words


def test_tags_have_names_of_their_own():
    assert len(set(menus.TAGS.values())) == len(menus.ROLES)
    assert all(len(name) <= 30 for name in menus.TAGS.values())
