"""What is said of places, shops and times that there are not: it is never guessed past."""
import pytest

from tests.transcripts.stories import COOKING, PAID
from tests.transcripts.test_complaints import delivered

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


@pytest.mark.parametrize("said", ["加点醋", "放门卫", "放楼下大厅就行", "不要米饭", "多放点米饭"])
def test_what_no_option_says_is_a_remark(chat, said):
    chat.play(QUOTED + f"""
        小林  {said}
        bot   order.quoted  code=$c  合计 ¥13.00  备注：{said}
    """)


def test_a_remark_is_said_with_the_order_and_whole(chat):
    chat.play(AT_HOME + """
        小林  来份黄焖鸡米饭不要米饭 加双筷子
        bot   order.quoted  备注：加双筷子；不要米饭
    """)


@pytest.mark.parametrize(("said", "words"), [
    ("不要香菜", "不要香菜"), ("改成微辣", "改成微辣"), ("我不在 放楼下", "放楼下"),
    ("加双筷子", "加双筷子"), ("晚点送", "晚点送"), ("改到一点送", "改到一点送"),
    ("下课后再送吧", "下课后再送吧")])
def test_a_wish_that_costs_nothing_is_passed_on_after_payment(chat, said, words):
    chat.play(PAID.replace("微辣", "不辣") + f"""
        小林  {said}
        bot   relay.told_shop  {words}
    """)


def test_what_costs_more_is_not_passed_on(chat):
    chat.play(COOKING + """
        小林  换成大份
        bot   order.too_late_to_change
    """)


def test_a_time_that_no_clock_shows_is_asked_about(chat):
    chat.play(AT_HOME + """
        (it is 10:00)
        小林  来份黄焖鸡米饭 下课后送
        bot   order.quoted  “下课后”是几点  code=$c
        小林  第四节下课送
        bot   order.quoted  when=11:40
        小林  晚点送
        bot   order.ask_time  晚点
        小林  〔时间不改〕
        bot   order.quoted  code=$c  when=11:40
        小林  25点送
        bot   order.ask_time  “25点”
        小林  12点半
        bot   order.quoted  when=12:30
    """)


def test_an_hour_that_no_clock_has_is_no_amount(chat):
    chat.play(AT_HOME + """
        小林  来份黄焖鸡米饭 25点送
        bot   order.quoted  黄焖鸡米饭 ¥16.00  “25点”是几点
    """)


@pytest.mark.parametrize("said", ["地址错了", "改地址", "填错地址了"])
def test_a_wrong_address_is_asked_for_anew_of_the_order_in_hand(chat, said):
    chat.play(QUOTED + f"""
        小林  {said}
        bot   order.where_to  code=$c
        小林  9栋412
        bot   order.quoted  code=$c  东区9号楼 412
    """)


@pytest.mark.parametrize("said", ["地址错了", "改地址"])
def test_a_wrong_address_after_payment(chat, said):
    chat.play(COOKING + f"""
        小林  {said}
        bot   redirect.where  code=$c
        小林  12栋415
        bot   redirect.done  415
    """)


def test_a_wrong_room_is_said_beside_the_right_one(chat):
    chat.play(QUOTED + """
        小林  地址写错了 是303不是302
        bot   order.quoted  code=$c  东区12号楼 303
        小林  〔确认付款〕
        (小林 pays)
        (work)
        小林  地址不对，不是303是304
        bot   redirect.done  304
    """)


@pytest.mark.parametrize(("said", "name", "instead"), [
    ("蜜雪冰城有吗", "蜜雪冰城", "奶茶"), ("有没有麦当劳", "麦当劳", "香辣鸡腿堡"),
    ("我要肯德基", "肯德基", "堡"), ("瑞幸", "瑞幸", "燕麦拿铁"),
    ("来杯瑞幸的生椰拿铁", "瑞幸", "燕麦拿铁")])
def test_a_shop_that_is_not_here_is_said_so(chat, said, name, instead):
    chat.play(AT_HOME + f"""
        小林  {said}
        bot   suggest.instead  这里没有{name}  {instead}
    """)


def test_a_kind_of_shop_is_found_by_its_other_name(chat):
    chat.play(AT_HOME + """
        小林  有清真的吗
        bot   menu.dishes  老马家兰州拉面
        小林  有没有饺子
        bot   suggest.named  蒸饺
    """)


def test_who_eats_nothing_hot_is_offered_nothing_hot(chat):
    chat.play(AT_HOME + """
        小林  我不吃辣 有什么
        bot   suggest.so  清淡的有
        小林  不点了
        bot   back.dropped
        小林  想喝冰的
        bot   suggest.so  奶茶
    """)


def test_a_draft_is_exchanged_for_another_shops_dish(chat):
    chat.play(QUOTED + """
        小林  换成麻辣烫
        bot   order.quoted  招牌麻辣烫  东区12号楼 302
        小林  加杯珍珠奶茶
        bot   order.nothing_changed  一单一家店
        小林  〔确认付款〕
        bot   order.confirmed
    """)
    assert "黄焖鸡" not in chat.last("小林")


def test_how_much_in_every_state(chat):
    chat.play("""
        小林  来份黄焖鸡米饭
        bot   order.where_to  code=$c
        小林  多少钱
        bot   order.where_to  黄焖鸡米饭 ¥16.00  配送费看送到哪
        小林  12栋302
        bot   order.quoted  code=$c
        小林  多少钱
        bot   order.quoted  合计 ¥13.00
        小林  〔确认付款〕
        bot   order.confirmed
        小林  多少钱
        bot   status.awaiting_payment  payable=¥13.00
        (小林 pays)
        (work)
        小林  多少钱啊
        bot   order.paid_sum  付了 ¥13.00  配送¥2.00 首单-¥5.00
        阿香  接$c
        阿哲  上线
        (work)
        阿哲  多少钱
        bot   rider.in_hand  黄焖鸡米饭  跑腿¥
        阿哲  接$c
        阿哲  这单多少
        bot   rider.in_hand  黄焖鸡米饭  跑腿¥
    """)


def test_money_that_worries(chat):
    chat.play(AT_HOME + """
        小林  重复扣款了
        bot   question.nothing_paid
        小林  首单减五是什么
        bot   question.first_order  减5
        小林  打包费要钱吗
        bot   question.packing
        小林  能退吗
        bot   question.refund
        小林  快递代取多少钱
        bot   question.fee_errand  跑腿¥3.00起
        小林  退了没
        bot   back.no_refund
    """)
    chat.play(PAID + """
        小林  付了两次钱
        bot   question.paid_once  ¥13.00
        小林  首单减五是什么
        bot   question.first_order_over
    """)


@pytest.mark.parametrize("said", ["没收到", "我收到了", "？？", "😭😭"])
def test_an_order_on_the_stove_is_told_of(chat, said):
    chat.play(COOKING + f"""
        小林  {said}
        bot   status.under_way  $c
    """)


@pytest.mark.parametrize(("said", "key"), [
    ("好饿啊", "suggest.what"), ("饿死了", "suggest.what"), ("🍔🍟", "talk.chitchat"),
    ("。。。", "talk.chitchat"), ("[捂脸]", "talk.chitchat"), ("🙏", "question.thanks"),
    ("one chicken rice please", "talk.english"), ("do you speak english", "talk.english"),
    ("menu", "menu.shops"), ("现在能送吗", "question.hours"), ("微信付可以吗", "question.pay_how"),
    ("送到楼上", "question.door_point")])
def test_small_words_in_many_forms(chat, said, key):
    chat.play(AT_HOME + f"""
        小林  {said}
        bot   {key}
    """)


def test_a_draft_goes_in_another_language(chat):
    chat.play(QUOTED + """
        小林  cancel
        bot   cancel.free
    """)


def test_a_pin_comes_when_it_is_of_use(chat):
    chat.play(COOKING + """
        小林  取餐码忘了
        bot   question.pin_later
        小林  是不是忘了我的单
        bot   urge.kitchen
    """)


@pytest.mark.parametrize("said", ["男生宿舍", "住校外", "送到我寝室"])
def test_where_an_address_is_asked_for_the_places_are_named(chat, said):
    chat.play(f"""
        小林  来份黄焖鸡米饭
        bot   order.where_to  code=$c
        小林  {said}
        bot   address.ask_other  东区9号楼
        小林  12栋302
        bot   order.quoted  code=$c
    """)


@pytest.mark.parametrize("said", [
    "跟刚才一样但是要大份", "再来一单一样的 要大份", "和上次一样，不过要大份的"])
def test_the_same_again_but_otherwise(chat, said):
    delivered(chat)
    chat.play(f"""
        小林  {said}
        bot   order.quoted  黄焖鸡米饭 微辣 大份
    """)


@pytest.mark.parametrize("said", ["有头发", "吃出虫子了", "饭凉了", "拉肚子了"])
def test_what_is_wrong_with_the_food_is_a_complaint(chat, said):
    delivered(chat)
    chat.play(f"""
        小林  {said}
        bot   complaint.choose  $c
        小林  味道不错
        bot   question.praise
    """)


def test_what_only_tastes_bad_is_asked_about(chat):
    delivered(chat)
    chat.play("""
        小林  难吃死了
        bot   complaint.what  $c
    """)


@pytest.mark.parametrize(("said", "name", "dish"), [
    ("来份番茄鸡蛋面", "番茄鸡蛋面", "西红柿炒蛋盖饭"), ("生椰拿铁一杯", "生椰拿铁", "燕麦拿铁"),
    ("来份大块鸡排饭", "大块鸡排饭", "金牌鸡排饭")])
def test_what_is_taken_for_a_dish_is_said(chat, said, name, dish):
    chat.play(AT_HOME + f"""
        小林  {said}
        bot   order.quoted  {dish}  没有“{name}”，先按{dish}算
    """)


def test_a_dish_called_in_short_is_no_guess(chat):
    chat.play(AT_HOME + """
        小林  来碗牛肉面吧
    """)
    assert "没有“" not in chat.last("小林")


def test_the_rice_of_a_dishs_name_is_not_charged_for(chat):
    chat.play(AT_HOME + """
        小林  来份黄焖鸡饭
        bot   order.quoted  黄焖鸡米饭 ¥16.00  合计 ¥13.00
        小林  算了
        小林  黄焖鸡 再加一份米饭
        bot   order.quoted  米饭 ¥2.00
    """)


@pytest.mark.parametrize(("said", "key"), [
    ("黄焖鸡还有吗", "menu.prices"), ("麻辣烫还有没有", "menu.prices"),
    ("你们送到几点", "question.hours"), ("删除我的信息", "question.privacy"),
    ("来份鸡公煲", "suggest.not_here"), ("有什么", "menu.shops"),
    ("wo yao yifen huangmenjimifan", "talk.lost")])
def test_questions_of_what_there_is(chat, said, key):
    chat.play(AT_HOME + f"""
        小林  {said}
        bot   {key}
    """)
