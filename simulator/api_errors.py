"""How api.weixin.qq.com says no: HTTP 200 and an errcode (fact sheet B0, B2)."""
import secrets
import time


class ApiError(Exception):
    """An errcode and its errmsg, without the rid."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(code, message)
        self.code, self.message = code, message


def rid() -> str:
    """A request id as WeChat prints it: 6aac0063-7ed08fb9-1250f724."""
    return f"{int(time.time()):08x}-{secrets.token_hex(4)}-{secrets.token_hex(4)}"
