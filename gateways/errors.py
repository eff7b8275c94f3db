"""How a neighbour fails. Nothing but a GatewayError leaves this folder."""


class GatewayError(Exception):
    """A neighbour did not do what we asked."""


class Unreachable(GatewayError):
    """No answer, a busy one, or one that cannot be trusted. The same request may be sent again.

    `perhaps_done`: the request may have been carried out all the same (it was sent, and only its
    answer is missing). `code`: the neighbour's own error code, where it gave one.
    """

    def __init__(self, why: str, *, code: int | str | None = None,
                 perhaps_done: bool = False) -> None:
        super().__init__(why)
        self.code = code
        self.perhaps_done = perhaps_done


class Refused(GatewayError):
    """A clear no. Sending it again would only be told no again.

    `code` is WeChat's errcode (int) or WeChat Pay's error code (str).
    """

    def __init__(self, code: int | str, why: str = "") -> None:
        super().__init__(f"{code} {why}".rstrip())
        self.code = code
