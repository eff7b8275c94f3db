"""The end of journey 10: a cook writes the menu, sees the difference, and publishes it."""
import json

import pytest
from sqlalchemy import select

from config import settings
from handlers.campus import load_campus
from models.base import Sessions, utcnow
from models.campus import Account, Campus
from models.menu import MenuChange
from models.shop import Dish
from tests.support.transcript import Chat


@pytest.fixture
def data(chat: Chat) -> dict:
    """The demo campus: 阿香 answers for her own shop, 小妹 for the next one."""
    data = json.loads((settings.ROOT / "config/campuses/demo.json").read_text("utf-8"))
    chat.stage.add("小妹", "merchant")
    for shop, owner in zip(data["shops"], ("阿香", "小妹"), strict=False):
        shop["owners"] = [chat.stage.openid(owner)]
    data["riders"] = []
    return data


@pytest.fixture
def campus(chat: Chat, data: dict) -> Chat:
    chat.stage.load(data)
    return chat


def reload(data: dict, **how: bool):
    with Sessions.begin() as session:
        app_id = session.scalars(select(Account.app_id)).one()
        return load_campus(session, data, app_id=app_id, now=utcnow(), **how)


def test_a_sentence_becomes_the_menu_at_a_tap_and_can_be_ordered_at_once(campus):
    campus.play("""
        阿香  今天加个新菜 番茄牛腩饭 小15大18，卤蛋涨到2块5
        bot   menu_change.shown  新增  番茄牛腩饭  小¥15  大¥18  ¥2  →  ¥2.5
        阿香  〔对，上架〕
        bot   menu_change.published  番茄牛腩饭
        小林  来份番茄牛腩饭大份 送12栋302
        bot   order.quoted  番茄牛腩饭  大份  ¥18.00
        小林  来个卤蛋和一份黄焖鸡 送12栋302
        bot   order.quoted  ¥2.50
    """)


def test_nothing_changes_without_the_tap_and_an_old_proposal_is_not_published(campus):
    campus.play("""
        阿香  卤蛋涨到3块
        bot   menu_change.shown  ¥2  →  ¥3
        阿香  卤蛋涨到4块
        bot   menu_change.shown  ¥2  →  ¥4
        阿香  〔¥3 对，上架〕
        bot   menu_change.shown  ¥2  →  ¥4
    """)
    assert price("卤蛋") == 200
    campus.play("""
        阿香  〔改一下〕
        bot   menu_change.say_again
        阿香  卤蛋 2块2
        bot   menu_change.shown  ¥2  →  ¥2.2
        阿香  〔对，上架〕
        bot   menu_change.published
        阿香  〔对，上架〕
        bot   menu_change.published_before
    """)
    assert price("卤蛋") == 220


def test_a_price_that_moved_meanwhile_is_shown_again(campus, data):
    campus.play("""
        阿香  卤蛋涨到3块
        bot   menu_change.shown  ¥2  →  ¥3
    """)
    data["shops"][0]["dishes"][9]["price_fen"] = 250
    reload(data)
    campus.play("""
        阿香  〔对，上架〕
        bot   menu_change.shown  ¥2.5  →  ¥3
        阿香  〔¥2.5 对，上架〕
        bot   menu_change.published
    """)


def test_nobody_else_publishes_a_shop_s_menu(campus):
    campus.play("""
        阿香  卤蛋涨到3块
        bot   menu_change.shown
    """)
    with Sessions() as session:
        code = session.scalars(select(MenuChange.code)).one()
    campus.play(f"""
        小妹  菜单确认{code}
        bot   menu_change.unknown
        小妹  菜单修改{code}
        bot   menu_change.unknown
        小林  菜单确认{code}
        小妹  卤蛋涨到9块
        bot   menu_change.shown  新增
    """)
    assert price("卤蛋") == 200


def test_a_whole_list_and_what_is_sold_no_more(campus):
    campus.play("""
        阿香  黄焖鸡米饭 16 黄焖排骨饭 20 香辣鱼块饭 18 可乐 4.5 雪碧 4.5 芬达 4.5 凉茶 5
        bot   menu_change.shown  ¥19  →  ¥20  香辣鱼块饭  还有
        阿香  〔对，上架〕
        bot   menu_change.published
        阿香  黄焖豆腐饭不卖了
        bot   menu_change.shown  黄焖豆腐饭  从菜单拿掉
        阿香  〔只是今天没了〕
        bot   kitchen.sold_out  黄焖豆腐饭
        阿香  酸梅汤停30分钟
        bot   menu_change.paused  酸梅汤
        小林  来杯酸梅汤 送12栋302
        bot   order.all_sold_out
        (31 min pass)
        小林  来杯酸梅汤 送12栋302
        bot   order.quoted  酸梅汤
        小林  冰粉今天没了
    """)


def test_with_several_shops_it_is_asked_which(chat, data):
    for shop in data["shops"][:2]:
        shop["owners"] = [chat.stage.openid("阿香")]
    chat.stage.load(data)
    chat.play("""
        阿香  上新：爆辣鸡翅18元
        bot   menu_change.which_shop  阿香黄焖鸡米饭  渝小妹麻辣烫
        阿香  〔渝小妹麻辣烫〕
        bot   menu_change.shown  新增  爆辣鸡翅
        阿香  〔对，上架〕
        bot   menu_change.published
        阿香  毛血旺改成25
        bot   menu_change.shown  ¥24  →  ¥25
    """)
    with Sessions() as session:
        assert session.scalars(select(Dish).filter_by(name="爆辣鸡翅")).one().shop.key == "as02"


def test_the_next_campus_file_keeps_the_cook_s_word_where_it_says_nothing_new(campus, data):
    campus.play("""
        阿香  新增 番茄牛腩饭 15，卤蛋涨到3块，米饭改成1块
        bot   menu_change.shown
        阿香  〔对，上架〕
        bot   menu_change.published
        阿香  黄焖豆腐饭不卖了
        阿香  〔对，上架〕
        bot   menu_change.published
    """)
    again = reload(data)
    assert again.changes == ()
    assert len(again.kept) == 4
    data["shops"][0]["dishes"][8]["price_fen"] = 150  # the operator speaks of 米饭 himself
    loaded = reload(data)
    assert [(change.kind, change.changed) for change in loaded.changes] == [("dishes", 1)]
    assert (price("卤蛋"), price("米饭"), price("番茄牛腩饭")) == (300, 150, 1500)
    assert price("黄焖豆腐饭") is None
    with Sessions() as session:
        file = session.scalars(select(Campus)).one().file
    assert "番茄牛腩饭" in [dish["name"] for dish in file["shops"][0]["dishes"]]

    reload(data, keeps_chat=False)
    assert (price("卤蛋"), price("番茄牛腩饭"), price("黄焖豆腐饭")) == (200, None, 1300)


def price(name: str) -> int | None:
    with Sessions() as session:
        query = select(Dish.price_fen).join(Dish.shop).filter(
            Dish.name == name, Dish.is_listed, Dish.shop.has(key="as01"))
        return session.scalars(query).one_or_none()
