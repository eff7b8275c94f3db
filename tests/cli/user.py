"""A command, as far as the embedded servers can tell: says the URLs, then waits to be ended."""
# ruff: noqa: T201
import json
import sys
from dataclasses import asdict
from pathlib import Path

from cli import embedded
from config.settings import ConfigurationError

var, wanted = sys.argv[1:]
try:
    servers = embedded.ensure(Path(var), want_postgres="p" in wanted, want_redis="r" in wanted)
except (ConfigurationError, embedded.ServersFailed) as error:
    print(json.dumps({"error": str(error)}), flush=True)
    sys.exit(1)
print(json.dumps(asdict(servers)), flush=True)
sys.stdin.read()
