"""Menus as cooks type them."""
import pytest

from bot.nlu.menu_text import read_menu


@pytest.mark.parametrize(("text", "menu"), [
    ("今天加个新菜 番茄牛腩饭 小15大18，卤蛋涨到2块",
     {"番茄牛腩饭": {"小": 1500, "大": 1800}, "卤蛋": {"": 200}}),
    ("黄焖鸡米饭 16\n黄焖排骨饭 19元\n番茄牛腩饭（小）15（大）18\n冰红茶500ml 3.5\n3号套餐 15块",
     {"黄焖鸡米饭": {"": 1600}, "黄焖排骨饭": {"": 1900}, "番茄牛腩饭": {"小": 1500, "大": 1800},
      "冰红茶500ml": {"": 350}, "3号套餐": {"": 1500}}),
    ("1. 黄焖鸡 16\n2. 米饭 2", {"黄焖鸡": {"": 1600}, "米饭": {"": 200}}),
    ("黄焖鸡改成17", {"黄焖鸡": {"": 1700}}),
    ("黄焖豆腐饭不卖了", {"黄焖豆腐饭": {}}),
    ("新增可乐 3.5 雪碧 3块5", {"可乐": {"": 350}, "雪碧": {"": 350}}),
    ("酸梅汤￥4、可乐￥4", {"酸梅汤": {"": 400}, "可乐": {"": 400}}),
    ("上新：爆辣鸡翅(5个)18元", {"爆辣鸡翅(5个)": {"": 1800}}),
    ("招牌牛肉面大碗16小碗13，加蛋2元",
     {"招牌牛肉面": {"大": 1600, "小": 1300}, "加蛋": {"": 200}}),
])
def test_names_and_prices(text, menu):
    assert {line.name: dict(line.prices) for line in read_menu(text)} == menu


@pytest.mark.parametrize("text", [
    "可乐卖完了", "A27出餐", "10分钟就好", "12:30前送到", "来份黄焖鸡 15块以内", "今天12点关门",
    "卤蛋2块", "", "再等5分钟，还差2份", "16栋的单好了", "9" * 3000,
])
def test_what_is_no_menu(text):
    assert read_menu(text) == []


def test_one_bare_line_counts_when_it_was_asked_for():
    assert [line.name for line in read_menu("卤蛋 2块2", is_asked=True)] == ["卤蛋"]
