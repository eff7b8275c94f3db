"""The yardstick: Flask and wechatpy, one encrypted echo, nothing kept."""
import os

from flask import Flask, Response, request
from wechatpy import create_reply, parse_message
from wechatpy.crypto import WeChatCrypto


def create_app() -> Flask:
    """An app at /wechat/<app_id> that checks, decrypts, parses, echoes and encrypts."""
    app = Flask("echo", static_folder=None)
    crypto = WeChatCrypto(os.environ["WECHAT_TOKEN"], os.environ["WECHAT_AES_KEY"],
                          os.environ["WECHAT_APP_ID"])

    @app.post("/wechat/<app_id>")
    def push(app_id: str) -> Response:
        args = request.args
        stamp, nonce = args["timestamp"], args["nonce"]
        message = parse_message(crypto.decrypt_message(
            request.get_data(), args["msg_signature"], stamp, nonce))
        reply = create_reply(message.content, message).render()
        return Response(crypto.encrypt_message(reply, nonce, stamp), mimetype="application/xml")

    return app


if __name__ == "__main__":
    from cli.web import serve

    serve("127.0.0.1", int(os.environ["PORT"]), int(os.environ["WEB_WORKERS"]),
          create="benchmarks.echo:create_app")
