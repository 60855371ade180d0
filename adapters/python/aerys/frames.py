"""Frames, as the protocol has them on the stream."""

import struct

VERSION = 1

HELLO, START, READY, PING, PONG, STOP = range(1, 7)
OPEN, DATA, CLOSED, RESULT = range(16, 20)
DONE, HEADER, REFUSE, ACCEPT, SEND, BROADCAST, CLOSE, INSPECT, JOIN, LEAVE, GROUP, CLIENTS = range(32, 44)

IS_TEXT, HAS_GROUP, HAS_KEY, HAS_ONLY, HAS_EXCEPT, IS_LOCAL = 1, 2, 4, 8, 16, 32
IS_DONE, IS_GONE, IS_REFUSED, IS_SUPERSEDED = range(4)
HANDLED, FAILED = range(2)

# Length, type, endpoint, client, seq. The length counts what comes after it.
HEAD = struct.Struct(">IBHQI")
COUNTED = HEAD.size - 4

# One byte of a payload more: the outcome of an event, or the flags of a message.
pack_with_byte = struct.Struct(">IBHQIB").pack

_LENGTH = struct.Struct(">H")


def pack(type, endpoint=0, client=0, seq=0, payload=b""):
    return HEAD.pack(COUNTED + len(payload), type, endpoint, client, seq) + payload


def pack_text(text):
    encoded = text.encode()
    if len(encoded) > 0xFFFF:
        raise ValueError("the name of a group, and a key, have at most 65535 bytes")
    return _LENGTH.pack(len(encoded)) + encoded


def pack_ids(ids):
    ids = [int(id) for id in ids]
    return struct.pack(f">I{len(ids)}Q", len(ids), *ids)
