"""Programs of others that need node: found, or skipped with one line; in CI they must be there."""
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from simulator.world import World

FOLDER = Path(__file__).parent / "node"
HOW = "npm ci --prefix tests/simulator/node"


def node() -> str:
    """The path of node, with its packages installed; otherwise the test is skipped."""
    found = shutil.which("node")
    missing = "node" if not found else \
        "node's packages" if not (FOLDER / "node_modules").is_dir() else ""
    if not missing:
        return str(found)
    told = f"{missing} not installed ({HOW})"
    if os.environ.get("CI", "").lower() == "true":
        pytest.fail(f"{told}, and in CI they must be", pytrace=False)
    pytest.skip(told)


class NodeMerchant:
    """wechatpay-axios-plugin in a process of its own (node/merchant.mjs)."""

    def __init__(self, world: World, certs: dict[str, str]) -> None:
        c = world.credentials
        self.process = subprocess.Popen([node(), "merchant.mjs"], cwd=FOLDER, text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.ask("configure", base=f"{world.base_url}/", mchid=c.mch_id, serial=c.cert_serial,
                 privateKey=c.merchant_key.read_text(), certs=certs, apiV3Key=c.api_v3_key)

    def ask(self, act: str, **asked: Any) -> dict[str, Any]:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps({"act": act, **asked}) + "\n")
        self.process.stdin.flush()
        return dict(json.loads(self.process.stdout.readline()))

    def call(self, path: str, data: Any = None, **more: Any) -> dict[str, Any]:
        """{"status", "data"}; {"error": a code} when the answer could not be believed."""
        return self.ask("call", path=path, data=data,
                        method="get" if data is None else "post", **more)

    def close(self) -> None:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()
