"""/sim: the clock, the faults, the journal, and what the documents leave open."""
from dataclasses import asdict, fields

from flask import Response, jsonify, request

from simulator import tokens
from simulator.control.door import BadRequest, Told, asked, blueprint, number, world
from simulator.state import Knobs


@blueprint.get("/journal")
def journal() -> Told:
    """?after=SEQ&last=N: the entries since then, the newest N of them."""
    entries = world().journal.entries(request.args.get("after", 0, int))
    newest = entries[-max(request.args.get("last", len(entries), int), 1):] if entries else []
    return {"entries": newest, "last": entries[-1]["seq"] if entries else 0}


@blueprint.post("/time")
def advance() -> Told:
    world().advance(number(asked(), "advance_s"))
    return {"now": world().now()}


@blueprint.route("/faults", methods=["GET", "POST", "DELETE"])
def faults() -> Told:
    """POST a fault ({"where": …, "times": …, …}) or several ({"faults": […]}); DELETE: clear.

    `times` null: until switched off. `who`: a phone, by name, id or openid.
    """
    if request.method == "DELETE":
        world().faults.clear()
    elif request.method == "POST":
        body = asked()
        for one in body.get("faults", [body] if body else []):
            add_fault(one)
    return {"faults": world().faults.listed()}


def add_fault(effect: Told) -> int:
    """Ask for a fault; its id. Raises BadRequest."""
    if not isinstance(effect, dict):
        raise BadRequest("a fault is a JSON object")
    effect = dict(effect)
    if effect.get("who"):
        effect["who"] = world().phone(str(effect["who"])).openid
    times = effect.get("times", 1)
    if times is not None and (not isinstance(times, int) or isinstance(times, bool) or times < 1):
        raise BadRequest("times must be a positive number, or null for until it is switched off")
    try:
        return world().faults.add(**effect).id
    except TypeError as error:
        raise BadRequest(str(error)) from error


@blueprint.delete("/faults/<int:fault_id>")
def switch_off(fault_id: int) -> Told:
    """Switch one off; what it held back (a stuck refund) goes on."""
    if not world().faults.remove(fault_id):
        raise BadRequest("no fault that is on has that id")
    return {"faults": world().faults.listed()}


@blueprint.route("/knobs", methods=["GET", "POST"])
def knobs() -> Told:
    if request.method == "POST":
        known = {knob.name for knob in fields(Knobs)}
        for name, value in asked().items():
            if name not in known:
                raise BadRequest(f"there is no knob {name}")
            setattr(world().knobs, name, value)
    return asdict(world().knobs)


@blueprint.get("/state")
def state() -> Told:
    here = world()
    with here.lock:
        return {"now": here.now(), "phones": len(here.phones), "events": here.last_seq,
                "orders": len(here.orders), "refunds": len(here.refunds),
                "transfers": len(here.transfers), "faults": len(here.faults.listed()),
                "accounts": list(here.accounts), "webhook": here.webhook,
                "refused": dict(here.refusals), "mch_id": here.credentials.mch_id}


@blueprint.post("/handshake")
def handshake() -> Told:
    """{app_id?}: GET the webhook with an echostr, as saving it in the console does."""
    app_id = asked().get("app_id", world().credentials.app_id)
    if app_id not in world().accounts:
        raise BadRequest("app_id is not an account here")
    return {"ok": world().handshake(app_id)}


@blueprint.post("/tokens/expire")
def expire_tokens() -> Told:
    tokens.expire_all(world())
    return {"ok": True}


@blueprint.get("/health")
def health() -> Response:
    return jsonify(ok=True)
