"""access_token, both families, kept apart (fact sheet B1)."""
import secrets
from typing import TYPE_CHECKING, Any

from simulator.api_errors import ApiError
from simulator.state import AccessToken, Account

if TYPE_CHECKING:
    from simulator.world import World


def account_for(world: "World", app_id: Any, grant_type: Any, secret: Any,
                caller: str) -> Account:
    """The account that asks for a token. The app id is looked at first, as WeChat does."""
    if not app_id:
        raise ApiError(41002, "appid missing")
    account = world.accounts.get(str(app_id))
    if account is None:
        raise ApiError(40013, "invalid appid")
    if grant_type != "client_credential":
        raise ApiError(40002, "invalid grant_type")
    if not secret:
        raise ApiError(41004, "appsecret missing")
    if secret != account.secret:
        raise ApiError(40125, "invalid appsecret")
    allowed = world.knobs.ip_whitelist
    if allowed and caller not in allowed:
        raise ApiError(40164, f"invalid ip {caller} ipv6 ::ffff:{caller}, not in whitelist")
    return account


def plain(world: "World", account: Account) -> dict[str, Any]:
    """cgi-bin/token: a new token each time; the one before stays good for five minutes."""
    with world.lock:
        if world.count(f"/cgi-bin/token {account.app_id}") > world.knobs.tokens_a_day:
            raise ApiError(45009, "reach max api daily quota limit")
        overlap = world.now() + world.knobs.token_overlap_s
        for token in _living(world, account, "plain"):
            token.until = min(token.until, overlap)
            world.save(token)
        fresh = _issue(world, account, "plain")
    return {"access_token": fresh.value, "expires_in": world.knobs.token_life_s}


def stable(world: "World", account: Account, force: bool) -> dict[str, Any]:
    """cgi-bin/stable_token: the same token until its last five minutes; `force` kills the old."""
    with world.lock:
        living = _living(world, account, "stable")
        if force:
            _check_force(world, account)
            for token in living:
                token.killed = True
                world.save(token)
            living = []
        newest = max(living, key=lambda token: token.until, default=None)
        if newest is None or newest.until - world.now() <= world.knobs.token_overlap_s:
            newest = _issue(world, account, "stable")
        return {"access_token": newest.value, "expires_in": int(newest.until - world.now() + 0.5)}


def _check_force(world: "World", account: Account) -> None:
    last = world.forced_refreshes.get(account.app_id)
    if last is not None and world.now() - last < world.knobs.forced_refresh_apart_s:
        raise ApiError(45011, "api minute-quota reach limit  mustslower  retry next minute")
    if world.count(f"force {account.app_id}") > world.knobs.forced_refreshes_a_day:
        raise ApiError(45009, "reach max api daily quota limit")
    world.forced_refreshes[account.app_id] = world.now()


def holder(world: "World", value: str | None) -> Account:
    """The account whose call carries this access_token."""
    if not value:
        raise ApiError(41001, "access_token missing")
    with world.lock:
        token = world.access_tokens.get(value)
        if token is None or token.killed:
            raise ApiError(40001, (
                "invalid credential, access_token is invalid or not latest, could get "
                "access_token by getStableAccessToken, more details at "
                "https://mmbizurl.cn/s/JtxxFh33r"))
        if token.until <= world.now():
            raise ApiError(42001, "access_token expired")
        return world.accounts[token.app_id]


def kill(world: "World", value: str | None) -> None:
    """Only this one: the holder's next call with it is refused."""
    with world.lock:
        if value and (token := world.access_tokens.get(value)):
            token.killed = True
            world.save(token)


def expire_all(world: "World") -> None:
    """What an operator's look at the console may do: every token given out is worth nothing."""
    with world.lock:
        for token in world.access_tokens.values():
            token.killed = True
            world.save(token)


def _living(world: "World", account: Account, family: str) -> list[AccessToken]:
    return [token for token in world.access_tokens.values()
            if token.app_id == account.app_id and token.family == family
            and not token.killed and token.until > world.now()]


def _issue(world: "World", account: Account, family: str) -> AccessToken:
    token = AccessToken(f"{len(world.access_tokens) + 80}_{secrets.token_urlsafe(120)}",
                        account.app_id, family, world.now() + world.knobs.token_life_s)
    world.access_tokens[token.value] = token
    world.save(token)
    for old in [t for t in world.access_tokens.values() if t.until < world.now() - 86400]:
        del world.access_tokens[old.value]
        world.store.drop("token", old.value)
    return token
