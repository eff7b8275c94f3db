"""All commands, each from a small file of its own, hung on the Flask app."""
from importlib import import_module

from flask import Flask

from cli.base import Commands

# module of cli → what to take from it; in the order of `--help`
COMMANDS = {
    "demo": ("demo",), "testing": ("test",), "web": ("web",), "worker": ("worker",),
    "clock": ("clock",), "migrate": ("migrate",), "campus": ("campus",), "orders": ("orders",),
    "riders": ("riders",), "words": ("words",),
    "menu": ("menu",), "poster": ("poster",),
    "doctor": ("doctor",), "reconcile": ("reconcile",), "payouts": ("payouts",),
    "modules": ("understand", "dispatch"),
}


def register(app: Flask) -> None:
    """Put the commands on `app.cli`. Each module imports what is heavy only when it runs."""
    app.cli = Commands("paotang", help=(
        "Paotang, a waiter who lives in a WeChat official account. See README.md."))
    for module, names in COMMANDS.items():
        for name in names:
            app.cli.add_command(getattr(import_module(f"cli.{module}"), name))
