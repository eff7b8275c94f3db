"""What the account's server hears, and what WeChat makes of its answers."""
from wechatpy.events import SubscribeScanEvent


def test_text_and_its_passive_reply(world, receiver):
    lin = world.add_phone("小林", "student")
    receiver.answer = lambda message: f"你说{message.content}"

    assert world.say(lin, "来份黄焖鸡") == "你说来份黄焖鸡"
    assert [e["type"] for e in world.events()] == ["said", "heard"]
    assert receiver.heard[0].source == lin.openid


def test_following_by_a_poster(world, receiver):
    new = world.add_phone("新同学", "student", followed=False)
    receiver.answer = lambda message: "嗨"

    assert world.follow(new, "b_zy7").reply == "嗨"
    assert isinstance(receiver.heard[0], SubscribeScanEvent)
    assert receiver.heard[0].scene_id == "b_zy7"
