"""The neighbours as pages see them, built once a process: they keep their connections open."""
from functools import cache

from config import settings
from config.settings import PaySettings
from gateways.counter import Counter
from gateways.shared_value import open_redis
from gateways.wechat import WeChat
from gateways.wxpay import WxPay
from models.base import utcnow
from models.campus import Account


def wechat(account: Account) -> WeChat:
    return wechat_as(account.app_id, account.secret)


def wechat_as(app_id: str, secret: str) -> WeChat:
    current = settings.load()
    return _wechat(app_id, secret, current.wechat_api_base, current.redis_url)


def wxpay() -> WxPay:
    current = settings.load()
    return _wxpay(current.pay, current.wechat_pay_api_base)


def counter() -> Counter:
    return _counter(settings.load().redis_url)


@cache
def _counter(redis_url: str) -> Counter:
    return Counter(open_redis(redis_url))


@cache
def _wechat(app_id: str, secret: str, api_base: str, redis_url: str) -> WeChat:
    return WeChat(app_id, secret, api_base=api_base, redis=open_redis(redis_url), now=utcnow)


@cache
def _wxpay(pay: PaySettings, api_base: str) -> WxPay:
    return WxPay(pay, api_base=api_base, now=utcnow)
