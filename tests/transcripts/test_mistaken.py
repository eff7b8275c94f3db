"""What is said of places, shops and times that there are not: it is never guessed past."""
import pytest

from tests.transcripts.stories import COOKING

AT_HOME = """
    小林  我住12栋302
    bot   address.saved
"""
QUOTED = AT_HOME + """
    小林  来份黄焖鸡米饭
    bot   order.quoted  code=$c
"""


@pytest.mark.parametrize("where", ["送到四号宿舍楼", "送到火星", "送20栋", "送到清华吧"])
def test_an_order_for_a_place_that_is_not_here_asks_for_another(chat, where):
    chat.play(AT_HOME + f"""
        小林  来份黄焖鸡米饭，{where}
        bot   order.where_to  没找到  东区9号楼  code=$c
        小林  〔就送东区12号楼 302〕
        bot   order.quoted  code=$c  黄焖鸡米饭 ¥16.00  东区12号楼 302
    """)


def test_a_building_that_is_not_here_is_no_amount(chat):
    chat.play(AT_HOME + """
        小林  来份黄焖鸡米饭，送到四号宿舍楼
        bot   order.where_to  没找到“四号宿舍楼”
        小林  西3 206
        bot   order.quoted  黄焖鸡米饭 ¥16.00  西区3号楼 206
    """)
    assert "×" not in chat.last("小林")


@pytest.mark.parametrize("said", [
    "送到四号宿舍楼", "改送到4栋", "我在四号楼", "能送到四号宿舍楼吗"])
def test_a_draft_is_not_sent_to_a_place_that_is_not_here(chat, said):
    chat.play(QUOTED + f"""
        小林  {said}
        bot   address.ask_other  没找到  东区9号楼
        小林  〔就送东区12号楼 302〕
        bot   order.quoted  code=$c  东区12号楼 302
        小林  {said}
        bot   address.ask_other
        小林  9栋412
        bot   order.quoted  code=$c  东区9号楼 412
    """)


def test_what_is_said_beside_a_place_that_is_not_here_is_done(chat):
    chat.play(QUOTED + """
        小林  改成两份 送到四号宿舍楼
        bot   address.ask_other  没找到“四号宿舍楼”
        小林  9栋412
        bot   order.quoted  ×2  东区9号楼 412
    """)


@pytest.mark.parametrize("said", ["四号宿舍楼302", "我在四号楼", "送到四号楼"])
def test_who_is_new_and_lives_nowhere_hears_where_there_is(chat, said):
    chat.stage.add("小周", "student")
    chat.play(f"""
        (小周 follows)
        小周  {said}
        bot   address.ask_other  没找到  东区9号楼
        小周  9栋 412
        bot   address.saved  东区9号楼412
    """)


def test_a_paid_order_stays_where_it_goes(chat):
    chat.play(COOKING + """
        小林  送到四号宿舍楼
        bot   redirect.where  没找到“四号宿舍楼”  原来送东区12号楼
        小林  12栋415
        bot   redirect.done  415
    """)


def test_an_errand_for_a_place_that_is_not_here_asks_for_another(chat):
    chat.play(AT_HOME + """
        小林  帮我拿快递 菜鸟 3-2-1045 送到20栋
        bot   errand.noted  没找到“20栋”
        小林  〔就送东区12号楼 302〕
        bot   errand.quoted  东区12号楼 302
        小林  【菜鸟驿站】您的包裹已送到校外超市代收点，请凭3-2-1046取件
        bot   errand.quoted  2件一趟  东区12号楼 302
    """)


@pytest.mark.parametrize("said", ["送到楼上", "送到我寝室", "送到大门口", "送到宿管那", "送到就行"])
def test_what_is_no_name_of_a_place_is_not_taken_for_one(chat, said):
    chat.play(AT_HOME + f"""
        小林  来份黄焖鸡米饭 {said}
        bot   order.quoted  东区12号楼 302
    """)


@pytest.mark.parametrize(("said", "one", "other"), [
    ("两份 一份微辣一份不辣", "微辣", "不辣"), ("一份大份 一份小份", "大份", "小份"),
    ("两份 一份辣一份不辣", "黄焖鸡米饭 ¥16.00", "不辣"),
    ("要两份 一份要辣 一份不要辣", "黄焖鸡米饭 ¥16.00", "不辣")])
def test_a_draft_is_made_in_two_ways(chat, said, one, other):
    chat.play(QUOTED + f"""
        小林  {said}
        bot   order.quoted  code=$c  {one}  {other}
    """)
    assert chat.last("小林").count("黄焖鸡米饭") == 2


def test_more_of_it_and_made_otherwise(chat):
    chat.play(QUOTED + """
        小林  再来两份微辣
        bot   order.quoted  code=$c  黄焖鸡米饭 ¥16.00  黄焖鸡米饭 微辣 ×2
        小林  加两个蛋
        bot   order.quoted  加蛋
    """)


def test_the_first_of_two_ways_stands_before_the_name(chat):
    chat.play(AT_HOME + """
        小林  一份微辣的黄焖鸡 一份不辣的
        bot   order.quoted  黄焖鸡米饭 微辣 ¥16.00  黄焖鸡米饭 不辣 ¥16.00
    """)
