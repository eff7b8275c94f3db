"""Journey 3: parcels and other errands."""
import json
from datetime import timedelta, timezone

import pytest
from sqlalchemy import select

from config import settings
from handlers import vault
from handlers.speaker import Speaker
from models.base import Sessions, utcnow
from models.campus import Campus
from models.errand import Parcel
from models.ledger import PLATFORM, WECHAT, rider_account
from models.order import Order
from models.person import Person
from models.rider import Rider
from tests.support.payment import balances
from tests.support.transcript import Chat
from tests.transcripts.test_first_lunch import pin_of

SMS = "【菜鸟驿站】您的中通快递包裹已到南门菜鸟驿站，请20:30前凭10-2-7507取件"
CODE = "10-2-7507"
ZONE = timezone(timedelta(hours=8))


def at_clock(chat: Chat, hour: int) -> None:
    """Let it be that hour on the campus, the next time it comes."""
    now = utcnow().astimezone(ZONE)
    then = now.replace(hour=hour, minute=0, second=0, microsecond=0)
    then += timedelta(days=1) if then <= now else timedelta()
    chat.stage.pass_time(seconds=(then - now).total_seconds())


@pytest.fixture
def campus(chat: Chat) -> Chat:
    """The demo campus, where parcels wait at 南门菜鸟 and at 东门驿站; ten in the morning."""
    data = json.loads((settings.ROOT / "config/campuses/demo.json").read_text("utf-8"))
    places = {place["id"]: place for place in data["places"]}
    places["ap17"].update(name="南门菜鸟", aliases=["南门菜鸟驿站", "南门驿站"])
    places["ap18"].update(name="东门驿站", aliases=["东门快递点"])
    data["riders"] = [{"openid": chat.stage.openid(name), "name": name}
                      for name in ("阿哲", "阿强")]
    data["fees"] = {"errand_base_fen": 200, "per_100m_fen": 0}
    chat.stage.add("阿强", "rider")
    chat.stage.load(data)
    at_clock(chat, 10)
    chat.stage.says("小林", "东区9号楼 302")
    chat.stage.news("小林")
    return chat


def codes() -> list[str | None]:
    with Sessions() as session:
        return [parcel.code for parcel in session.query(Parcel).order_by(Parcel.id)]


def test_a_station_s_message_becomes_a_delivered_parcel(campus):
    campus.play(f"""
        小林  {SMS}
        bot   errand.quoted  code=$c  payable=¥2.00  认出1件  南门菜鸟  中通  20:30  码10-2-••07
        小林  〔下单〕
        bot   order.confirmed  code=$c  payable=¥2.00
        (小林 pays)
        阿哲  上线
        (work)
        card  小林  paid  $c  待取件  取快递1件
        小林  到哪了
        bot   status.under_way  正在找骑手
        push  阿哲  rider.offer  code=$c  南门菜鸟
        阿哲  〔接〕
        bot   errand.taken  南门菜鸟  东区9号楼
        (work)
        push  小林  buyer.errand_taken  rider=阿哲
        阿哲  〔到站了〕
        bot   vault.codes  1件  {CODE}
        (work)
        push  小林  vault.opened  code=$c  rider=阿哲
        小林  到哪了
        bot   status.under_way  阿哲在南门菜鸟取件
        阿哲  〔取到了〕
        bot   rider.picked_up  取快递1件  东区9号楼
        (work)
        card  小林  progress  配送中  阿哲
        阿哲  〔到了〕
        bot   rider.arrived
        (work)
    """)
    campus.play(f"""
        阿哲  {pin_of(campus, "小林")}
        bot   rider.delivered  code=$c  fee=¥1.60
        (3 min pass)
        (work)
        push  小林  buyer.errand_delivered  code=$c
        小林  到哪了
        bot   status.delivered  code=$c
    """)
    assert codes() == [None]


def test_another_parcel_joins_the_trip_at_half_the_price(campus):
    campus.play(f"""
        小林  {SMS}
        bot   errand.quoted  code=$c  payable=¥2.00
        小林  还有一个 请用Q7-32到人工货架取包裹
        bot   errand.which_station  加上了，2件一趟  码10-2-••07  码Q7-••(人工货架)  第2件在哪个驿站
        小林  〔也是南门菜鸟〕
        bot   errand.quoted  code=$c  payable=¥3.00  同站第二件起半价
        小林  {SMS}
        bot   errand.quoted  code=$c  payable=¥3.00  已经在
        小林  确认$c
        bot   order.confirmed  payable=¥3.00
        小林  再加一件 申通 3-1-9021
        bot   errand.which_station  3件
        小林  东门
        bot   errand.quoted  payable=¥5.00  ③  东门驿站
        小林  $c第三件在南门菜鸟
        bot   errand.quoted  payable=¥4.00
        小林  $c都在东门
        bot   errand.quoted  payable=¥4.00  东门驿站
    """)
    assert "Q7-32" not in campus.last("小林")


def test_a_second_station_is_a_second_stop_with_codes_of_its_own(campus):
    campus.play(f"""
        小林  {SMS}
        bot   errand.quoted  code=$c
        小林  还有一个申通 3-1-9021
        bot   errand.which_station
        小林  〔东门驿站〕
        bot   errand.quoted  payable=¥4.00
        小林  确认$c
        bot   order.confirmed
        (小林 pays)
        阿哲  上线
        (work)
        阿哲  接$c
        bot   errand.taken  取快递2件
        阿哲  $c取到
        bot   errand.station_first
        阿哲  $c到站
        bot   vault.codes  南门菜鸟  {CODE}  拿到后去东门驿站
        阿哲  $c取到
        bot   errand.station_first
        阿哲  〔到站了〕
        bot   vault.codes  东门驿站  3-1-9021
        阿哲  〔取到了〕
        bot   rider.picked_up
    """)
    assert CODE not in campus.last("阿哲")


def test_several_messages_pasted_at_once_are_one_trip(campus):
    campus.play(f"""
        小林  {SMS}【申通快递】取件码3-1-9021，已到东门驿站，22:00前取【韵达】凭7-7-8001到南门驿站取
        bot   errand.quoted  payable=¥5.00  认出3件  码10-2-••07  码3-1-••21  码7-7-••01  20:30
    """)


def test_a_large_one_costs_more(campus):
    campus.play(f"""
        小林  {SMS}
        bot   errand.quoted  code=$c  payable=¥2.00  小件
        小林  〔是大件〕
        bot   errand.quoted  payable=¥5.00  大件
        小林  还有一个韵达 7-7-8001
        bot   errand.which_station
        小林  〔也是南门菜鸟〕
        bot   errand.quoted  payable=¥6.00
        小林  〔有大件〕
        bot   errand.which_large
        小林  〔②是大件〕
        bot   errand.quoted  payable=¥7.50
        小林  $c第一件小件
        bot   errand.quoted  payable=¥6.00
    """)


def test_codes_are_asked_for_when_none_was_said(campus):
    campus.play("""
        小林  取快递
        bot   errand.which_parcel
        小林  申通的 2-6-4410
        bot   errand.which_station  码2-6-••10
        小林  〔东门驿站〕
        bot   errand.quoted  payable=¥2.00  申通
    """)


def test_a_deadline_that_cannot_be_kept_is_refused_before_it_is_paid(campus):
    at_clock(campus, 20)
    campus.play(f"""
        (27 min pass)
        小林  {SMS}
        bot   errand.closes_before  code=$c  20:30截止
        小林  确认$c
        bot   errand.closes_before
        小林  〔明天再取〕
        bot   errand.quoted  payable=¥2.00
        小林  〔改时间〕
        bot   errand.which_time
        小林  20:28前
        bot   errand.too_late
        小林  22:00前
        bot   errand.quoted  22:00前送到
    """)


def test_a_quote_is_good_only_as_long_as_its_deadline(campus):
    at_clock(campus, 20)
    campus.play(f"""
        小林  {SMS}
        bot   errand.quoted  code=$c
        (28 min pass)
        小林  〔下单〕
        bot   errand.closes_before
    """)


def test_an_errand_for_tomorrow_waits_until_it_is_time(campus):
    at_clock(campus, 20)
    campus.play("""
        小林  帮我取快递 申通 3-1-9021 在东门驿站 明天12点送
        bot   errand.quoted  code=$c  12:00
        小林  确认$c
        bot   order.confirmed
        (小林 pays)
        阿哲  上线
        (work)
        quiet 阿哲
        小林  到哪了
        bot   status.under_way  到点就派骑手
    """)
    at_clock(campus, 12)
    campus.play("""
        阿哲  上线
        (work)
        push  阿哲  rider.offer  code=$c
    """)


# --- the vault ------------------------------------------------------------------------------

def taken(campus: Chat) -> None:
    """A parcel on its way: 阿哲 has said yes and stands nowhere yet."""
    campus.play(f"""
        小林  {SMS}
        bot   errand.quoted  code=$c
        小林  确认$c
        bot   order.confirmed
        (小林 pays)
        阿哲  上线
        (work)
        阿哲  接$c
        bot   errand.taken
    """)


def test_a_code_is_opened_once_and_again_only_by_its_owner(campus):
    taken(campus)
    campus.play(f"""
        阿哲  〔到站了〕
        bot   vault.codes  {CODE}
        阿哲  $c到站
        bot   vault.once
        阿哲  $c再开一次
        bot   order.unknown
        阿哲  〔真没看到，请主人再开〕
        bot   vault.asked_again
        阿哲  $c到站
        bot   vault.once
        (work)
        push  小林  buyer.errand_taken
        push  小林  vault.opened  code=$c
        push  小林  vault.asks_again  rider=阿哲
        小林  〔再给看一次〕
        bot   vault.allowed  rider=阿哲
        (work)
        push  阿哲  rider.offer
        push  阿哲  vault.open_again
        阿哲  〔到站了〕
        bot   vault.codes  {CODE}
        (work)
        push  小林  vault.opened
    """)


def test_the_vault_itself_opens_a_code_for_nobody_but_its_rider(campus):
    taken(campus)
    with Sessions() as session:
        order = session.scalars(select(Order)).one()
        person = Person.lock(session, order.buyer.app_id, "another-rider", now=utcnow())
        session.add(Rider(person_id=person.id, campus_id=order.campus_id, name="别人"))
        session.flush()
        other = Speaker(session, person, session.get_one(Campus, order.campus_id))
        refused = vault.open_codes(session, other, order, order.parcels, now=utcnow())
        assert refused is not None
        assert refused.key == "rider.not_yours"
        assert order.parcels[0].opened_by is None


def test_nobody_but_the_order_s_rider_opens_a_code(campus):
    campus.stage.add("路人", "student")
    taken(campus)
    campus.play("""
        阿强  上线
        bot   rider.online
        阿强  $c到站
        bot   rider.not_yours
        路人  $c到站
        bot   order.unknown
        小林  $c到站
        bot   order.unknown
        路人  $c再开一次
        bot   order.unknown
        阿强  $c请再开
        bot   rider.not_yours
    """)
    assert codes() == [CODE]


def test_a_rider_whose_phone_is_elsewhere_sees_nothing(campus):
    taken(campus)
    campus.stage.world.report_position("阿哲", 30.548288, 114.375952)
    campus.play("""
        阿哲  $c到站
        bot   vault.not_there  station=南门菜鸟
        (4 min pass)
        阿哲  $c到站
        bot   vault.codes
    """)


# --- other errands --------------------------------------------------------------------------

def test_something_is_bought_within_a_budget_and_the_rest_goes_back(campus):
    campus.play("""
        小林  帮我买盒感冒药
        bot   errand.which_budget  code=$c
        小林  〔20元内〕
        bot   errand.quoted  payable=¥22.00  预付¥20.00(多退)
        小林  $c预算30
        bot   errand.quoted  payable=¥32.00
        小林  确认$c
        bot   order.confirmed  payable=¥32.00
        (小林 pays)
        阿哲  上线
        (work)
        阿哲  接$c
        bot   errand.taken  代买
        阿哲  $c到站
        bot   errand.to_spend  30元内
        阿哲  $c取到
        bot   errand.cost_first
        阿哲  $c花了35
        bot   errand.above  ¥5.00
        阿哲  $c花了18.5
        bot   errand.spent  ¥18.50
        阿哲  $c取到
        bot   rider.picked_up
        阿哲  $c到了
        bot   rider.arrived
        (work)
    """)
    campus.play(f"""
        阿哲  {pin_of(campus, "小林")}
        bot   rider.delivered
        (work)
        card  小林  paid
        card  小林  progress
        card  小林  arrived
        card  小林  refunded  ¥11.50
    """)
    with Sessions() as session:
        rider = session.query(Rider).filter_by(name="阿哲").one()
        assert balances(session) == {
            WECHAT: 2050, PLATFORM: -40, rider_account(rider.id): -2010}


def test_a_thing_is_carried_from_here_to_there(campus):
    campus.play("""
        小林  把我的U盘从图书馆送到12栋 302
        bot   errand.quoted  code=$c  payable=¥2.00  代送  东区12号楼
    """)


def test_what_is_offered_is_the_fee_and_what_is_above_it_the_rider_s(campus):
    campus.play("""
        小林  有人能帮我取个快递吗 申通 3-1-9021 在东门驿站 5块
        bot   errand.quoted  payable=¥5.00  小费¥3.00
        小林  帮我取快递 韵达 7-7-8001 东门驿站 小费4元
        bot   errand.quoted  payable=¥6.00
    """)


def test_a_price_that_is_offered_before_the_door_is_known_is_the_whole_price(campus):
    campus.play("""
        小林  有人能帮我取个快递吗 申通 3-1-9021 在东门驿站 5块
        小林  12栋302
        bot   errand.quoted  payable=¥5.00  小费¥3.00
    """)


def test_a_price_that_is_offered_before_the_station_is_known_is_the_whole_price(campus):
    campus.play("""
        小林  有人能帮我取个快递吗 申通 3-1-9021 送12栋302 5块
        小林  东门驿站
        bot   errand.quoted  payable=¥5.00  小费
    """)
