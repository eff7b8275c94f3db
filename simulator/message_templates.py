"""Template messages: the account's templates and the limits of their typed fields (B4)."""
import re
from collections.abc import Callable
from datetime import date
from typing import Any

# kind → (title, keys with labels in the order of the card), after the account's own choice.
_DEFAULT: dict[str, tuple[str, dict[str, str]]] = {
    "paid": ("支付成功通知", {
        "character_string1": "订单号", "thing2": "商品", "amount3": "金额", "const4": "状态",
        "time5": "预计送达"}),
    "progress": ("配送进度通知", {
        "character_string1": "订单号", "const2": "进度", "thing3": "骑手", "time4": "预计",
        "thing5": "提示"}),
    "arrived": ("到达取餐通知", {
        "character_string1": "订单号", "character_string2": "取餐码", "thing3": "地点",
        "time4": "时间", "thing5": "提示"}),
    "delayed": ("配送延误提醒", {
        "character_string1": "订单号", "thing2": "原因", "time3": "新时间", "thing4": "提示"}),
    "refunded": ("退款结果通知", {
        "character_string1": "退款单", "amount2": "金额", "const3": "状态", "time4": "时间",
        "thing5": "说明"}),
    "rider_task": ("新任务提醒", {
        "character_string1": "任务号", "thing2": "取货", "thing3": "送到", "amount4": "跑腿费",
        "time5": "截止接单"}),
    "merchant_order": ("新订单提醒", {
        "character_string1": "单号", "thing2": "内容", "amount3": "金额", "time4": "送达",
        "thing5": "备注"}),
    "group_locked": ("拼单锁单通知", {
        "character_string1": "拼单", "const2": "状态", "amount3": "你要付", "time4": "送达",
        "thing5": "提示"}),
    "sos": ("求助警报", {
        "character_string1": "编号", "const2": "类型", "thing3": "位置", "time4": "时间",
        "thing5": "关联"}),
}
# The public library: template_id_short → title and keys.
LIBRARY = {str(43000 + place): card for place, card in enumerate(_DEFAULT.values(), 1)}
_CLOCK = r"([01]?\d|2[0-3]):[0-5]\d(:[0-5]\d)?"
_DAY = r"(?P<y>\d{4})(?:年|[-/.])(?P<m>\d{1,2})(?:月|[-/.])(?P<d>\d{1,2})日?"
_AMOUNT = re.compile(r"[¥￥$€£]?(\d{1,12})(\.\d+)?元?")
_HAN = r"\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"


def default_templates() -> list[dict[str, Any]]:
    """The account's private templates, as get_all_private_template lists them."""
    return [template(kind, title, keys) for kind, (title, keys) in _DEFAULT.items()]


def template(template_id: str, title: str, keys: dict[str, str]) -> dict[str, Any]:
    """One private template; `keys`: typed key → the label in front of it."""
    content = "".join(f"{label}:{{{{{key}.DATA}}}}\n" for key, label in keys.items())
    return {"template_id": template_id, "title": title, "primary_industry": "餐饮",
            "deputy_industry": "外卖", "content": content, "example": "", "keys": dict(keys)}


def check_value(key: str, value: str, allowed: list[str] | None = None) -> str | None:
    """Why WeChat refuses this value for a typed key such as `thing2`; None when it does not.

    `allowed`: the reviewed words of a const key; None admits any of at most 20 characters.
    """
    kind = key.rstrip("0123456789")
    if kind == "const":
        return None if value == "" else _refuse_const(value, allowed)
    if not value.strip():
        return "is empty"
    rule = _RULES.get(kind)
    return None if rule is None or rule(value) else "invalid"


def _refuse_const(value: str, allowed: list[str] | None) -> str | None:
    fits = value in allowed if allowed is not None else len(value) <= 20 and _one_line(value)
    return None if fits else "invalid"


def _one_line(value: str) -> bool:
    return not re.search(r"[\r\n\u2028\u2029]", value)


def _is_thing(value: str) -> bool:
    return len(value) <= 20 and _one_line(value)


def _is_character_string(value: str) -> bool:
    return re.fullmatch(r"[\x20-\x7e]{1,32}", value) is not None


def _is_amount(value: str) -> bool:
    found = _AMOUNT.fullmatch(value)
    return found is not None and len(found[1] + (found[2] or "").lstrip(".")) <= 12


def _is_time(value: str) -> bool:
    ends = [end.strip() for end in value.split("~")]
    return len(ends) <= 2 and all(_is_moment(end) for end in ends)


def _is_moment(text: str) -> bool:
    found = re.fullmatch(rf"(?:{_DAY}\s*)?{_CLOCK}", text)
    return found is not None and (found["y"] is None or _is_calendar_day(found))


def _is_date(value: str) -> bool:
    found = re.fullmatch(rf"{_DAY}(?:\s*{_CLOCK})?", value.strip())
    return found is not None and _is_calendar_day(found)


def _is_calendar_day(found: re.Match[str]) -> bool:
    try:
        date(int(found["y"]), int(found["m"]), int(found["d"]))
    except ValueError:
        return False
    return True


def _matches(pattern: str) -> Callable[[str], bool]:
    return lambda value: re.fullmatch(pattern, value) is not None


_RULES: dict[str, Callable[[str], bool]] = {
    "thing": _is_thing,
    "character_string": _is_character_string,
    "amount": _is_amount,
    "time": _is_time,
    "date": _is_date,
    "phone_number": _matches(r"[\d+\-() #*]{1,17}"),
    "car_number": _matches(rf"[{_HAN}A-Za-z0-9][A-Za-z0-9·]{{0,6}}[{_HAN}A-Za-z0-9]?"),
    "name": _matches(rf"[{_HAN}·]{{1,10}}|[A-Za-z .\x21-\x2f]{{1,20}}"),
    "number": _matches(r"-?\d{1,32}(\.\d+)?"),
    "letter": _matches(r"[A-Za-z]{1,32}"),
    "symbol": _matches(r"[^\w\s]{1,5}"),
    "phrase": _matches(rf"[{_HAN}]{{1,5}}"),
}
