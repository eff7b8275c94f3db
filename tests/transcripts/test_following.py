"""Journey 1: the first contact, and where somebody lives."""
from tests.transcripts.test_first_lunch import LUNCH


def test_a_poster_knows_the_building_and_asks_for_the_room(chat):
    chat.stage.add("小陈", "student", followed=False)
    chat.play("""
        (小陈 follows b_ap02)
        bot   welcome.at_place  place=东区12号楼
        小陈  412 小陈
        bot   address.saved  东区12号楼412  小陈  满15可用
        小陈  来份黄焖鸡米饭
        bot   order.quoted  code=$c  东区12号楼 412
    """)


def test_without_a_poster_the_address_is_asked_for(chat):
    chat.stage.add("小周", "student", followed=False)
    chat.play("""
        (小周 follows)
        bot   welcome.where
        小周  东区9号楼 302 小周
        bot   address.saved  东区9号楼302  小周
        小周  来份黄焖鸡米饭
        bot   order.quoted  东区9号楼 302
    """)


def test_a_code_that_means_nothing_here_is_as_good_as_none(chat):
    chat.stage.add("小周", "student", followed=False)
    chat.play("""
        (小周 follows b_nowhere)
        bot   welcome.where
        小周  412 小周
        bot   address.ask
    """)


def test_the_poster_of_another_house_is_corrected_by_a_tap(chat):
    chat.stage.add("小陈", "student", followed=False)
    chat.play("""
        (小陈 follows b_ap02)
        bot   welcome.at_place
        小陈  〔不是这栋〕
        bot   address.ask
        小陈  东区9号楼
        bot   address.saved  房号也说一声
        小陈  412 小陈
        bot   address.saved  东区9号楼412  小陈
    """)


def test_a_building_typed_instead_of_a_room_is_no_room(chat):
    chat.stage.add("小陈", "student", followed=False)
    chat.play("""
        (小陈 follows b_ap02)
        小陈  9栋
        bot   address.saved  东区9号楼  房号也说一声
        小陈  12栋
        bot   address.saved  东区12号楼  房号也说一声
    """)


def test_an_address_is_understood_long_after_it_was_asked_for(chat):
    chat.stage.add("小周", "student", followed=False)
    chat.play("""
        (小周 follows)
        bot   welcome.where
        (5 h pass)
        小周  东区9号楼 302 小周
        bot   address.saved  东区9号楼302  小周
        (5 h pass)
        小周  东区12号楼 415 小周
        bot   address.saved  东区12号楼415
    """)


def test_whoever_comes_back_is_known(chat):
    chat.stage.add("小陈", "student", followed=False)
    chat.play("""
        (小陈 follows b_ap02)
        小陈  412 小陈
        bot   address.saved
        (小陈 leaves)
        (小陈 follows)
        bot   welcome.back  place=东区12号楼
        (小陈 scans b_ap01)
        bot   welcome.at_place  place=东区9号楼
    """)


def test_the_menu_can_be_seen_before_anything_is_said(chat):
    chat.stage.add("小陈", "student", followed=False)
    chat.play("""
        (小陈 follows)
        小陈  〔先看菜单〕
        bot   menu.shops
        小陈  〔阿香黄焖鸡米饭〕
        bot   menu.dishes  shop=阿香黄焖鸡米饭
        小陈  〔黄焖鸡米饭〕
        bot   order.where_to  code=$c
        小陈  12栋302
        bot   order.quoted  code=$c  黄焖鸡米饭  东区12号楼 302
    """)


def test_cooks_and_riders_are_greeted_at_their_work(chat):
    chat.play("""
        (阿香 leaves)
        (阿香 follows)
        bot   welcome.merchant  等10家店
        (阿哲 leaves)
        (阿哲 follows)
        bot   welcome.rider  name=阿哲
        阿哲  〔上线〕
        bot   rider.online
    """)


def test_the_newcomers_discount_is_gone_after_seven_days(chat):
    chat.stage.add("小陈", "student", followed=False)
    chat.play("""
        (小陈 follows b_ap02)
        小陈  412 小陈
        bot   address.saved  满15可用
        小陈  来份黄焖鸡米饭
        bot   order.quoted  payable=¥13.00
        (170 h pass)
        小陈  东区12号楼 412 小陈
        bot   address.saved  offer=
        小陈  取消
        小陈  来份黄焖鸡米饭
        bot   order.quoted  payable=¥18.00
    """)


def test_somebody_who_left_is_told_nothing_more(chat):
    chat.play(LUNCH.partition("(work)")[0])
    chat.play("""
        (小林 leaves)
        (work)
        quiet 小林
        card  阿香  merchant_order
    """)
