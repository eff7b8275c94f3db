"""Composition root, outside the import contracts: builds the app from bot, web and the commands."""
import click
from flask import Flask


def create_app() -> Flask:
    """The whole service: webhook, pages, consoles."""
    app = Flask("paotang")

    @app.get("/healthz")
    def healthz() -> str:
        return "ok\n"

    return app


def command_line() -> Flask:
    """The commands alone: they start at once, and some (`doctor`) without a configuration."""
    from cli.commands import register

    app = Flask("paotang")
    register(app)
    return app


def __getattr__(name: str) -> Flask:
    """`wsgi:app`: for a WSGI server the service, for `flask --app wsgi` the commands."""
    if name != "app":
        raise AttributeError(name)
    return command_line() if click.get_current_context(silent=True) else create_app()
