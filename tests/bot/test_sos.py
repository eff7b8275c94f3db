"""Which words call for help, by the tiny matcher alone."""
import pytest

from bot.sos import is_call


@pytest.mark.parametrize("words", [
    "救命", "SOS", "ｓｏｓ！", "求救", "救命啊！！", "救 命", "救命 有人跟踪我",
    "有人跟踪我，在三教", "救救我", "我室友晕倒了", "这里着火了", "有人持刀", "骑手出车祸了",
    "jiuming", "帮我报警", "被困电梯了快来人",
    "救命太好吃了吧 不是 有人跟踪我", "他们堵着我不让我走", "我喘不上气了"])
def test_these_call_for_help(words):
    assert is_call(words)


@pytest.mark.parametrize("words", [
    "", "来份黄焖鸡", "救命太好吃了吧", "救命，这个也太香了", "救命 明天早八", "到了打我电话",
    "没拿刀叉", "别打我手机", "花生过敏", "毛血旺一份", "爆炸酱面", "沙发", "soso",
    "没意识到卖完了", "跟着我点一份", "到哪了", "110", "笑死我要晕倒"])
def test_these_do_not(words):
    assert not is_call(words)
