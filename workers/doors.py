"""What a worker process opens once: the database, Redis, WeChat."""
from functools import cache

from redis import Redis
from sqlalchemy import Engine

from config import logging, settings
from gateways.shared_value import open_redis as open_cache
from gateways.wechat import WeChat
from models.base import Session, connect, utcnow
from models.campus import Account


@cache
def open_database() -> Engine:
    """The process's database; its log is opened with it."""
    logging.configure()
    return connect(settings.load().database_url, pool_size=2)


@cache
def open_redis() -> Redis:
    return Redis.from_url(settings.load().redis_url, socket_connect_timeout=2, socket_timeout=5)


def wechat_of(session: Session, app_id: str) -> WeChat:
    """The account's WeChat; its token cache is shared by all processes through Redis."""
    account = session.get_one(Account, app_id)
    return _wechat(app_id, account.secret, settings.load().wechat_api_base)


@cache
def _wechat(app_id: str, secret: str, api_base: str) -> WeChat:
    return WeChat(app_id, secret, api_base=api_base, now=utcnow,
                  redis=open_cache(settings.load().redis_url))
