"""Who may do what: each command, from each who may not, gets kind words and moves nothing."""
import json
import re
from collections.abc import Collection
from typing import Any

import pytest
from sqlalchemy import text

from bot import turn
from config import settings
from config.texts import CATALOG
from models.base import Sessions
from models.order import Order
from models.person import Person
from tests.support.transcript import ANCHOR, Chat, check_form
from tests.transcripts.stories import AT_THE_DOOR, PAID, TAKEN
from tests.transcripts.test_bad_days import pin_of

# Each command as it is typed about somebody else's order {c}, group {g}, application or menu;
# tests/config/test_commands.py sees to it that none is missing.
SAID = {
    "help": "帮助", "menu_confirm": "菜单确认M1", "menu_edit": "菜单修改M1",
    "menu_shop": "菜单M1放到阿香黄焖鸡米饭", "dish_today": "黄焖鸡米饭今天下架",
    "dish_pause": "黄焖鸡米饭停30分钟", "human": "人工", "what_to_eat": "帮我带个饭",
    "whatever": "随便", "refund_status": "昨天那单退了没", "go_on": "继续点餐",
    "forget_it": "不点了", "answer_human": "答1 好的",
    "group_dissolve_sure": "确定解散{g}", "group_dissolve": "{g}解散",
    "group_leave_sure": "确定退出{g}", "group_leave": "退出{g}", "group_stay": "留在{g}",
    "group_lock_when": "{g}满2人锁", "group_lock": "{g}锁单", "group_deadline": "{g}截止23:30",
    "group_menu": "{g}我先点", "group_swap": "{g}换菜", "group_pay": "{g}付款",
    "group_treat": "{g}我请客", "group_each": "{g}各付各的", "group_bag": "{g}我姓李",
    "group_again": "拼单学习小组", "group_save": "{g}存成我们组", "group_door": "{g}",
    "group_status": "{g}到哪了", "status": "{c}到哪了", "undo": "撤回{c}",
    "wish_to_cancel": "{c}申请退", "wish_all": "{c}全退", "wish_half": "{c}退一半",
    "wish_none": "{c}不退", "redirect": "{c}改地址", "other_person": "{c}改送",
    "rack": "{c}放餐架", "not_now": "以后再说", "student_ask": "学生认证",
    "student_pass": "学生通过1", "student_fail": "学生不通过1", "students_waiting": "学生认证待审",
    "complaint_claim": "{c}洒了", "complaint_begin": "{c}投诉", "complaint_refund": "{c}退款",
    "complaint_remake": "{c}补做", "complaint_search": "{c}找回", "complaint_found": "{c}找到了",
    "checked_right": "核对{c}对", "checked_wrong": "核对{c}错", "checked_put_back": "核对{c}放回了",
    "checked_eaten": "核对{c}吃了", "complaint_unhappy": "不满意R1",
    "complaint_grant": "{c}同意赔", "complaint_refuse": "{c}不赔",
    "complaint_by_shop": "{c}判商家", "complaint_by_rider": "{c}判骑手",
    "complaint_by_platform": "{c}判平台", "share_progress": "分享{c}",
    "stop_sharing": "{c}不分享了",
    "urge": "催{c}", "give_back": "{c}转单", "again": "再来{c}", "collect": "{c}拿到了",
    "resend_pin": "{c}换码", "fetch_oneself": "{c}自取", "give_up": "{c}不等了",
    "nobody_there": "{c}没人", "not_ready": "{c}还没好", "break": "歇20分钟",
    "shift_until": "干到12点半",
    "on_way_only": "只接顺路", "all_ways": "都接", "fetched": "{c}取走了",
    "let_through": "{c}放行", "lack": "{c}缺黄焖鸡米饭", "later": "{c}加10分钟",
    "drop": "{c}去掉黄焖鸡米饭", "cancel_sure": "确定取消{c}", "cancel": "取消{c}",
    "keep": "继续{c}", "confirm": "确认{c}", "online": "上线", "offline": "下线",
    "apply_rider": "我要当骑手", "approve_rider": "通过R1", "refuse_rider": "拒绝R1",
    "suspend_rider": "停用R1", "riders_waiting": "骑手申请", "decline": "不接{c}", "take": "接{c}",
    "reject": "拒{c}", "at_shop": "{c}到店", "picked_up": "{c}取到", "arrived": "{c}到了",
    "cooked": "{c}出餐", "pin": "{c}1234", "address": "改地址", "menu": "看菜单",
    "parcel_size": "{c}大件", "parcel_station": "{c}在东门", "errand_time": "{c}改时间",
    "errand_anytime": "{c}不限时", "errand_budget": "{c}预算50", "errand_spent": "{c}花了30",
    "codes_again": "{c}请再开", "codes_allowed": "{c}再开一次", "group_add": "{g}一份黄焖鸡",
    "change": "{c}换大份", "no_note": "不要备注", "no_budget": "不限预算", "tip": "{c}小费2元",
    "no_tip": "{c}不要小费", "points": "我的积分",
    "use_points": "用积分", "keep_points": "不用积分", "pay_for": "{c}代付", "withdraw": "提现",
    "bill": "账单", "budget": "每周预算100", "invite": "邀请好友", "coupons": "我的券",
    "building": "全楼免配送还差几单",
    "practice": "练习", "practice_pay": "练习付款", "practice_got": "练习拿到了",
    "practice_end": "结束练习", "why_not_me": "{c}为什么没派给我",
}
OPEN_TO_ALL = {"group_menu", "group_door", "group_add", "group_status"}  # a group is for joining
THEIRS = ("小林", "阿香", "阿哲")

# What is looked at before and after: rows that are somebody else's than the speaker's.
LOOKED_AT = {
    "orders": "buyer_id IN :theirs", "order_lines": "order_id IN :orders",
    "order_log": "order_id IN :orders", "parcels": "order_id IN :orders",
    "payments": "order_id IN :orders", "offers": "order_id IN :orders",
    "errands": "order_id IN :orders", "complaints": "order_id IN :orders",
    "tracking_links": "order_id IN :orders", "ledger_entries": "true",
    "people": "id IN :theirs", "riders": "person_id IN :theirs", "group_orders": "true",
    "shops": "true", "dishes": "true", "menu_changes": "true", "shop_owners": "true",
    "outbox": "order_id IN :orders", "alarms": "true",
    "coupons": "person_id IN :theirs", "invite_codes": "person_id IN :theirs", "referrals": "true",
}


@pytest.fixture
def campus(chat: Chat, demo_campus: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Chat:
    """阿强 and 阿双 ride, 阿芳 and 阿双 answer for other shops; 小陈 only studies."""
    monkeypatch.setattr(turn, "MOST_A_MINUTE", 10_000)
    openid = chat.stage.openid
    for name, role in (("小陈", "student"), ("阿强", "rider"), ("阿芳", "merchant"),
                       ("阿双", "merchant")):
        chat.stage.add(name, role)
    demo_campus["riders"] += [{"openid": openid(name), "name": name, "phone": "13900000002"}
                              for name in ("阿强", "阿双")]
    demo_campus["shops"][1]["owners"] = [openid("阿芳")]
    demo_campus["shops"][2]["owners"] = [openid("阿双")]
    chat.stage.load(demo_campus)
    return chat


def everything(openids: Collection[str]) -> dict[str, str | None]:
    """A digest of each table, as far as it is these people's."""
    with Sessions() as session:
        theirs = [i for i, openid in session.query(Person.id, Person.openid) if openid in openids]
        orders = [i for (i,) in session.query(Order.id).filter(Order.buyer_id.in_(theirs))]
        parts = " UNION ALL ".join(
            f"SELECT '{table}', (SELECT md5(string_agg(t::text, ';' ORDER BY t::text)) "
            f"FROM {table} t WHERE {where})" for table, where in LOOKED_AT.items())
        asked = text(parts.replace(":theirs", _list(theirs)).replace(":orders", _list(orders)))
        return {table: digest for table, digest in session.execute(asked)}


def _list(ids: list[int]) -> str:
    return f"({','.join(map(str, ids or [0]))})"


def tried(chat: Chat, secrets: list[str], *strangers: str, group: str = "G9") -> None:
    """These people, who may not, say everything that can be said."""
    openids = {chat.stage.openid(name) for name in THEIRS}
    before = everything(openids)
    for who in strangers:
        for name, words in SAID.items():
            if group != "G9" and name in OPEN_TO_ALL:
                continue
            said = chat.stage.says(who, words.format(c=chat.kept["$c"], g=group))
            where = f"{who}: {name} {words}"
            assert said, where
            assert said != CATALOG["talk"]["sorry"], where
            check_form(said)
            shown = ANCHOR.sub(r"\2", said)
            assert not [secret for secret in secrets if secret in shown], (where, said)
            assert everything(openids) == before, (where, said)


@pytest.mark.parametrize(("story", "strangers"), [
    (PAID, ("小陈", "阿芳")), (TAKEN, ("阿强", "阿双")), (AT_THE_DOOR, ("阿强", "小陈"))],
    ids=["paid", "taken", "at_the_door"])
def test_nobody_moves_what_is_not_theirs(campus, story, strangers):
    campus.play(story.replace("12栋302", "12栋6731"))
    secrets = ["6731", "13800000001"]
    if story == AT_THE_DOOR:
        secrets.append(pin_of(campus))
    tried(campus, secrets, *strangers)


def test_nobody_moves_a_quote_that_is_not_theirs(campus):
    campus.play("""
        小林  来份黄焖鸡微辣 送12栋6731
        bot   order.quoted  code=$c
    """)
    tried(campus, ["6731"], "小陈")


def test_nobody_moves_a_group_or_a_member_that_is_not_theirs(campus):
    campus.play("""
        小林  拼单 阿香黄焖鸡米饭 23:40截止 送12栋
        bot   group.opened  code=$g
        小林  $g 一份黄焖鸡
        (work)
    """)
    code = re.search(r"G\d+", campus.kept["$g"])[0]
    campus.kept["$c"] = "A999"
    tried(campus, ["6731"], "小陈", "阿芳", group=code)


def test_who_has_two_roles_carries_and_cooks_nothing_of_their_own(campus):
    """阿双 answers for a noodle shop and rides; here they are hungry as well."""
    shop = json.loads((settings.ROOT / "config/campuses/demo.json").read_text("utf-8"))["shops"][2]
    campus.play(f"""
        阿双  来份{shop['dishes'][0]['name']}送12栋302
        bot   order.quoted  code=$c
        阿双  确认$c
        bot   order.confirmed
        (阿双 pays)
        (work)
        阿双  上线
        bot   rider.online
        (work)
    """)
    said = campus.stage.says("阿双", f"接{campus.kept['$c']}")
    with Sessions() as session:
        order = session.query(Order).filter_by(code=campus.kept["$c"]).one()
        assert order.state == "paid", said
        assert order.rider_id is None
