"""邀请好友, 我的券: one's own QR code, and what one has earned."""
from typing import Final

from bot.commands import Command
from bot.routes.base import Route, Turn
from config.texts import Reply
from handlers import coupon, points, referral
from models.rules.points import PointRules


def invite(turn: Turn) -> Reply:
    return referral.invite(turn.session, turn.speaker, now=turn.now)


def coupons(turn: Turn) -> Reply:
    return coupon.mine(turn.session, turn.speaker, now=turn.now)


def what_saves(turn: Turn) -> Reply:
    """有优惠券吗, 积分能干嘛: coupons, and points where the campus has them."""
    if PointRules.of(turn.speaker.campus.file) is None:
        return coupons(turn)
    return Reply("coupon.and_points", {
        "coupons": coupons(turn), "points": points.show(turn.session, turn.speaker)})


def _invite(turn: Turn, command: Command) -> Reply:
    return invite(turn)


def _coupons(turn: Turn, command: Command) -> Reply:
    return coupons(turn)


COMMANDS: Final[dict[str, Route]] = {"invite": _invite, "coupons": _coupons}
