"""A phone in somebody's hand, by the simulator's HTTP API."""
import re
from typing import Any
from urllib.parse import urlsplit

import requests

PATIENCE_S = 30.0
BRIDGE = (("mchId", "mch"), ("appId", "app"), ("package", "package"))


class PhoneTrouble(Exception):
    """The simulator or a page did not do as it was asked."""


def ask(method: str, url: str, **how: Any) -> requests.Response:
    """One request to this machine, past any proxy. Raises PhoneTrouble."""
    try:
        with requests.Session() as session:
            session.trust_env = False
            answer = session.request(method, url, timeout=PATIENCE_S, **how)
            answer.raise_for_status()
            return answer
    except requests.RequestException as error:
        raise PhoneTrouble(f"{method} {urlsplit(url).path}: {type(error).__name__}") from error


class Phone:
    def __init__(self, sim_url: str, name: str, role: str) -> None:
        self.sim, self.name = sim_url, name
        made = ask("POST", f"{sim_url}/sim/phones",
                   json={"name": name, "role": role, "follow": False}).json()
        self.id, self.follows = str(made["id"]), bool(made["followed"])

    def follow(self, scene: str | None = None) -> str:
        """Follow the account, by a poster's code if there is one; its greeting."""
        return self._do("follow", scene=scene)

    def say(self, words: str, tap_id: str = "") -> str:
        """Send a text, or what tapped words send; the reply, "" where there is none yet."""
        tapped = {"msgmenuid": tap_id} if tap_id else {}
        return self._do("text", content=words, **tapped)

    def take(self, link: str) -> str:
        """Open a link that pays for somebody and say yes; one's own pay link."""
        return str(self._press(link, "take")["url"])

    def pay(self, link: str) -> bool:
        """Open a pay link, tap its button and confirm. False: it could not be paid."""
        signed = self._press(link, "prepay")
        told = self._post("pay", request=signed,
                          prepay_id=str(signed["package"]).removeprefix("prepay_id="))
        return str(told["err_msg"]).endswith(":ok")

    def receive(self, link: str) -> bool:
        """Open a payout's link and let the money in. False: it could not be had."""
        page = ask("GET", self._post("open", url=link)["url"]).text
        asked = {name: found[1] for name, key in BRIDGE
                 if (found := re.search(rf'data-{key}="([^"]+)"', page))}
        return str(self._post("receive", **asked)["err_msg"]).endswith(":ok")

    def _press(self, link: str, button: str) -> dict[str, Any]:
        """Open a page of ours and press a button of it; what its script is told."""
        page = self._post("open", url=link)["url"]
        shown = ask("GET", page)
        origin, path = "{0.scheme}://{0.netloc}".format(urlsplit(page)), urlsplit(shown.url).path
        return dict(ask("POST", f"{origin}{path}/{button}", headers={
            "Origin": origin, "Sec-Fetch-Site": "same-origin"}).json())

    def _do(self, deed: str, **what: Any) -> str:
        return str(self._post(deed, **what).get("reply") or "")

    def _post(self, deed: str, **what: Any) -> dict[str, Any]:
        return dict(ask("POST", f"{self.sim}/sim/phones/{self.id}/{deed}", json=what).json())
