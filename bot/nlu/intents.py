"""What a message is for. Rules in order of how sure they are; the first that holds answers."""
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from bot.nlu.reading import Reading

_NOISE: Final = re.compile(r"[\s,.。!?~、;:…\"'()\[\]【】*#_^-]+")


class Guess(NamedTuple):
    """An intent, how sure the rule that found it is, 0–1, and the rule's name."""

    intent: str
    sure: float
    rule: str = ""


@dataclass(slots=True)
class Message:
    """A reading with what is known around it."""

    reading: Reading
    role: str
    context: Mapping[str, Any]
    core: str = ""
    pending: str = ""
    asks: bool = False
    items: int = 0                # dishes wanted
    residue: int = 0
    notes: list[str] = field(default_factory=list)

    def has(self, *classes: str) -> bool:
        """Whether a phrase of any class is there."""
        return self.reading.has(*classes)

    @property
    def text(self) -> str:
        """The plain text."""
        return self.reading.text


def message_of(reading: Reading, role: str, context: Mapping[str, Any]) -> Message:
    """Gather what the rules ask for most."""
    core = _NOISE.sub("", reading.text)
    return Message(
        reading=reading, role=role, context=context, core=core,
        pending=str(context.get("pending") or ""), asks=_asks(reading.text),
        items=len(reading.of("D")), residue=len(reading.residue))


_ASKING: Final = re.compile(
    r"\?|吗|么(?!么哒)|多少|几[点块元个单种时分]|什么|啥|怎么|咋|哪|谁|为什么|为啥|能不能|可不可以|行不行|是不是|有没有|多久|如何|何时|"
    r"要不要|会不会|好不好|对不对|[有了好到能行]没(?![有问事])|[能到行可以]不$|呢$|没$|不$|没呀$|没啊$|吧\?")


def _asks(text: str) -> bool:
    return bool(_ASKING.search(text))


class Grammars:
    """Whole-message grammars, compiled from the lists once per lexicon."""

    def __init__(self, cues: Mapping[str, tuple[str, ...]]) -> None:
        filler = cues["affirm.fillers"]
        self.affirm = _whole(cues["affirm"], filler)
        self.deny = _whole(cues["deny"], filler)
        self.keep = _whole(cues["deny.keep"] + cues["deny"], filler)
        self.withdraw = _whole(cues["deny.withdraw"] + ("我", "吧"), filler)
        self.chat = _whole(cues["chat"] + cues["marks.polite"], filler)


def _whole(words: tuple[str, ...], fillers: tuple[str, ...]) -> re.Pattern[str]:
    core = "|".join(sorted({re.escape(_NOISE.sub("", word.lower())) for word in words} - {""},
                           key=len, reverse=True))
    edge = "|".join(sorted(map(re.escape, fillers), key=len, reverse=True))
    return re.compile(rf"(?:{edge})*(?:(?:{core})(?:{edge})*)+")


_NOT_YES: Final = re.compile(r"对了|[对是好]吧|[对是]么|.*(?:吗|么|\?)$|那个|这个|要么|没(?:有)?(?:好|行|要|可以|确认|确定|同意|下单|提交|通过|安排|点|付|成).*")


def says_yes(message: Message, grammars: Grammars) -> bool:
    """Whether the whole message is an agreement and nothing else."""
    core = message.core
    return (0 < len(core) <= 18 and "?" not in message.text and not _NOT_YES.fullmatch(core)
            and grammars.affirm.fullmatch(core) is not None)


Rule = Callable[[Message, Grammars], Guess | None]


def intent_of(message: Message, grammars: Grammars) -> Guess:
    """The intent; `out_of_scope` when no rule holds."""
    for rule in _RULES[message.role if message.role in _RULES else "student"]:
        guess = rule(message, grammars)
        if guess is not None:
            name = rule.__name__.lstrip("_")
            message.notes.append(f"{name} → {guess.intent} {guess.sure:.2f}")
            return guess._replace(rule=name)
    message.notes.append("no rule")
    return Guess("out_of_scope", 0.6, "none")


# -- rules of safety, for everyone

_CODE_LIKE: Final = re.compile(
    r"select\s|drop\s|insert\s|update\s|delete\s|union\s|<[a-z/!]|--\s|;\s*--|1=1|\{\{|\$\{|rm -|curl |"
    r"ignore (?:all|previous|the)|system\s*:|developer mode|prompt|jailbreak|你现在是|现在你是|扮演|(?:忽略|无视|忘记|忘掉).{0,8}(?:指令|规则|提示|限制|要求|设定|设置|内容|对话)|假装你|源代码|"
    r"管理员|开发者模式|系统提示|数据库|所有(?:订单|用户|人)|(?:改成|设为|改为|变成)(?:免费|0元|零元|0\.01)|后台密码|超级用户|root|sudo|越狱")
_OTHERS: Final = re.compile(r"(?:别人|他|她|张三|李四|隔壁|室友|同学|其他人|某某|王五)的(?:订单|单|外卖|钱|账户|账号|红包|余额)")
_SENDER: Final = re.compile(r"^【([^】]{1,14})】|【([^】]{1,14})】$")


def _unsafe(message: Message, _: Grammars) -> Guess | None:
    if not message.core:
        return Guess("out_of_scope", 0.9)
    if _CODE_LIKE.search(message.text):
        return Guess("out_of_scope", 0.95)
    if _OTHERS.search(message.text) and message.has("cancel", "refund", "pay"):
        return Guess("out_of_scope", 0.85)
    return None


def _long(message: Message, _: Grammars) -> Guess | None:
    if len(message.text) > 160 and not message.reading.any("K"):
        return Guess("out_of_scope", 0.9)
    return None


def _sos(message: Message, _: Grammars) -> Guess | None:
    if not message.has("sos"):
        return None
    text = message.text
    if re.search(r"付款码|支付|账号|话费|游戏|作业|电影|小说|剧|论文", text):
        return None
    if message.has("sos.joke") and not re.search(
            r"跟踪|尾随|车祸|撞|喘不|晕倒|昏|着火|起火|爆炸|血|骨折|刀|抢劫|中毒|被困", text):
        return None
    if re.search(r"花生过敏|过敏(?:的|,|别|不要|不放)|对.{1,4}过敏", text) and not re.search(
            r"喘|呼吸|休克|肿|严重|救|怎么办|起疹|晕", text):
        return None
    if message.role == "rider" and message.has("rider_problem.vehicle", "rider_problem.unwell") \
            and not re.search(r"救|血|骨折|昏|晕倒|撞", text):
        return None
    if re.search(r"救命|救救|sos|jiuming", text) or message.has("sos.sure"):
        return Guess("sos", 0.95)
    if re.search(r"怎么办|救|快|有人|我|室友|骑手|同学|严重|医院", text):
        return Guess("sos", 0.75)
    return None


_PARCEL_WORDS: Final = re.compile(r"快递|包裹|取件|提货|取货码|驿站|快件|代收|丰巢|货架|自提柜|柜机|邮件|菜鸟")


def _sms(message: Message, _: Grammars) -> Guess | None:
    """Messages with a sender in 【】: a parcel's notice or somebody else's business."""
    reading = message.reading
    if not _SENDER.search(message.text):
        return None
    if (reading.any("KE") or _PARCEL_WORDS.search(message.text)) and (
            reading.any("K") or _PARCEL_WORDS.search(message.text)) and not re.search(
            r"话费|账单|银行|验证码|账户|贷款|积分到期", message.text):
        if "拼单" in message.text and reading.any("GA"):
            return Guess("group_join", 0.8)
        return Guess("order_errand", 0.92)
    if reading.any("G") and "拼单" in message.text:
        return Guess("group_join", 0.85)
    return Guess("out_of_scope", 0.9)


# -- replies to an open question

_CHOICE: Final = re.compile(
    r"(?:我|就)?(?:选|要|来|点|选择|第)?(?:第)?(?P<number>[1-9]|[一二三四五六七八九两])(?:个|号|项|种|款|份|那个|样)?(?:的|吧|呗|那个|就行|谢谢|好了)*")
_LAST_ONE: Final = re.compile(r"最后|最下面|末尾|倒数第一|^后一?个")
_FIRST_ONE: Final = re.compile(r"最上面|最前|头一个|第一|首个|上面那个|前面那个|前者")


def choice_of(message: Message) -> int | None:
    """Which of the offered choices was picked, from 1; None when none was."""
    choices = list(message.context.get("choices") or ())
    if not message.core:
        return None
    match = _CHOICE.fullmatch(message.core)
    number = _digit(match["number"], message) if match else None
    if number is not None:
        return number if not choices or number <= len(choices) else None
    if len(message.core) <= 12 and not message.asks:
        if _LAST_ONE.search(message.core) and choices:
            return len(choices)
        if re.search(r"后者|后面那个|下面那个", message.core) and len(choices) == 2:
            return 2
        if re.search(r"中间", message.core) and len(choices) == 3:
            return 2
        if re.search(r"第([一二三四五六七八九1-9])", message.core):
            return _digit(re.search(r"第([一二三四五六七八九1-9])", message.core)[1],  # type: ignore[index]
                          message)
        if _FIRST_ONE.search(message.core):
            return 1
    return _named_choice(message, choices)


def _digit(said: str, message: Message) -> int | None:
    value = message.reading.lexicon.numerals.value(said)
    return int(value) if value else None


def _named_choice(message: Message, choices: list[Any]) -> int | None:
    lexicon = message.reading.lexicon
    scores = []
    if message.asks and re.search(r"多少|几块|什么|啥|怎么|哪", message.text):
        return None
    for place, choice in enumerate(choices, 1):
        key = str(choice)
        names: tuple[str, ...] = ()
        if key in lexicon.dishes:
            names = lexicon.dishes[key].names
        elif key in lexicon.shops:
            names = lexicon.shops[key].names
        elif key in lexicon.places:
            row = lexicon.places[key]
            names = (str(row["name"]).lower(), *map(str, row.get("aliases") or ()))
        else:
            names = (key.lower(),)
        scores.append((max((_common(name, message.core) for name in names), default=0), place))
    best = max((score for score, _ in scores), default=0)
    winners = [place for score, place in scores if score == best]
    rest = re.sub(r"我|要|那个|这个|的|吧|就|来|选|份|一|个|点|好|给|呀|啊|那|碗|杯", "", message.core)
    if best >= 2 and len(winners) == 1 and len(rest) <= best + 2:
        return winners[0]
    return None


def _common(name: str, said: str) -> int:
    """The length of the longest run of characters in both."""
    for size in range(min(len(name), len(said)), 0, -1):
        if any(name[at:at + size] in said for at in range(len(name) - size + 1)):
            return size
    return 0


def _pending(message: Message, grammars: Grammars) -> Guess | None:
    pending = message.pending
    if not pending:
        return None
    if pending.startswith("confirm"):
        return _pending_confirm(message, grammars)
    asked = _PENDING.get(pending)
    return asked(message, grammars) if asked else None


def _pending_confirm(message: Message, grammars: Grammars) -> Guess | None:
    core = message.core
    cancelling = "cancel" in message.pending
    refunding = "refund" in message.pending
    if cancelling or refunding:
        if grammars.keep.fullmatch(core) or (message.has("deny.keep") and message.residue <= 1):
            return Guess("deny", 0.95)
        if re.fullmatch(r"(?:嗯|对|是的?|好的?|我?要?|确[定认]|就|真的|,)*(?:取消|退款?)(?:吧|了|掉|订单|这单|的)*", core):
            return Guess("confirm", 0.9)
    if says_yes(message, grammars):
        return Guess("confirm", 0.97)
    if not cancelling and grammars.withdraw.fullmatch(core) and not message.asks:
        return Guess("cancel", 0.85)
    if grammars.deny.fullmatch(core) and not message.asks:
        return Guess("deny", 0.95)
    return None


def _pending_pay(message: Message, grammars: Grammars) -> Guess | None:
    if says_yes(message, grammars):
        return Guess("pay", 0.75)
    if grammars.deny.fullmatch(message.core):
        return Guess("deny", 0.9)
    if grammars.withdraw.fullmatch(message.core):
        return Guess("cancel", 0.9)
    return None


def _pending_choose(message: Message, grammars: Grammars) -> Guess | None:
    if grammars.deny.fullmatch(message.core):
        return Guess("deny", 0.85)
    if grammars.withdraw.fullmatch(message.core):
        return Guess("cancel", 0.75)
    if choice_of(message) is not None:
        return Guess("choose", 0.95)
    return None


_STARS: Final = re.compile(r"[⭐🌟★]+")
_RATING: Final = re.compile(
    r"(?P<number>[1-5一二三四五两])\s?(?:颗|个)?(?:星|分|⭐)|满分|全五星|^(?P<bare>[1-5])$|好评|差评|中评")


def rating_of(message: Message) -> int | None:
    """Stars given, 1–5."""
    stars = _STARS.search(message.text)
    if stars:
        return min(5, len(stars[0]))
    found = list(_RATING.finditer(message.text))
    match = next((one for one in found if one["number"]), found[0] if found else None)
    if not match:
        return None
    said = match["number"] or match["bare"]
    if said:
        return _digit(said, message)
    return 5 if "满分" in match[0] or "五星" in match[0] else None


def _pending_rating(message: Message, grammars: Grammars) -> Guess | None:
    if rating_of(message) is not None and len(message.core) <= 30 and not message.asks:
        return Guess("rate", 0.95)
    if message.has("rate") and not message.asks and not message.has("complain.none"):
        return Guess("rate", 0.8)
    if grammars.deny.fullmatch(message.core):
        return Guess("deny", 0.85)
    if re.fullmatch(r"(?:还行|还可以|不错|挺好|很好|一般|一般般|凑合|很棒|好吃|挺好吃|太棒了|完美|赞|可以|满意|很满意|味道不错|超级好吃|都挺好的?)+(?:吧|的|啊|呀|啦)?",
                    message.core):
        return Guess("rate", 0.75)
    return None


def _pending_address(message: Message, grammars: Grammars) -> Guess | None:
    reading = message.reading
    if grammars.deny.fullmatch(message.core):
        return Guess("deny", 0.85)
    if grammars.withdraw.fullmatch(message.core):
        return Guess("cancel", 0.75)
    if message.items and not re.search(r"送到|送去|地址", message.text):
        return None
    if reading.any("PX") and not _question_about(message):
        return Guess("address_set", 0.95)
    if re.fullmatch(r"(?:\d{1,2}-)?[a-z]?\d{2,4}[a-z]?(?:室|寝|寝室|宿舍|房|号)?(?:[\u4e00-\u9fff]{0,4})", message.core):
        return Guess("address_set", 0.9)
    if re.search(r"老地方|默认|原来的地址|之前的地址|上次的地址|跟上次一样|老地址", message.text):
        return Guess("address_set", 0.8)
    return None


def _question_about(message: Message) -> bool:
    return message.asks and message.has("fee", "eta", "price", "menu", "status", "help")


def _pending_time(message: Message, grammars: Grammars) -> Guess | None:
    if message.items:
        return None
    if message.reading.any("T") and not message.asks:
        return Guess("schedule", 0.95)
    if message.has("schedule.now") and len(message.core) <= 10 and not message.asks:
        return Guess("schedule", 0.85)
    if re.fullmatch(r"\d{1,2}[:点]?(?:\d\d)?(?:吧|送|前)?", message.core):
        return Guess("schedule", 0.7)
    if grammars.deny.fullmatch(message.core):
        return Guess("deny", 0.85)
    if grammars.withdraw.fullmatch(message.core):
        return Guess("cancel", 0.75)
    return None


def _pending_code(message: Message, grammars: Grammars) -> Guess | None:
    reading = message.reading
    if reading.any("K") or (reading.any("NAC") and not message.asks and message.residue <= 4):
        return Guess("order_errand", 0.92)
    if grammars.deny.fullmatch(message.core):
        return Guess("deny", 0.85)
    if grammars.withdraw.fullmatch(message.core):
        return Guess("cancel", 0.75)
    return None


_PENDING: Final[Mapping[str, Rule]] = {
    "pay": _pending_pay, "choose": _pending_choose, "ask_rating": _pending_rating,
    "ask_address": _pending_address, "ask_room": _pending_address, "ask_phone": _pending_address,
    "ask_time": _pending_time, "ask_pickup_code": _pending_code,
}


# -- riders

def _rider_offer(message: Message, grammars: Grammars) -> Guess | None:
    if not message.context.get("offer"):
        return None
    if message.has("rider.decline") and not message.asks and message.residue <= 6:
        return Guess("deny", 0.85)
    if message.asks or _NOT_YES.fullmatch(message.core):
        return None
    if message.core in ("1", "接单") or says_yes(message, grammars):
        return Guess("rider_accept", 0.93)
    if message.has("rider.accept") and message.residue <= 3:
        return Guess("rider_accept", 0.93)
    return None


def _rider_problem(message: Message, _: Grammars) -> Guess | None:
    codes = [name for name in message.reading.cues if name.startswith("rider_problem.")]
    if not codes:
        return None
    if message.asks and not re.search(r"咋办|怎么办|咋整|怎么处理|怎么弄|怎么搞|咋弄", message.text):
        return None
    if re.search(r"下班|收工|不跑了|下线", message.text) or re.match(
            r"^(?:我)?(?:不接|拒)(?:单|了|$|\s?[a-z]?\d)", message.text):
        return None
    strong = len(message.text) <= 40
    return Guess("rider_problem", 0.9 if strong else 0.6)


def _rider_progress(message: Message, _: Grammars) -> Guess | None:
    text = message.text
    if message.asks:
        return None
    if message.has("rider.delivered") and not re.search(r"没送到|还没送", text) and (
            re.search(r"送到|送达|放|给到|给了|给他|给她|完成|搞定|交|签收|妥投|完单|本人|拿走|送完|送好|取走|done|代收|结单|当面", text)):
        if not (re.search(r"取餐完成|取件完成|取餐成功", text)):
            return Guess("rider_delivered", 0.92)
    if re.search(r"到店|到商家|到门店|到窗口|到档口|到食堂|到取|在店|等餐|到驿站", text) and not re.search(
            r"取到|拿到|已取", text):
        return Guess("rider_arrived", 0.92)
    if message.has("rider.picked") and not re.search(r"没取|没拿|还没", text):
        return Guess("rider_picked_up", 0.92)
    if message.has("rider.arrived") and not re.search(r"没到|还没", text):
        return Guess("rider_arrived", 0.9)
    return None


def _rider_shift(message: Message, _: Grammars) -> Guess | None:
    if message.asks or message.residue > 4:
        return None
    if message.has("rider.offline") and not re.search(r"不下线|别下线", message.text):
        return Guess("rider_offline", 0.92)
    if message.has("rider.online") and not re.search(r"接单\s?[a-z]?\d|接[a-z]?\d", message.text):
        return Guess("rider_online", 0.92)
    return None


def _rider_take(message: Message, _: Grammars) -> Guess | None:
    if message.asks or not message.reading.any("CN"):
        return None
    if re.search(r"电话|没人|不通", message.text):
        return None
    if re.search(r"不接|不要|拒|转", message.text):
        return Guess("deny", 0.75)
    if re.search(r"接|抢|我要|我来|我送|我去|归我|给我", message.text) and message.residue <= 3:
        return Guess("rider_accept", 0.93)
    return None


def _own_work(message: Message, _: Grammars) -> Guess | None:
    if message.has("status.mine") or (message.asks and message.has("status", "eta")):
        return Guess("query_status", 0.85)
    if message.has("status") and not message.asks:
        return Guess("query_status", 0.6)
    return None


# -- merchants

def _merchant_stock(message: Message, _: Grammars) -> Guess | None:
    if message.asks or not (message.items or message.reading.any("C")):
        return None
    if message.context.get("offer") and re.search(r"拒|接不了|不接|做不了", message.text):
        return None
    if not message.items:
        return Guess("merchant_soldout", 0.7) if "缺" in message.text else None
    if message.has("merchant.restock") and not re.search(r"没有了|没货|没了|卖完|下架|缺|停", message.text):
        return Guess("merchant_restock", 0.9)
    if message.has("merchant.soldout"):
        return Guess("merchant_soldout", 0.92)
    return None


def _merchant_reject(message: Message, _: Grammars) -> Guess | None:
    if message.asks:
        return None
    if message.has("merchant.reject") and not re.search(r"不拒|别拒", message.text):
        return Guess("merchant_reject", 0.92)
    if message.context.get("offer") and message.has(
            "merchant.busy", "merchant.closing", "merchant.no_staff", "merchant.equipment",
            "merchant.sold_out"):
        return Guess("merchant_reject", 0.75)
    return None


def _merchant_ready(message: Message, grammars: Grammars) -> Guess | None:
    if message.asks or not message.has("merchant.ready"):
        return None
    if re.search(r"没好|没做好|还没|没出", message.text):
        return None
    if message.context.get("offer") and says_yes(message, grammars):
        return None
    if message.context.get("offer") and not re.search(
            r"出餐|做好|取|拿|打包|出锅|[a-z]?\d+.{0,3}好了", message.text):
        return None
    return Guess("merchant_ready", 0.92)


def _merchant_accept(message: Message, grammars: Grammars) -> Guess | None:
    if message.asks or message.residue > 3 or _NOT_YES.fullmatch(message.core):
        return None
    offered = bool(message.context.get("offer"))
    if re.search(r"接", message.text) and (offered or message.reading.any("CN") or re.fullmatch(
            r"(?:确认|可以|马上)?接(?:单|了|下)?(?:了|吧)?", message.core)):
        return Guess("merchant_accept", 0.93)
    if offered and (says_yes(message, grammars) or message.has("merchant.accept")):
        return Guess("merchant_accept", 0.92)
    return None


# -- students, by subject

def _human(message: Message, _: Grammars) -> Guess | None:
    if not message.has("human"):
        return None
    if re.search(r"有人吗|有没有人|负责人|值班|说不清|打电话给|来个人|喊个人", message.text) and (
            message.items or message.has("errand.fetch", "errand.buy", "group.open")):
        return None
    if re.search(r"(?:场|馆|室|堂|里|宿舍|操场)有人吗|机器人吗|人工智能|人工湖|人工作业|人工货架|人工柜|人工窗|手工", message.text):
        return None
    strong = re.search(r"人工|客服|真人|活人|rg|kf|kefu|人说|机器人|管事|负责人|经理|工作人员|管理员|叫人来|来个人", message.text)
    return Guess("human", 0.93 if strong else 0.7)


def _rider_job(message: Message, _: Grammars) -> Guess | None:
    if message.has("rider_job") and re.search(
            r"骑手|跑腿|兼职|跑单|送外卖|跑外卖|招人|赚|送餐员|零花|应聘|缺人|勤工|入职|招聘", message.text):
        if re.search(r"投诉|态度|在哪|到哪|电话", message.text):
            return None
        return Guess("become_rider", 0.92)
    return None


def _invite(message: Message, _: Grammars) -> Guess | None:
    if message.has("invite") and not message.reading.any("D"):
        return Guess("invite", 0.92)
    return None


def _coupon(message: Message, _: Grammars) -> Guess | None:
    if not message.has("coupon"):
        return None
    text = message.text
    if re.search(r"红包|券|优惠|满减|积分|折|余额|会员|yhq|yhj|减免|首单|月卡|立减|返现|奖励金|抽奖|充值|兑换|优惠码|新人", text):
        if message.has("complain", "refund", "reasons.overcharge") and not message.asks:
            return None
        if re.search(r"话费|宽带|校园卡|饭卡|游戏|图书|课", text):
            return None
        return Guess("query_coupon", 0.9 if message.asks or message.residue <= 4 else 0.6)
    if re.search(r"活动", text) and message.asks and re.search(r"有|什么|啥", text) and not \
            message.reading.any("PT"):
        return Guess("query_coupon", 0.7)
    return None


def _group(message: Message, _: Grammars) -> Guess | None:
    reading, text = message.reading, message.text
    group = message.context.get("group")
    if _OTHER_TRADE.search(text):
        return None
    about = bool(re.search(r"^(?:我|要|想|来|也)*(?:进|入|参加)[a-z\d]{2,8}|拼|团|pindan|锁单|截单|(?<![a-z])g\d", text)) or bool(group) or (
        reading.any("A") and (message.items > 0 or message.has("group.join", "group.leave")))
    if not about or re.search(r"拼多多|拼命|拼音|打拼|拼搏|团员|社团|团委|团课|乐团|团支书|团日|团费|旅行团|拼车|拼房|拼图|饭团", text):
        if not group:
            return None
    code = reading.any("GA") or (reading.any("CN") and bool(re.search(r"拼|团", text)))
    if message.asks and re.search(r"怎么拼|拼单是什么|怎么玩|啥意思|什么意思|规则|拼单怎么|怎么开团", text):
        return Guess("help", 0.85)
    if message.asks and re.search(r"几个人|多少人|谁.*(?:没付|付了)|还差|到哪|几人|状态|进度|多久", text):
        return Guess("query_status", 0.65)
    if re.fullmatch(r"(?:我|要|想|来|也)*(?:进|入|加入|参加|上车)[a-z\d]{2,8}(?:吧|了|呀)?", message.core) \
            and reading.any("GA"):
        return Guess("group_join", 0.9)
    if message.has("group.leave") and (group or code or re.search(r"拼|团", text)):
        return Guess("group_leave", 0.92)
    if message.has("group.lock") and (group or code or re.search(r"拼|团", text)) and not \
            reading.any("D") and not (reading.any("T") and message.has("group.open")):
        return Guess("group_lock", 0.9)
    if reading.any("D") and (code or group or message.has("group.add")) and not _pools(message):
        return Guess("group_add", 0.9) if not message.asks else None
    if code and (message.has("group.join") or (reading.any("G") and message.residue <= 2) or re.search(
            r"拼|团", text)) and not message.has("group.open.new"):
        return Guess("group_join", 0.92)
    if re.search(r"我也(?:要|想)?拼|算我一个|带我一个|加我一个|我(?:要|想)?加入|跟拼|我要参加|加入拼单|参加拼单|进团|参团|入团|"
                 r"我(?:要|想)?(?:进|参加)(?:拼|团)|上车", text) and (not message.items):
        return Guess("group_join", 0.85)
    if message.has("group.open") and re.search(r"拼|团|pd|pindan", text) and not group:
        return Guess("group_open", 0.9)
    if message.has("group.open") and re.search(r"开|发起|组|建", text):
        return Guess("group_open", 0.8)
    return None


def _pools(message: Message) -> bool:
    """`宿舍拼一单麻辣烫`: what is pooled names the shop."""
    return not message.context.get("group") and not message.reading.any("GA") and bool(
        re.search(r"拼(?:一?单|个|团|一下|饭|奶茶)?|开团|组团|发起", message.text)) and not re.search(
        r"拼单里|团里|加到拼单|拼单加|拼单再", message.text)


def _reorder(message: Message, _: Grammars) -> Guess | None:
    if not message.has("reorder") and not re.search(
            r"那单再|再(?:下|来|点|买|订)一?[次单遍]", message.text):
        return None
    if message.asks and not re.search(r"可以吗|能不能|行吗|好吗|行不", message.text):
        return None
    if re.search(r"取消|退|投诉|催|没到|没收到|难吃|到哪|不要", message.text):
        return None
    strong = re.search(r"再来|再下|再点|再买|再订|老样子|一样|照旧|复购|老规矩|照上|按上|同上|照样|重新来|重新下|重下|重复|"
                       r"来.*(?:上次|上回|昨天)|还是(?:上次|老)|lyz|老三样|照单|原样|照之前|按之前|照原", message.text)
    if not strong:
        return Guess("reorder", 0.6) if message.residue <= 1 and len(message.core) <= 8 else None
    if message.items and not re.search(r"昨天|上次|上回|老样子|上一单", message.text):
        return None
    if message.residue > 6:
        return None
    return Guess("reorder", 0.9)


_ANOTHER_THING: Final = re.compile(
    r"取消(?!掉|了|吧|下|一下|订单|单|这|那|它|刚|上|我|全|外卖|啊|呀|哈|呢|嘛|算|不|行|可|退|谢|配送|呗|哦|点|重|一|两|先|麻烦|还|能|吗|么|得|需|要|会|昨|前|后|最|跑腿|快递|拼|都|给|帮|就|好|嗯|预约单|预订|餐|掉|$|[^\u4e00-\u9fff])[\u4e00-\u9fff]{2}")


def _cancel(message: Message, grammars: Grammars) -> Guess | None:
    reading, text = message.reading, message.text
    if not message.has("cancel") or message.has("cancel.elsewhere"):
        return None
    if message.has("cancel.how") or (message.asks and re.search(
            r"扣|收费|违约|手续费|规则|怎么取消|如何|多久|影响|会不会|要钱|罚|几次|退多少|全额", text)):
        return Guess("help", 0.8)
    if re.search(r"不取消|别取消|先别|不要取消|没取消|没说取消|取消不了", text) and not re.search(
            r"为什么取消|怎么取消了", text):
        return Guess("deny", 0.7) if message.pending else None
    if re.search(r"被取消|谁取消|为什么.{0,4}取消|怎么.{0,3}取消了|取消了(?:吗|没)|取消(?:成功)?了?没|咋取消了", text):
        return Guess("query_status", 0.65)
    known = bool(message.context.get("order") or message.context.get("draft"))
    if _ANOTHER_THING.search(text) and not reading.any("CN"):
        return Guess("out_of_scope", 0.6)
    if re.search(r"取消|退单|撤单|撤销|撤了|退订|作废|qx|quxiao|不送了|别送了|别做了|不用送|不用做|叫停|别接了|不等了", text):
        if reading.any("D") and message.context.get("draft") and re.search(r"取消", text):
            return None
        if message.residue > (8 if known else 4):
            return Guess("out_of_scope", 0.5)
        if message.asks and not re.search(r"能.{0,6}(?:取消|退)|可以.{0,4}取消|取消.{0,4}(?:吗|不)", text):
            return None
        return Guess("cancel", 0.92 if known or reading.any("CN") or message.residue <= 2 else 0.7)
    if known or reading.any("C"):
        if reading.any("D"):
            return None
        if re.search(r"不要了|不想要|不想吃|不点了|不买了|退了|退掉|能退|不想点|这单不要|单子不要|不要这单|不用这单", text):
            return Guess("cancel", 0.85 if message.residue <= 8 else 0.55)
    if re.fullmatch(r"(?:算了|那|我|还是)*(?:不要了|不点了|不买了|不想要了)(?:吧|啊|谢谢)*", message.core):
        return Guess("cancel", 0.6)
    return None


def _pay(message: Message, _: Grammars) -> Guess | None:
    text = message.text
    if not message.has("pay") or message.has("pay.elsewhere"):
        return None
    unpaid = message.pending == "pay" or (
        message.context.get("order") or {}).get("status") == "unpaid"
    if message.has("pay.done"):
        return None
    if message.asks:
        if re.search(r"券|红包|优惠|折|积分|余额有", text):
            return None
        if unpaid and re.search(r"怎么付|怎么支付|怎么给钱|链接|哪.{0,2}付|哪儿付|哪里付|上哪付|去哪付|咋付|如何付|怎么交钱", text):
            return Guess("pay", 0.8)
        return Guess("help", 0.6) if re.search(r"怎么|如何|支持|能不能|可以", text) else None
    if message.residue > (3 if unpaid or message.reading.any("CN") else 1):
        return None
    if re.search(r"货到付款|到付|先吃后付|下次付|不付|别付|没付|晚点付|等会付|待会付|一会付|以后付|他付|她付|帮我付|代付|AA|aa", text):
        return None
    if message.reading.any("DM") and not unpaid:
        return None
    return Guess("pay", 0.92 if unpaid or message.reading.any("CN") else 0.75)


def _after_sale(message: Message, _: Grammars) -> Guess | None:
    """Refunds and complaints about something that came or should have come."""
    text = message.text
    order = message.context.get("order") or {}
    code = _complaint(message)
    refund = re.search(r"退款|退钱|退我|赔|退一半|退一部分|退差价|退.{0,4}钱|把钱退|还我钱|补偿|全额退|tuikuan|^tk|退了吧|给我退|给退|重做一份|"
                       r"重新做一份|补一份|补发|补送|重送|退还|退这份|退货", text)
    if refund and not re.search(r"押金|学费|话费|车票|机票|酒店|电影票|门票|健身|会员费|淘宝|京东上|拼多多|游戏|培训|网课", text):
        if re.search(r"退款.{0,3}(?:处理|审核|弄|办).{0,3}(?:怎|咋|了吗|了没|好)|退款?(?:的)?(?:进度|到账|多久|什么时候|到了|成功|处理)|退了没|退了吗|什么时候.{0,6}(?:退|到账)|多久.{0,6}(?:退|到账)|"
                     r"退.{0,6}到账|钱退|还没退|没退|到账|几天.{0,4}退|退到哪|没到账", text) and (
                message.asks or re.search(r"还没|没到账|没退|进度", text)) and not re.search(
                r"给我退|申请退", text):
            return Guess("query_status", 0.85)
        if message.asks and re.search(r"怎么退|如何退|规则|流程|怎么赔|赔不赔|会赔|超时.{0,4}赔|赔多少|赔付", text) and \
                not code:
            return Guess("help", 0.8)
        if message.asks and re.search(r"能退(?!款|钱)", text) and order.get("status") not in (
                "delivered", "done", "finished"):
            return Guess("cancel", 0.55)
        if message.residue > 14:
            return Guess("out_of_scope", 0.5)
        return Guess("refund", 0.9 if order or code or message.reading.any("CN")
                     or message.residue <= 3 else 0.6)
    return None


def _complaint(message: Message) -> str | None:
    from bot.nlu.slots import reason
    return reason(message.reading, _COMPLAINTS)


_COMPLAINTS: Final = ("foreign_object", "hygiene", "not_received", "spilled", "wrong_item",
                      "missing", "overcharge", "attitude", "cold", "damaged", "bad_taste", "late")


def _complain(message: Message, _: Grammars) -> Guess | None:
    text = message.text
    order = message.context.get("order") or {}
    delivered = order.get("status") in ("delivered", "done", "finished", "completed")
    code = _complaint(message)
    loud = re.search(r"投诉|差评|举报|举报|给个说法|讨个?说法|反馈|tousu|太差|离谱|恶心|坑人|黑心|骗人|太过分|不满意|什么态度", text)
    if re.search(r"室友|朋友|听说|昨天吃|上次吃|我妈|食堂|网上|别家|老师|同学|小红书", text) and not (order and loud):
        return None
    if message.asks and re.search(r"怎么投诉|如何投诉|哪里投诉|投诉电话", text):
        return Guess("help", 0.6)
    if loud and (code or order or message.residue <= 6 or re.search(r"投诉|骑手|商家|店家", text)):
        if message.residue > 16:
            return None
        return Guess("complain", 0.9)
    if code is None:
        return None
    if code == "late":
        return Guess("complain", 0.6) if delivered else None
    if message.context.get("draft") or message.pending.startswith(("ask_", "confirm", "choose")):
        return None
    if delivered or order or message.reading.any("C"):
        if order.get("status") in ("cooking", "accepted", "unpaid") and code in (
                "missing", "cold", "bad_taste"):
            return None
        return Guess("complain", 0.88 if delivered else 0.75)
    if message.has("errand.buy", "errand.fetch", "errand.send"):
        return None
    if code in ("spilled", "missing", "wrong_item", "foreign_object", "not_received", "overcharge",
                "attitude") and message.residue <= 3 and len(text) <= 24 and re.search(
                    r"送|洒|漏|少了|里面|骑手|收|外卖|汤|餐", text):
        return Guess("complain", 0.7)
    return None


def _rate(message: Message, _: Grammars) -> Guess | None:
    if not message.has("rate") or message.asks or _OTHER_TRADE.search(message.text):
        return None
    order = message.context.get("order") or {}
    if re.search(r"点赞|评分多少|怎么评", message.text):
        return None
    if re.search(r"好评|[一二两三四五1-5](?:颗)?星|打分|评分|满分|差评|⭐|评价", message.text) and (
            order or message.residue <= 3):
        return Guess("rate", 0.88)
    if order.get("status") == "delivered" and message.residue <= 3:
        return Guess("rate", 0.65)
    return None


def _progress(message: Message, _: Grammars) -> Guess | None:
    """Where is it, when does it come, hurry up."""
    text = message.text
    order = message.context.get("order") or {}
    eta, status, urge = message.has("eta"), message.has("status"), message.has("urge")
    if not (eta or status or urge):
        return None
    if re.search(r"高铁|火车|飞机|考试|上课|比赛|讲座|电影|天气|成绩|地铁|公交|校车|班车|毕业|放假|快递员|开学|录取|军训|录播", text):
        return None
    if urge and not re.search(r"催婚|催眠|催债|催论文|催作业|速度与", text):
        strong = re.search(r"催|搞快|快点|快一点|快些|赶紧|赶快|怎么还|咋还|还没到|还没送|还不来|还不到|饿死|等不及|麻溜|抓紧|速度|加急|ccd|cui|"
                           r"怎么这么慢|半天了|迟迟|没动静|还没好|还没做|再不|能不能快|快快快|快啊", text)
        if strong and not message.items and (order or message.reading.any("C")
                                             or message.residue <= 2):
            if order or message.reading.any("CN") or re.search(r"催|怎么还|咋还|还没|还不", text):
                return Guess("urge", 0.88)
    if eta and (message.asks or message.residue <= 2):
        if message.residue <= 4 or order:
            return Guess("query_eta", 0.88)
    if status and (message.residue <= 4 or order):
        if message.has("menu") and not order and message.items:
            return None
        return Guess("query_status", 0.86 if order or message.residue <= 1 else 0.7)
    if urge and order and not message.items and message.residue <= 4:
        return Guess("urge", 0.75)
    return None


def _mine_where(message: Message, _: Grammars) -> Guess | None:
    """`我的麻辣烫呢`."""
    if re.search(r"我(?:的|点的|那).{1,10}(?:呢|在哪|去哪)", message.text) and message.residue <= 2:
        return Guess("query_status", 0.85)
    return None


def _fee(message: Message, _: Grammars) -> Guess | None:
    if not message.has("fee", "price"):
        return None
    text = message.text
    if re.search(r"配送费|运费|起送|跑腿费|打包费|餐盒费|包装费|怎么收费|咋收费|收费|代取费|加急费|上楼费|免配送|怎么计费|起步价|最低消费|psf|"
                 r"服务费|外送费|送餐费|路费|费用|怎么收|资费", text):
        if re.search(r"学费|网费|水费|电费|话费|报名|住宿费|停车|挂号|班费", text):
            return None
        if not re.search(r"多少|几[块元毛角分钱]|怎么|咋|查|要钱|贵|收费|吗|免|^.{0,8}(?:费|价)$", text):
            if message.has("complain", "refund"):
                return None
            if message.reading.any("M"):
                return None
        return Guess("query_fee", 0.9)
    errand = message.has("errand.fetch", "errand.print", "errand.run", "errand.queue",
                         "errand.parcel") or re.search(r"快递|打印|复印|跑腿|排队|代买|代取|送上楼|送到", text)
    if errand and message.has("price") and not message.items and (message.residue <= 6):
        return Guess("query_fee", 0.88)
    return None


def _price(message: Message, _: Grammars) -> Guess | None:
    if not message.has("price"):
        return None
    text = message.text
    if not re.search(r"多少钱|多少米|多少块|几块|几元|价|咋卖|怎么卖|贵|便宜|多少$|多少[?呀啊呢]|一共|总共|合计|加起来|dsq|多钱|卖多少|要多少|"
                     r"得多少|花多少|人均|多少一|duoshao|几多", text):
        return None
    if message.items or message.reading.any("S") or message.context.get("draft"):
        if message.reading.any("M") and not message.asks:
            return None
        return Guess("query_price", 0.92 if message.residue <= 3 else 0.65)
    if message.residue <= 1 and message.asks:
        return Guess("query_price", 0.6)
    return None


def _menu(message: Message, _: Grammars) -> Guess | None:
    if not message.has("menu"):
        return None
    reading, text = message.reading, message.text
    if re.search(r"电影|歌|书单|旅游|景点|酒店|作业|课程|专业|考试|老师|手机|电脑|游戏|股票|几点关门|自习|衣服|"
                 r"图书馆.{0,4}(?:开|关)|体育馆.{0,4}(?:开|关)", text) and not reading.any("SD"):
        return None
    named = reading.any("SD")
    if re.search(r"菜单|caidan|^cd$", text) and message.residue <= 4:
        return Guess("query_menu", 0.93)
    if named and message.asks and (message.residue <= 6):
        return Guess("query_menu", 0.88)
    if named and re.search(r"看看|看一下|推荐|瞅瞅|有什么|有啥|卖什么", text) and message.residue <= 4:
        return Guess("query_menu", 0.85)
    if reading.any("P") and not re.search(r"吃|喝|菜|店|外卖|卖|窗口|点餐", text):
        return None
    food = re.search(r"吃|喝|菜|店|外卖|餐|饭|奶茶|口味|夜宵|早|套餐|点|清淡|辣|推荐|开着|营业|特价|新品|好吃|素|饮|招牌|有什么|有啥|接单|下单", text)
    if food and message.residue <= 5 and (message.asks or re.search(
            r"推荐|看看|招牌|特色|热销|必点|随便|人气|吃啥|吃什么|喝啥|清单|清淡", text)):
        return Guess("query_menu", 0.85 if message.residue <= 2 else 0.65)
    if reading.any("M") and message.asks and re.search(r"吃|喝", text):
        return Guess("query_menu", 0.8)
    return None


def _errand(message: Message, _: Grammars) -> Guess | None:
    reading, text = message.reading, message.text
    if _OTHER_TRADE.search(text):
        return None
    if message.asks and re.search(r"怎么|如何|规则|多少钱|几块|收费|几点|在哪|哪里|什么时候", text) and not re.search(
            r"帮我|帮忙|代取|代买", text):
        return None
    parcel = _parcel_errand(message)
    if parcel is not None:
        return parcel
    asking = bool(re.search(r"帮|代|求|谁|有人|找人|麻烦|跑腿|能不能|可以.*(?:买|取|拿|带|送)|请|我要|我想|需要|把", text))
    if message.has("errand.print") and re.search(r"打印|复印|彩印|印|dayin|彩打", text) and not (
            message.asks and re.search(r"打印店.{0,4}(?:开|关|在哪|几点)|坏", text)):
        if asking or reading.any("PTQ") or message.residue <= 8:
            return Guess("order_errand", 0.88)
    if message.has("errand.queue") and asking:
        return Guess("order_errand", 0.85)
    if _moves_thing(message):
        return Guess("order_errand", 0.85)
    if message.has("errand.buy") and asking and re.search(r"买|捎|代购|带", text) and not message.items:
        if re.search(r"买(?:票|房|车|股|基金|彩票|单)|充", text) and not re.search(r"药", text):
            return None
        return Guess("order_errand", 0.82)
    if re.search(r"跑腿|跑个?腿|代跑|跑一趟|代办", text) and message.residue <= 4 and not message.items:
        return Guess("order_errand", 0.85)
    return None


def _parcel_errand(message: Message) -> Guess | None:
    reading, text = message.reading, message.text
    thing = re.search(r"快递|包裹|kd|kuaidi|快件|取件|驿站|大件|小件|中件|(?:个|件|有|拿|取)件|件(?:在|到)|邮件", text)
    verb = re.search(r"取|拿|领|代|带|搬|捎|帮|送", text)
    if reading.any("K") and (reading.any("E") or thing or verb or message.context.get("draft")):
        return Guess("order_errand", 0.92)
    if reading.any("K") and message.residue <= 1:
        return Guess("order_errand", 0.75)
    if reading.any("E") and (verb or reading.any("P")) and not message.items:
        return Guess("order_errand", 0.85)
    if reading.any("E") and any(cell.start > reading.of("E")[0].end for cell in reading.of("N")):
        return Guess("order_errand", 0.7)
    if thing and verb and not message.items and message.residue <= 8:
        if message.asks and not re.search(r"帮|代|谁|有人|能.{0,4}取|可以", text):
            return None
        return Guess("order_errand", 0.88)
    return None


def _moves_thing(message: Message) -> bool:
    """Something of one's own, from here to there."""
    reading, text = message.reading, message.text
    if not message.has("errand.send"):
        return False
    moved = re.search(r"把.{1,12}(?:送|拿|带|捎|搬|给|寄)|从.{1,14}(?:送|拿|带|捎|搬|寄)|(?:忘|落|丢|拉)(?:在|了)?.{0,12}|寄|转交|捎到|捎给|拿到|"
                      r"带到|搬到|送给|拿给|帮我送|帮忙送|代送|还给", text)
    helped = re.search(r"帮|求|谁|找人|麻烦|把|要从|跑腿|请|代", text)
    return bool(moved and helped and reading.any("P") and not (
        message.items and not re.search(r"忘|落|把|从|的.{1,6}(?:捎|拿|带|搬|送)到", text)))


def _swap(message: Message, _: Grammars) -> Guess | None:
    """换 or 改 with a dish, while an order is open: before the question beside it."""
    if not message.items or not re.search(r"换|改", message.text):
        return None
    return _change(message, _)


def _delivery(message: Message, _: Grammars) -> Guess | None:
    """Errands that nothing else can be: a carrier, a pickup code, a thing to be moved."""
    if message.reading.any("EK") or _moves_thing(message) or (
            not message.items and message.has("errand.buy", "errand.print", "errand.fetch",
                                              "errand.queue") and re.search(r"帮|代|求|谁|找人", message.text)):
        return _errand(message, _)
    return None


def _change(message: Message, _: Grammars) -> Guess | None:
    """Something about the open draft or the order shown."""
    context, reading, text = message.context, message.reading, message.text
    draft = context.get("draft") or {}
    order = context.get("order") or {}
    holding = draft if draft.get("items") or draft.get("shop_id") else order
    if not holding.get("items"):
        return None
    placed = holding is order
    if placed and order.get("status") in ("delivered", "done", "finished"):
        return None
    if message.asks and not re.search(
            r"能.{0,10}(?:换|改|加|说|不放|去|少|多)|可以.{0,8}(?:换|改|加|不放)|没做的话|行吗|好吗|行不", text):
        return None
    if message.has("narrate") and message.residue > 3:
        return None
    if message.items and message.residue <= 5:
        if placed and not re.search(r"换|改|加|去|不要|少|多|备注|取消|退|再", text):
            return None
        return Guess("modify_order", 0.92)
    if reading.any("O") and message.residue <= 4:
        return Guess("modify_order", 0.92)
    if re.search(r"换|改|加|减|去掉|删|再来|多|少|够|份|杯|碗|个|瓶", text) and message.residue <= 2:
        if reading.any("Q") or re.search(r"再来|再加|换一下|换个|改一下|换掉|不要那|那个不要|换别的", text):
            if not (reading.any("T") or reading.any("P")):
                return Guess("modify_order", 0.88)
    if reading.any("Q") and not reading.any("TPM") and message.residue <= 1 and not \
            re.search(r"等|分钟|小时", text):
        return Guess("modify_order", 0.85)
    if message.has("marks.note") and not message.asks and message.residue <= 12 and not \
            reading.any("TP"):
        if re.search(r"备注|餐具|筷子|吸管|多放|少放|少油|少盐|汤|别打电话|敲门|放门口|挂|分开|打包|按门铃|留言|跟老板|告诉|醋|放前台|放架|"
                     r"软|硬|脆|嫩|熟|保温", text):
            return Guess("modify_order", 0.85)
    return None


def _address(message: Message, _: Grammars) -> Guess | None:
    reading, text = message.reading, message.text
    if message.items or not (reading.any("PX") or message.has("address.change")):
        return None
    if message.asks and not re.search(r"能.{0,6}(?:送|改)|可以.{0,6}(?:送|改)|行吗|好吗|行不", text):
        return None
    if message.has("address.change") and (reading.any("PX") or re.search(
            r"改.{0,3}地址|换.{0,3}地址|地址.{0,3}[改换]|换.{0,3}(?:手机|电话|号码)", text)):
        if message.residue <= 8:
            return Guess("address_set", 0.92)
    live = message.context.get("draft") or message.context.get("order")
    if live and reading.any("PX") and message.residue <= 5 and not message.has(
            "urge", "status", "complain"):
        return Guess("address_set", 0.88)
    if reading.any("P") and re.search(r"^(?:请|麻烦)?(?:改?送|寄)(?:到|去|至)?", text) and \
            message.residue <= 3:
        return Guess("address_set", 0.7)
    bare = "".join(text[cell.start:cell.end] for cell in reading.cells if cell.kind not in "PNXCA")
    if reading.any("P") and reading.any("NX") and re.fullmatch(r"[\s,.。的我在号室寝电话:]*", bare):
        return Guess("address_set", 0.75)
    if reading.any("X") and message.residue <= 2 and re.search(r"手机|电话|号", text):
        return Guess("address_set", 0.85)
    return None


def _schedule(message: Message, _: Grammars) -> Guess | None:
    reading, text = message.reading, message.text
    live = message.context.get("draft") or message.context.get("order")
    if message.items:
        return None
    if reading.any("T") and (not message.asks or re.search(
            r"能.{0,10}送|可以.{0,8}送|可以吗|行吗|行不|好吗", text)):
        if live and message.residue <= 3:
            return Guess("schedule", 0.93)
        if not live and message.residue <= 1 and re.search(r"送|改到|推迟|提前|预约", text):
            return Guess("schedule", 0.75)
    if live and message.has("schedule.now") and message.residue <= 1 and re.search(
            r"送|要|尽快|越快", text) and not message.asks:
        return Guess("schedule", 0.85)
    if live and re.search(r"(?:晚|早|迟)(?:一?点|些)(?:再)?送|晚点再|推迟|延后|提前(?:点|送)", text) and \
            message.residue <= 3:
        return Guess("schedule", 0.7)
    return None


_NARRATIVE: Final = re.compile(
    r"室友说|朋友说|听说|我妈|我爸|(?:昨天|昨晚|前天|上周|早上|中午)(?:吃|喝)了?(?!吧)|昨天点了|上次吃|吃过|吃多了|会胖|减肥|怎么做(?!的)|做法|菜谱|配方|热量|卡路里|小时候|梦[见到]|没钱|要是|"
    r"为什么|觉得|据说|健康|拉肚子|好久没吃|吃腻|腻了|历史|由来|英语|英文|翻译|首歌|作文|论文|爱吃|喜欢吃|讨厌|同学说|舍友说|对象|男朋友|女朋友|辅导员|"
    r"小红书|抖音|微博|怎么走|在哪里|几点关门|好想(?:吃|喝).{0,8}但|吃什么好|比.{1,8}好吃|还是.{1,8}好吃|刚(?:吃|喝)|吃完了|喝完了|吃了.{0,6}(?:了|过)|"
    r"真好吃|真难吃|好吃(?:吗|不)|我做的?|自己做|学做|教我|请我吃|请客|想学|考完|排队.{0,4}长|人真多|好挤")


def _order(message: Message, _: Grammars) -> Guess | None:
    reading, text = message.reading, message.text
    if message.items:
        return _order_of_dishes(message)
    if reading.any("S") and not message.asks:
        if message.residue <= 2 and (message.has("marks.order") or len(message.core) <= 8):
            return Guess("order_food", 0.85)
    if re.search(r"点(?:个|份|一份)?(?:外卖|餐|饭|吃的|东西)|想?吃饭|叫外卖|订餐|订饭|带个?饭|来点吃的|我要吃|想吃(?:点)?东西|下单$|我要点|"
                 r"带份饭|点单|来点外卖|整点吃的|弄点吃的|搞点吃的|来份饭|买饭|带饭|想吃外卖|买点吃的", text) and message.residue <= 2:
        if not message.asks or re.search(r"可以|能不能|帮", text):
            return Guess("order_food", 0.75)
    return None


_OTHER_TRADE: Final = re.compile(
    r"酒店|宾馆|景点|景区|游玩|门票|票价|住宿|入住|出租车|打车|餐馆|评分[是在]?\d|\d(?:\.\d)?分以上|人均|车牌|机票|温泉|旅游|游览|这道菜|公园|博物馆|故宫|大厦|地铁站")


def _order_of_dishes(message: Message) -> Guess | None:
    reading, text = message.reading, message.text
    if _NARRATIVE.search(text) or _OTHER_TRADE.search(text):
        return None
    if message.asks and not re.search(
            r"能.{0,8}(?:送|点|来|带)|可以.{0,8}(?:送|点|来|带|吗)|行吗|好吗|行不|帮我|谁.{0,4}带|有人", text):
        return None
    if message.residue > max(5, len(text) // 3):
        return None
    sure = 0.93 if message.residue == 0 else 0.85 if message.residue <= 2 else 0.7
    weak = all(not cell.sure for cell in reading.of("D"))
    if weak:
        sure -= 0.15
        if not (message.has("marks.order") or reading.any("QO")) and message.residue > 1:
            return None
    return Guess("order_food", sure)


def _help(message: Message, _: Grammars) -> Guess | None:
    text = message.text
    if not message.has("help"):
        return Guess("help", 0.6) if re.fullmatch(r"\?+|？+|怎么弄|咋弄|怎么搞", text) else None
    if re.search(r"作业|高数|题|论文|编程|代码|英语|数学|考试|电脑|手机|关注|打印机|网费|校园网|选课|宿舍|空调|热水|洗衣|饭卡|校园卡|"
                 r"菜谱|火车|护照|社保", text) and not re.search(r"送|点餐|外卖|下单|骑手", text):
        return None
    if re.search(r"说明书|功能键|什么意思$", text) and message.residue > 3:
        return None
    return Guess("help", 0.88 if message.residue <= 3 else 0.6) if message.residue <= 8 else None


def _confirm_anyway(message: Message, _: Grammars) -> Guess | None:
    """确认A27, 确认 without a known question: the word itself is the command."""
    if re.fullmatch(r"(?:我)?(?:确认|确定)(?:下单|付款|订单)?(?:[a-z]\d{1,4}|\d{3,6})?(?:吧|的|了)?", message.core) and not \
            message.asks:
        coded = message.reading.any("CN")
        return Guess("confirm", 0.85 if coded or message.context.get("draft") else 0.6)
    return None


def _chat(message: Message, grammars: Grammars) -> Guess | None:
    core = message.core
    if len(core) <= 24 and grammars.chat.fullmatch(core):
        return Guess("chitchat", 0.85)
    if re.search(r"你(?:是|叫|几岁|多大|有|会).{0,6}(?:谁|机器人|人|名字|什么|吗|啥)|谢谢|辛苦|晚安|早安|你好|生日快乐|哈哈", core) and \
            message.residue <= 3:
        return Guess("chitchat", 0.7)
    return None


def _greeting(message: Message, _: Grammars) -> Guess | None:
    """你好 begins with no yes: it must confirm, accept and pay for nothing."""
    if re.fullmatch(r"(?:你|您|你们|您们|大家|老板|老师|师傅|小哥|同学|各位)好(?:呀|啊|哈|哇|呢|喔|哦)*[\W_]*",
                    message.text):
        return Guess("chitchat", 0.9)
    return None


_COMMON: Final[tuple[Rule, ...]] = (_unsafe, _long, _sos, _greeting)
_TAIL: Final[tuple[Rule, ...]] = (_human, _coupon, _help, _chat)
_STUDENT: Final[tuple[Rule, ...]] = (
    *_COMMON, _sms, _pending, _human, _confirm_anyway, _rider_job, _invite, _group,
    _fee, _coupon, _reorder, _price, _after_sale, _pay, _cancel, _complain, _rate, _mine_where,
    _swap, _progress, _delivery, _change, _address, _schedule, _menu, _errand, _order, _help, _chat)
_RULES: Final[Mapping[str, tuple[Rule, ...]]] = {
    "student": _STUDENT,
    "rider": (*_COMMON, _pending, _human, _rider_offer, _rider_take,
              _rider_problem, _rider_progress, _rider_shift, _own_work, _coupon, _invite, _rider_job, _help, _chat),
    "merchant": (*_COMMON, _pending, _human, _merchant_stock, _merchant_reject, _merchant_ready,
                 _merchant_accept, _own_work, _help, _chat),
}
