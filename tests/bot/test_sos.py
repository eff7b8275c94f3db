"""Which words call for help, by the tiny matcher alone."""
import pytest

from bot.sos import is_call


@pytest.mark.parametrize("words", [
    "救命", "SOS", "ｓｏｓ！", "求救", "救命啊！！", "救 命", "救命 有人跟踪我",
    "有人跟踪我，在三教", "救救我", "我室友晕倒了", "这里着火了", "有人持刀", "骑手出车祸了",
    "jiuming", "帮我报警", "被困电梯了快来人",
    "我被锁在厕所里了 出不去", "有人抢我手机", "他打我", "有人要打我 我在三食堂后门", "骑手骚扰我",
    "被人堵在楼梯间", "过敏了喉咙肿", "地震了", "骑车摔了腿动不了", "电梯卡住了", "想从楼上跳下去",
    "救命太好吃了吧 不是 有人跟踪我", "他们堵着我不让我走", "我喘不上气了"])
def test_these_call_for_help(words):
    assert is_call(words)


@pytest.mark.parametrize("words", [
    "", "来份黄焖鸡", "救命太好吃了吧", "救命，这个也太香了", "救命 明天早八", "到了打我电话",
    "没拿刀叉", "别打我手机", "花生过敏", "毛血旺一份", "爆炸酱面", "沙发", "soso",
    "没意识到卖完了", "跟着我点一份", "到哪了", "110", "笑死我要晕倒", "他打我电话没接",
    "钥匙锁在宿舍了", "别被人抢先了", "外卖被拿走了", "对花生过敏别放", "从三食堂跳单了"])
def test_these_do_not(words):
    assert not is_call(words)
