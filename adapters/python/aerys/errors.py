"""What commands and handshakes fail with."""

import re

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_RESERVED = re.compile(r"(?i)connection|upgrade|content-length|transfer-encoding|sec-websocket-.*")


class ClientGone(Exception):
    """The client went before all of the message was on its way. Nobody has to catch it."""


class CommandRefused(Exception):
    """The server has refused a command, and says why."""


class Refusal(Exception):
    """Raised in ``on_open``: the handshake is answered with a status from 400 to 599 instead of a websocket."""

    def __init__(self, status, reason="", headers=None):
        if not 400 <= status <= 599:
            raise ValueError(f"a handshake is refused with a status from 400 to 599, and not with {status}")
        super().__init__(f"{status} {reason}".rstrip())
        self.status, self.reason = status, one_line(reason)
        self.headers = [header_line(name, value) for name, value in dict(headers or {}).items()]


def one_line(text):
    if _CONTROL.search(text):
        raise ValueError("what goes into the head of a response is one line, without control characters")
    return text


def header_line(name, value):
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name of a header")
    if _RESERVED.fullmatch(name):
        raise ValueError(f"{name} is for the server to say; a subprotocol is chosen by accept()")
    return one_line(f"{name}: {value}")
