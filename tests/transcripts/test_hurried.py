"""What hurried people say besides ordering: how things work here, wishes, and second wishes."""
import json

import pytest

from tests.conftest import CAMPUS

AT_HOME = """
    小林  我住12栋302
    bot   address.saved
"""
QUOTED = AT_HOME + """
    小林  来份黄焖鸡米饭
    bot   order.quoted  code=$c
"""


@pytest.mark.parametrize(("said", "key"), [
    ("能开发票吗", "question.invoice"), ("可以货到付款吗？", "question.pay_how"),
    ("能用校园卡付吗", "question.pay_how"), ("付不了款", "question.pay_trouble"),
    ("支付失败了", "question.pay_trouble"), ("你们几点关门", "question.hours"),
    ("几点开始营业啊", "question.hours"), ("起送价多少", "question.no_minimum"),
    ("为啥要配送费啊", "question.fee"), ("配送费怎么算的", "question.fee"),
    ("怎么退款", "question.refund"), ("怎么取消订单", "question.cancel"),
    ("能送上楼吗", "question.door_point"), ("加钱可以快点吗", "question.faster"),
    ("你是谁", "question.who"), ("你是机器人吗", "question.who"),
    ("谢谢啦", "question.thanks"), ("你好", "question.greeting"), ("拜拜", "question.bye"),
    ("能便宜点吗", "coupon.and_points"),
])
def test_how_things_work_here_has_an_answer_of_its_own(chat, said, key):
    chat.play(AT_HOME + f"""
        小林  {said}
        bot   {key}
    """)


def test_a_question_in_between_leaves_the_draft_as_it_is(chat):
    chat.play(QUOTED + """
        小林  为啥要配送费啊
        bot   back.with  配送是¥2.00  忙的时候最多再加¥3.00
        小林  能开发票吗
        bot   back.with  发票由店家开
        小林  一共多少钱
        bot   order.quoted  code=$c
        小林  快点啊饿死了
        bot   order.quoted  code=$c
        小林  〔确认付款〕
        bot   order.confirmed  code=$c
        小林  支付失败了
        bot   question.pay_again  没付成就没扣钱  点这里微信支付
    """)


def test_when_a_shop_is_open_is_told_of_one_or_of_all(chat):
    campus = json.loads(CAMPUS.read_text("utf-8"))
    campus["shops"][0]["hours"] = [["10:00", "14:00"], ["17:00", "21:30"]]
    campus["shops"][0]["min_order_fen"] = 2000
    chat.stage.load(campus)
    chat.play("""
        (it is 15:00)
        小林  黄焖鸡几点关门
        bot   question.hours  阿香黄焖鸡米饭 10:00-14:00、17:00-21:30（现在没开）
        小林  你们几点关门
        bot   question.hours  老马家兰州拉面 全天  还有2家
        小林  起送价多少
        bot   question.minimum  阿香黄焖鸡米饭 满¥20.00起送
    """)


def test_what_no_option_says_goes_into_the_note(chat):
    chat.play(AT_HOME + """
        小林  黄焖鸡来一份 微辣 不要香菜葱花
        bot   order.quoted  不要香菜  备注：不要葱花
        小林  我对海鲜过敏
        bot   order.quoted  备注：不要葱花；海鲜过敏
    """)


def test_notes_are_added_to_each_other_replaced_and_taken_away(chat):
    chat.play(QUOTED + """
        小林  放门口就行
        bot   order.quoted  备注：放门口就行
        小林  多给双筷子
        bot   order.quoted  备注：放门口就行；多给双筷子
        小林  多给双筷子
        bot   order.quoted  备注：放门口就行；多给双筷子
        小林  备注改成放宿管阿姨那
        bot   order.quoted  备注：放宿管阿姨那
        小林  不要备注了
        bot   order.quoted
    """)
    assert "备注" not in chat.last("小林")


def test_a_dish_stays_where_the_one_instead_of_it_cannot_be_had(chat):
    chat.play(AT_HOME + """
        小林  来份黄焖鸡米饭加个可乐
        bot   order.quoted  可乐
        小林  可乐换成雪碧
        bot   order.nothing_changed  雪碧是真香炸鸡汉堡的
        小林  一共多少钱
        bot   order.quoted  可乐
        小林  不要可乐了
        bot   order.quoted
    """)
    assert "可乐" not in chat.last("小林")


def test_a_wish_for_later_is_taken_back(chat):
    chat.play(AT_HOME + """
        (it is 10:00)
        小林  来份黄焖鸡米饭 12点半送
        bot   order.quoted  when=12:30
        小林  改成现在送
        bot   order.quoted  10:
        小林  改成12点半送
        bot   order.quoted  when=12:30
        小林  现在送不行吗
        bot   order.quoted  10:
    """)


def test_what_it_tastes_of_or_is_called_within_a_budget(chat):
    chat.play(AT_HOME + """
        小林  来点辣的 不超过15块
        bot   suggest.so
    """)
    prices = [float(part.split()[0].split("<")[0]) for part in chat.last("小林").split("¥")[1:]]
    assert prices
    assert max(prices) <= 15
    chat.play("""
        小林  辣的 3块以内
        bot   suggest.none_such_within
        小林  想喝粥
        bot   suggest.named  粥有这些
        小林  1
        bot   order.quoted  粥
        小林  有饺子吗
        bot   suggest.named  饺子有这些  蒸饺
        小林  10块以内有啥
        bot   suggest.within
    """)


def test_a_roommate_pays_in_many_words(chat):
    chat.play(QUOTED + """
        小林  让我室友付
        bot   paying_for.forward  code=$c
        小林  能找人代付吗
        bot   paying_for.forward  code=$c
        小林  叫我妈付吧
        bot   paying_for.forward  code=$c
    """)


def test_an_errand_said_when_an_address_was_asked_for_is_not_lost(chat):
    chat.stage.add("小周", "student")
    chat.play("""
        (小周 follows)
        小周  菜鸟驿站 3-2-1045 送西3 206
        bot   errand.quoted  码3-2-••45  西区3号楼 206
    """)


def test_other_words_while_a_station_is_asked_for_are_heard(chat):
    chat.play(AT_HOME + """
        小林  菜鸟驿站 3-2-1045 送西3 206
        bot   errand.quoted
        小林  还有一个 5-1-2234
        bot   errand.which_station  加上了，2件一趟
        小林  大件 很重
        bot   errand.which_large
        小林  火星
        bot   errand.noted  没找到“火星”
        小林  下午四点之前
        bot   errand.which_station  2件一趟
        小林  菜鸟驿站
        bot   errand.quoted  16:00前送到
        小林  帮我去12栋拿个充电器给西3 206
        bot   errand.quoted  代送 充电器  西区3号楼 206
    """)


def test_what_nobody_sells_here_is_said_so_and_never_guessed(chat):
    chat.play(AT_HOME + """
        小林  来碗螺蛳粉
        bot   suggest.instead  这里没有螺蛳粉  粉
        小林  来份北京烤鸭
        bot   suggest.instead  这里没有北京烤鸭
        小林  一份麻辣烫 一份酸辣粉
        bot   order.quoted  招牌麻辣烫  这里没有酸辣粉，先没算
        小林  酸辣粉换成火锅粉
        bot   order.quoted  招牌麻辣烫 火锅粉
        小林  再来一份螺蛳粉
        bot   suggest.instead  这里没有螺蛳粉
        小林  再加一份螺蛳粉
        bot   suggest.instead  这里没有螺蛳粉
    """)


def test_small_words_get_small_answers(chat):
    chat.play(AT_HOME + """
        小林  好吧
        bot   question.ack
        小林  哈哈哈
        bot   question.ack
    """)


def test_a_group_wished_for_before_the_address_is_opened_with_it(chat):
    chat.stage.add("小周", "student")
    chat.play("""
        (小周 follows)
        (it is 10:00)
        小周  拼单麻辣烫 12:30截止
        bot   group.where
        小周  南苑1栋118
        bot   group.opened  12:30  南苑1栋
    """)


def test_a_cook_says_a_dish_is_done(chat):
    chat.play(AT_HOME + """
        小林  来份黄焖鸡
        bot   order.quoted  code=$c
        小林  〔确认付款〕
        (小林 pays)
        (work)
        阿香  接$c
        bot   kitchen.accepted
        阿香  黄焖鸡好了
        bot   kitchen.cooked  $c
        阿香  麻辣烫好了
        bot   kitchen.none
    """)


def test_an_errand_to_buy_grows_until_it_is_paid(chat):
    chat.play("""
        (小林 follows)
        小林  帮我在学子超市买两包抽纸和一瓶洗发水 送12栋302 预算50
        bot   errand.quoted  两包抽纸和一瓶洗发水  预付¥50.00  东区12号楼 302
        小林  再加一包薯片
        bot   errand.quoted  两包抽纸和一瓶洗发水，一包薯片
        小林  洗发水要海飞丝
        bot   errand.quoted  洗发水要海飞丝
        小林  小费给2块
        bot   errand.quoted  code=$c  小费¥2.00
        小林  再买一大箱矿泉水二十四瓶装的
        小林  再带个充电宝和数据线还有耳机吧
        小林  再买一本考研英语词汇书
        小林  再带两支黑色水笔
        bot   errand.quoted  要办的最多60字
        小林  〔下单〕
        bot   order.confirmed
        (小林 pays)
        (work)
        阿哲  上线
        (work)
        阿哲  接$c
        bot   errand.taken  两包抽纸和一瓶洗发水，一包薯片，洗发水要海飞丝
    """)


def test_where_an_errand_goes_is_home_from_then_on(chat):
    chat.stage.add("小周", "student")
    chat.play("""
        (小周 follows)
        小周  取快递 菜鸟驿站 3-2-1045 送西3 206
        bot   errand.quoted
        小周  来份黄焖鸡
        bot   order.quoted  西区3号楼 206
    """)
