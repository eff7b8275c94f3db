"""`web`, as a process: it serves, it stops when told, and it leaves nobody behind."""
import os
import signal
import socket
import subprocess

import psutil
import pytest
import requests

from cli.embedded import python_path
from cli.processes import ours
from simulator import credentials
from tests.cli.conftest import eventually
from tests.conftest import CAMPUS


def free_port() -> int:
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        return door.getsockname()[1]


@pytest.fixture
def environ(tmp_path, database_url, redis_url):
    """All that contract §2 asks for, pointing at a WeChat where nobody answers."""
    port = free_port()
    made = credentials.ensure(tmp_path / "simulator").environ(free_port())
    return {**os.environ, **made, "BIND": f"127.0.0.1:{port}", "PYTHONPATH": python_path(),
            "PUBLIC_URL": f"http://127.0.0.1:{port}"}


@pytest.fixture
def web(environ):
    started = subprocess.Popen(ours("web"), env=environ)
    yield started
    started.kill()
    started.wait()


def serves(environ) -> bool:
    try:
        return requests.get(f"http://{environ['BIND']}/healthz", timeout=2).ok
    except requests.ConnectionError:
        return False


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGKILL])
def test_web_serves_until_told_to_stop_and_leaves_nobody_behind(web, environ, signum):
    assert eventually(lambda: serves(environ), within_s=60)
    family = psutil.Process(web.pid).children(recursive=True)
    assert len(family) >= 2

    web.send_signal(signum)

    assert web.wait(20) == (0 if signum == signal.SIGTERM else -signum)
    assert eventually(lambda: not any(process.is_running() for process in family), within_s=20)
    assert not serves(environ)


def test_a_missing_setting_is_one_line_and_status_2(environ):
    del environ["WECHAT_TOKEN"]
    tried = subprocess.run(ours("web"), env=environ, capture_output=True, text=True, check=False)
    assert tried.returncode == 2
    assert "WECHAT_TOKEN" in tried.stderr
    assert len(tried.stderr.splitlines()) == 1


def test_a_web_process_keeps_within_its_memory(environ, database, request):
    """220 MB, words and a campus of ten shops included."""
    subprocess.run(ours("campus", "load", str(CAMPUS)), env=environ, check=True,
                   capture_output=True)
    web = request.getfixturevalue("web")
    assert eventually(lambda: serves(environ), within_s=60)
    processes = psutil.Process(web.pid).children(recursive=True)
    assert len(processes) >= 2
    assert max(process.memory_info().rss for process in processes) < 220 * 1024 * 1024
