"""`paotang`, the sh script, and the making of `.venv`."""
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from config.settings import ROOT
from tests.cli.conftest import eventually

# Stands for .venv/bin/python: says how it was called.
PYTHON = """#!/bin/sh
case "$*" in *version_info*) echo python3.11; exit ;; esac
printf '%s\\n' "$PYTHONPATH" "$PWD" "$@"
"""
OLD = """#!/bin/sh
case "$*" in *version_info*) exit 1 ;; esac
"""
WITHOUT_VENV = """#!/bin/sh
case "$*" in *ensurepip*) exit 1 ;; esac
"""


def executable(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


@pytest.fixture
def checkout(tmp_path):
    """The launcher alone, in a folder with a space in its name, and a `.venv` that is ready."""
    root = tmp_path / "my checkout"
    root.mkdir()
    shutil.copy(ROOT / "paotang", root)
    (root / "requirements.txt").write_text("flask\n")
    executable(root / ".venv/bin/python", PYTHON)
    (root / ".venv/lib/python3.11/site-packages/flask").mkdir(parents=True)
    (root / ".venv/installed-requirements.txt").write_text("flask\n")
    (root / "dispatch").mkdir()
    return root


def run(program: Path | str, *arguments: str, cwd: Path, **environ: str):
    environ = {"PATH": os.defpath, **environ}
    return subprocess.run([program, *arguments], cwd=cwd, env=environ, text=True,
                          capture_output=True, check=False)


def test_it_may_be_called_from_anywhere_and_keeps_the_caller_s_folder(checkout, tmp_path):
    link, chain = tmp_path / "link", tmp_path / "chain"
    link.symlink_to("my checkout/paotang")
    chain.symlink_to(link)
    for program in (checkout / "paotang", link, chain, "./chain"):
        called = run(program, "campus", "load", "a file.json", cwd=tmp_path, PYTHONPATH="/mine")
        assert called.stdout.splitlines() == [
            f"{checkout}:/mine", str(tmp_path), "-P", "-m", "cli", "campus", "load", "a file.json"]


def test_plain_modules_are_run_without_flask(checkout):
    said = run("./paotang", "understand", "--campus", "x.json", cwd=checkout).stdout
    assert said.splitlines()[2:] == ["-P", "-m", "bot.nlu", "--campus", "x.json"]

    refused = run("./paotang", "dispatch", "replay", cwd=checkout)
    assert refused.returncode == 2
    assert refused.stderr.count("\n") == 1

    (checkout / "dispatch/__main__.py").touch()
    said = run("./paotang", "dispatch", "replay", "--out", "d", cwd=checkout).stdout
    assert said.splitlines()[2:] == ["-P", "-m", "dispatch", "replay", "--out", "d"]


@pytest.mark.parametrize("stub", [OLD, WITHOUT_VENV, None])
def test_without_a_python_that_will_do_one_line_says_what_to_install(checkout, tmp_path, stub):
    (checkout / "requirements.txt").write_text("flask\nredis\n")  # so that it must install
    for tool in ("dirname", "readlink", "cmp"):
        (tmp_path / "bin").mkdir(exist_ok=True)
        (tmp_path / "bin" / tool).symlink_to(shutil.which(tool))
    if stub:
        executable(tmp_path / "bin/python3", stub)

    tried = run("/bin/sh", "paotang", "web", cwd=checkout, PATH=str(tmp_path / "bin"))

    assert tried.returncode == 2
    assert "python3-venv" in tried.stderr
    assert tried.stderr.count("\n") == 1


def bootstrap(root: Path) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-I", ROOT / "cli/bootstrap.py", root],
                            stderr=subprocess.PIPE, text=True, start_new_session=True)


def test_a_killed_first_run_is_mended_by_two_that_start_at_once(tmp_path):
    # given a first run that was killed half-way
    (tmp_path / "requirements.txt").write_text("# nothing\n")
    venv = tmp_path / ".venv"
    killed = bootstrap(tmp_path)
    assert eventually((venv / "bin/python").exists)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.communicate()
    assert (venv / "half-made").exists()

    # when two commands come
    both = [bootstrap(tmp_path), bootstrap(tmp_path)]
    said = [one.communicate()[1] for one in both]

    # then one makes it anew, and the other waits for that
    assert [one.returncode for one in both] == [0, 0]
    assert sum("making .venv" in text for text in said) == 1
    assert sum("waiting" in text for text in said) == 1
    assert not (venv / "half-made").exists()
    assert (venv / "installed-requirements.txt").read_text() == "# nothing\n"
    subprocess.run([venv / "bin/python", "-c", "import pip"], check=True)


def test_what_pip_says_is_shown_when_it_fails(tmp_path):
    (tmp_path / "requirements.txt").write_text("./there-is-no-such-folder\n")
    venv = tmp_path / ".venv"
    # A `.venv` made by hand is used as it is.
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", "--system-site-packages", venv],
                   check=True)
    (venv / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
     / "pip.pth").write_text(f"{Path(pytest.__file__).parent.parent}\n")
    failed = bootstrap(tmp_path)
    said = failed.communicate()[1]
    assert failed.returncode == 1
    assert "there-is-no-such-folder" in said
    assert not (venv / "installed-requirements.txt").exists()
