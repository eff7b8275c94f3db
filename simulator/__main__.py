"""python -m simulator --dir DIR --port 8800 --webhook http://127.0.0.1:8000/wechat/{app_id}"""
import argparse
import signal
import sys
from types import FrameType

from simulator import app, credentials
from simulator.world import World


def main() -> int:
    """Serve one world until told to stop. The world lives on in --dir."""
    told = _arguments()
    signal.signal(signal.SIGTERM, _stop)
    world = World(credentials.ensure(told.dir), told.webhook, told.dir)
    if told.mode:
        world.account.mode = told.mode
    for given in told.phone or []:
        name, _, role = given.partition(":")
        world.add_phone(name, role or "other", followed=not told.strangers)
    server = app.make(world, told.host, told.port)
    sys.stdout.write(f"{world.base_url}/sim/\n")
    sys.stdout.flush()
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass
    finally:
        server.server_close()
        world.close()
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m simulator", description=main.__doc__)
    parser.add_argument("--dir", required=True, help="credentials, and what the world remembers")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8800)
    parser.add_argument("--webhook", default="http://127.0.0.1:8000/wechat/{app_id}")
    parser.add_argument("--mode", choices=("plain", "compat", "safe"),
                        help="how pushes are encrypted (明文, 兼容, 安全: the default)")
    parser.add_argument("--phone", action="append", metavar="NAME:ROLE",
                        help="a phone that is there from the start; may be repeated")
    parser.add_argument("--strangers", action="store_true",
                        help="the phones of --phone do not follow the account yet")
    return parser.parse_args()


def _stop(signum: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
