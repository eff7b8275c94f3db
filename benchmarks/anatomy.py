"""Where a message's CPU goes: one process, one thread, no network but the database's."""
import cProfile
import pstats
import re
import time
from collections import Counter

from sqlalchemy import event

from benchmarks.people import People, Target
from config import settings

KINDS = ("order", "confirm", "status", "chatter")
WARM = 40
PACKAGE = re.compile(r"site-packages/(\w+)")
OURS = re.compile(r"/(bot/nlu|bot|handlers|models|config|gateways)/")


def profile(messages: int) -> str:
    """Milliseconds of CPU a message by package, queries a message by kind, dearest functions.

    The profiler's own cost is in it, so the shares say more than the sums.
    """
    from models.base import connect
    from wsgi import create_app

    client = create_app().test_client()
    people = People(Target(0, settings.load().wechat_account, answers=True))
    sentences, queries, kind = people.sentences(), Counter[str](), [""]

    def hear(count: int) -> None:
        for n in range(count):
            path, body = people.sealed(*next(sentences))
            kind[0] = KINDS[n % len(KINDS)]
            answer = client.post(path, data=body, content_type="text/xml")
            people.opened(answer.status_code, answer.data)

    hear(WARM)
    event.listen(connect(settings.load().database_url), "before_cursor_execute",
                 lambda *_: queries.update([kind[0]]))
    watched = cProfile.Profile(time.thread_time)
    watched.runcall(hear, messages)
    return "\n".join((*_packages(watched, messages), *_functions(watched, messages),
                      *(f"  {queries[each] * len(KINDS) / messages:6.1f} queries: {each}"
                        for each in KINDS)))


def _packages(watched: cProfile.Profile, messages: int) -> list[str]:
    spent: Counter[str] = Counter()
    for (file, _, name), (_, _, own_s, *_) in pstats.Stats(watched).stats.items():  # type: ignore
        spent[_owner(file, name)] += own_s * 1000 / messages
    total = sum(spent.values())
    return [f"  {ms:6.2f} ms {100 * ms / total:3.0f} %  {owner}"
            for owner, ms in spent.most_common(14)]


def _owner(file: str, name: str) -> str:
    if found := PACKAGE.search(file):
        return found[1]
    if found := OURS.search(file):
        return f"ours: {found[1]}"
    return "built-in: " + re.sub(r"[^a-z_.]+.*", "", name.strip("<{")) if file == "~" else "python"


def _functions(watched: cProfile.Profile, messages: int) -> list[str]:
    """Our own functions by what they and all they call cost."""
    costs = [(whole_s * 1000 / messages, f"{OURS.search(file)[1]}: {name}")  # type: ignore
             for (file, _, name), (_, _, _, whole_s, _)
             in pstats.Stats(watched).stats.items()  # type: ignore
             if OURS.search(file) and "site-packages" not in file]
    return ["", *(f"  {ms:6.2f} ms  {name}" for ms, name in sorted(costs, reverse=True)[:40]), ""]
