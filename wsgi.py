"""Composition root, outside the import contracts: builds the app from bot, web and the commands."""
import click
from flask import Flask


def create_app() -> Flask:
    """The whole service: webhook, pages, consoles. Opens the database, warms understanding."""
    import structlog  # all this is here and not above, since `paotang --help` shall be quick
    from cryptography.fernet import InvalidToken
    from sqlalchemy.exc import SQLAlchemyError

    import bot.app
    import bot.sos
    import web
    import web.sos
    from config import logging, settings
    from models.base import connect

    logging.configure()
    app = Flask("paotang", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = 1024 * 1024
    connect(settings.load().database_url)
    app.register_blueprint(bot.app.create_blueprint())
    for blueprint in web.create_blueprints():
        app.register_blueprint(blueprint)
    if "health" not in app.blueprints:
        app.add_url_rule("/healthz", "healthz", lambda: "ok\n")
    ringer = app.extensions["sos"] = web.sos.Ringer()
    bot.sos.call_through(ringer.poke)
    try:
        bot.app.warm_up()
    except (SQLAlchemyError, InvalidToken) as error:
        # /readyz or `doctor` say so (InvalidToken: SECRET_KEY is new); it must still come up
        structlog.get_logger(__name__).warning("boot.not_warm", why=type(error).__name__)
    ringer.recover()
    return app


def create_web() -> Flask:
    """`create_app` for a process that does nothing else: its statements give up before WeChat
    does, its turns are taken one by one, and what it has loaded by now is never looked through
    for garbage again."""
    import gc
    from threading import Semaphore

    from bot.webhook import PATIENCE, Turns
    from config import settings
    from models.base import connect

    connect(settings.load().database_url, patience=PATIENCE)
    app = create_app()
    Turns.free = Semaphore(1)
    gc.collect()
    gc.freeze()
    return app


def command_line() -> Flask:
    """The commands alone: they start at once, and work (`doctor`) when the settings do not."""
    from cli.commands import register

    app = Flask("paotang")
    register(app)
    return app


def __getattr__(name: str) -> Flask:
    """`wsgi:app`: for a WSGI server the service, for `flask --app wsgi` the commands."""
    if name != "app":
        raise AttributeError(name)
    return command_line() if click.get_current_context(silent=True) else create_app()
