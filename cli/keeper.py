"""The keeper: a process that runs one embedded server for as long as somebody uses it.

Every command that uses the server holds a shared lock on the file `users`. The keeper, in a
session of its own, stops the server once it can have that lock exclusively: so it is enough for
a command to end, in whatever way. The file `keeper` is locked while a keeper lives. Should the
keeper itself be killed, the server ends by its leash, and the next command starts a new keeper.
"""
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from cli import leash, locks
from cli.places import Place, as_account
from cli.servers import SERVERS, Postgres, Redis, ServerFailed

LOOK_S = 0.15
START_S = 120.0  # a crash recovery reads the whole log back
STOP_S = 10.0  # until the next, ruder signal
TRIES, GIVE_UP_DATA = 5, 2


@dataclass(frozen=True, slots=True)
class Spec:
    """Which server to keep. Crosses to the keeper's process as JSON."""

    var: Path
    instance: str
    service: str
    durable: bool

    @property
    def run(self) -> Path:
        """Holds `users`, `keeper`, `address` (the URL), `failure` and `log`."""
        return self.var / self.instance / self.service

    def as_json(self, place: Place) -> str:
        return json.dumps({"var": str(self.var), "instance": self.instance, "place":
                           place.as_json(), "service": self.service, "durable": self.durable})


def main(given: str) -> None:
    """Take the lock before the fork, so that whoever called us finds it taken."""
    words = json.loads(given)
    place = Place.from_json(words.pop("place"))
    spec = Spec(**words | {"var": Path(words["var"])})
    guard = locks.opened(spec.run / "keeper")
    if not locks.wait_exclusive(guard, timeout_s=5):
        return
    for old in ("address", "failure"):
        (spec.run / old).unlink(missing_ok=True)
    if os.fork():
        os._exit(0)
    os.setsid()
    Keeper(spec, SERVERS[spec.service](place, place.home / spec.instance / spec.service,
                                       spec.durable)).keep()


class Keeper:
    def __init__(self, spec: Spec, server: Postgres | Redis) -> None:
        self.spec, self.server = spec, server
        self.child: subprocess.Popen[bytes] | None = None
        self.told_to_stop = False
        self.users = locks.opened(spec.run / "users")

    def keep(self) -> None:
        for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(signum, self._told)
        try:
            self.server.prepare()
            self._start()
            self._publish(self.server.url())
            self._look_after()
        except (ServerFailed, OSError) as error:
            (self.spec.run / "failure").write_text(f"{error}\n")
        finally:
            (self.spec.run / "address").unlink(missing_ok=True)
            self._stop()
            self.server.remove_socket_folder()

    def _told(self, *_: object) -> None:
        self.told_to_stop = True

    def _unused(self) -> bool:
        return self.told_to_stop or locks.try_exclusive(self.users)

    def _look_after(self) -> None:
        while not self._unused():
            if self.child and self.child.poll() is not None:
                self._say(f"ended by itself ({self.child.returncode}): starting it again")
                self.server.prepare()
                self._start()
            time.sleep(LOOK_S)

    def _start(self) -> None:
        """Until it is ready. The children of one that was killed may hold on for a moment."""
        for tried in range(1, TRIES + 1):
            self._spawn()
            if self._became_ready():
                return
            self._say(f"did not start ({tried} of {TRIES})")
            self._stop()
            if tried == GIVE_UP_DATA and self.server.repair():
                self.server.prepare()
            time.sleep(0.3 * tried)
        raise ServerFailed(f"{self.server.name} does not start, see {self.spec.run / 'log'}")

    def _spawn(self) -> None:
        parent, first = os.getpid(), self.server.stop_signals[0]
        self.child = subprocess.Popen(
            self.server.argv(), stdin=subprocess.DEVNULL, cwd=self.server.folder,
            env=self.server.environ(), **as_account(self.server.place.account),
            # After the change of user, which would undo it; safe here: there are no threads.
            preexec_fn=lambda: leash.tie(parent, first))
        (self.server.folder / "pid").write_text(str(self.child.pid))

    def _became_ready(self) -> bool:
        assert self.child is not None
        deadline = time.monotonic() + START_S
        while self.child.poll() is None and time.monotonic() < deadline:
            if self.server.is_ready(self.child.pid):
                return True
            time.sleep(0.02)
        return False

    def _stop(self) -> None:
        for signum in self.server.stop_signals:
            if self.child is None or self.child.poll() is not None:
                return
            self.child.send_signal(signum)
            try:
                self.child.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self._say(f"does not stop on {signal.Signals(signum).name}")

    def _publish(self, url: str) -> None:
        path = self.spec.run / "address"
        new = path.with_name("address.new")
        new.unlink(missing_ok=True)
        with open(os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
            file.write(url)
        new.rename(path)

    def _say(self, text: str) -> None:
        print(f"keeper: {self.server.name} {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
