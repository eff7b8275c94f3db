"""The embedded servers: shared by commands, ended with the last, whole after any kill -9."""
import os
import shutil
import subprocess
import sys
import sysconfig
import time
from contextlib import contextmanager, suppress

import psutil
import psycopg
import pytest
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from cli import embedded, locks
from cli.servers import SOCKET_PATH_MAX
from config.settings import ROOT
from tests.cli.conftest import Users, eventually, keepers, processes, told

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")


def answers(url: str) -> bool:
    with Redis.from_url(url) as redis:
        return redis.ping()


def is_up(url: str) -> bool:
    """As `answers`, of a Redis that may be on its way back."""
    with suppress(RedisConnectionError):
        return answers(url)
    return False


def test_two_commands_share_a_server_which_ends_with_the_last_even_killed(users):
    first, urls = users.ready()
    second, same = users.ready()
    assert urls == same
    assert len(keepers(users.var)) == 1

    first.kill()
    time.sleep(0.5)
    assert answers(urls["redis_url"])

    second.kill()
    assert eventually(lambda: not processes(users.var), within_s=20)


def test_commands_that_start_at_once_start_one_server(users):
    together = [users.start() for _ in range(5)]
    assert len({told(user)["redis_url"] for user in together}) == 1
    assert len(keepers(users.var)) == 1


def test_a_folder_swept_away_before_its_first_use_is_made_again(users, monkeypatch):
    """`discard` of another process looks in between our making it and our holding it."""
    door = locks.exclusive

    @contextmanager
    def after_a_sweep(path):
        shutil.rmtree(users.var / "swept", ignore_errors=True)
        with door(path):
            yield

    monkeypatch.setattr(locks, "exclusive", after_a_sweep)
    try:
        servers = embedded.ensure(users.var, want_postgres=False, want_redis=True,
                                  instance="swept")
        assert answers(servers.redis_url)
    finally:
        embedded.release("swept")


def test_a_command_that_comes_while_the_server_stops_gets_a_new_one(users):
    for pause_s in (0, 0.05, 0.15, 0.25):
        leaving, _ = users.ready()
        leaving.kill()
        time.sleep(pause_s)
        _, urls = users.ready()
        assert answers(urls["redis_url"])
        users.end_all()


def test_a_killed_keeper_is_replaced_at_the_same_address(users):
    _, urls = users.ready("pr")
    with psycopg.connect(urls["database_url"], autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS number")
    old = processes(users.var)
    for keeper in keepers(users.var):
        keeper.kill()

    def is_back() -> bool:
        try:
            with psycopg.connect(urls["database_url"]) as connection:
                return connection.execute("SELECT number FROM kept").fetchone() == (42,)
        except psycopg.OperationalError:
            return False

    assert eventually(lambda: not any(process.is_running() for process in old))
    assert eventually(is_back)
    assert eventually(lambda: is_up(urls["redis_url"]))


def test_everything_killed_at_once_keeps_what_was_committed(users):
    _, urls = users.ready("pr")
    with psycopg.connect(urls["database_url"], autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS number")
        with Redis.from_url(urls["redis_url"]) as redis:
            redis.set("kept", "42")
            time.sleep(0.1)  # its file is written at the end of the turn that answered
        killed = processes(users.var)
        for process in [*users.all, *killed]:
            with suppress(psutil.NoSuchProcess):
                process.kill()
    assert eventually(lambda: not any(process.is_running() for process in killed), within_s=60)

    # The stale files now name ids that belong to somebody else, as after a reboot.
    lived_in = users.var
    for stale in [lived_in / "main/postgres/data/postmaster.pid",
                  *(lived_in / "main/postgres/socket").glob("*.lock")]:
        stale.write_text(stale.read_text().replace(stale.read_text().split()[0], str(os.getpid())))

    _, again = users.ready("pr")
    assert again == urls
    with psycopg.connect(again["database_url"]) as connection:
        assert connection.execute("SELECT number FROM kept").fetchone() == (42,)
    with Redis.from_url(again["redis_url"]) as redis:
        assert redis.get("kept") == b"42"


def test_a_redis_file_that_cannot_be_read_does_not_keep_redis_from_starting(users):
    user, _ = users.ready()
    user.communicate()  # its stdin ends, and so does it
    data = users.var / "main/redis/data"
    manifest = next(data.glob("*/*.manifest"))
    manifest.write_text("not a manifest\n")

    _, urls = users.ready()

    assert answers(urls["redis_url"])
    assert list(data.parent.glob("data.unreadable-*"))


@pytest.mark.parametrize("name", ["a-long-name" * 10, "空格 and = and '\""])
def test_a_path_that_no_socket_could_have(open_folder, name):
    (open_folder / name).mkdir()
    users = Users(open_folder / name / "var")
    try:
        user, urls = users.ready("pr")
        with psycopg.connect(urls["database_url"]) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        with Redis.from_url(urls["redis_url"]) as redis:
            socket = redis.client_info()["addr"].partition(":")[0]  # RQ's workers ask for this
        assert len(socket) <= SOCKET_PATH_MAX
        user.communicate()
        assert eventually(lambda: not processes(users.var))
    finally:
        users.end_all()


def test_nobody_else_may_enter(users):
    _, urls = users.ready("pr")
    folder = users.var / "main/postgres/socket"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (users.var / "main/postgres/address").stat().st_mode & 0o777 == 0o600
    without_password = urls["database_url"].replace(urls["database_url"].split("@")[0],
                                                    "postgresql://paotang")
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(without_password)
    with pytest.raises(Exception, match="authenticat"):
        answers("unix://" + urls["redis_url"].partition("@")[2])


@as_root
def test_root_s_servers_run_as_somebody_else(users):
    users.ready("pr")
    servers = set(processes(users.var)) - set(keepers(users.var))
    assert servers
    assert all(0 not in p.uids() and 0 not in p.gids() for p in servers)


@as_root
def test_in_a_closed_home_programs_and_data_are_elsewhere_and_var_says_where(users):
    users.var.parent.chmod(0o700)
    user, urls = users.ready("p")
    with psycopg.connect(urls["database_url"], autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS number")
    home = (users.var / "elsewhere").read_text().strip()
    assert f"{home}/main/postgres" in urls["database_url"]
    assert users.var.parent.stat().st_mode & 0o777 == 0o700  # nobody opened it
    user.communicate()

    _, again = users.ready("p")
    assert again == urls
    with psycopg.connect(again["database_url"]) as connection:
        assert connection.execute("SELECT number FROM kept").fetchone() == (42,)


def python_for(uid: int) -> str:
    """A Python that this account may run and that is like ours; ours may be in a closed home."""
    script = f"import sys, cli; sys.exit(sys.version_info[:2] != {sys.version_info[:2]})"
    environ = {"PYTHONPATH": f"{ROOT}:{sysconfig.get_path('purelib')}"}
    for python in (sys.executable, "/usr/bin/python3"):
        with suppress(OSError):
            if subprocess.run([python, "-c", script], user=uid, group=uid, extra_groups=[],
                              cwd="/", env=environ, check=False).returncode == 0:
                return python
    pytest.skip("no Python here that an ordinary user could run")


@as_root
def test_an_ordinary_user_s_servers_are_all_their_own(open_folder):
    nobody = 65534
    python = python_for(nobody)
    for part in ("cli", "config", "tests/cli"):
        shutil.copytree(ROOT / part, open_folder / part)
    os.chown(open_folder, nobody, nobody)
    open_folder.chmod(0o700)
    users = Users(open_folder / "var")
    how = {"user": nobody, "group": nobody, "extra_groups": [], "root": open_folder,
           "python": python}
    try:
        user, urls = users.ready("pr", **how)
        assert urls["database_url"].startswith("postgresql://")
        assert {p.uids().real for p in processes(users.var)} == {nobody}
        user.communicate()
        assert eventually(lambda: not processes(users.var))
    finally:
        users.end_all()
