"""An application that does what its clients and their queries tell it to."""

import json
import os
import signal
import struct
import sys
import time
from urllib.parse import parse_qsl

from stream import *

stream = Stream()
mode = sys.argv[1] if len(sys.argv) > 1 else ""
if mode == "deaf to TERM":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if mode == "slow start":
    time.sleep(0.3)
if mode == "never ready":
    stream.hello()
    time.sleep(60)
if mode == "too new":
    stream.hello(version=2)
    time.sleep(60)
if mode == "silent":
    time.sleep(60)
if mode == "ends at once":
    print("nothing to do", file=sys.stderr, flush=True)
    raise SystemExit(3)
start = stream.begin()
asked = {}
seqs = 0


def command(kind, endpoint, client, payload=b"", then=None):
    global seqs
    seqs += 1
    asked[seqs] = then
    stream.write(kind, endpoint, client, seqs, payload)


def say(endpoint, client, said):
    stream.write(SEND, endpoint, client, 0, b"\x01" + said.encode())


def opened(endpoint, client, seq, request):
    query = dict(parse_qsl(request["query"] or "", keep_blank_values=True))
    for name in query.get("header", "").split(","):
        if name:
            stream.write(HEADER, endpoint, client, 0, (name + ": set").encode())
    if "die" in query:
        os.kill(os.getpid(), signal.SIGKILL)
    if "refuse" in query:
        reason = query.get("reason", "").encode()
        stream.write(REFUSE, endpoint, client, 0, struct.pack("!H", int(query["refuse"])) + reason)
    if "accept" in query:
        stream.write(ACCEPT, endpoint, client, 0, query["accept"].encode())
    if "greet" in query:
        say(endpoint, client, query["greet"])
    if "request" in query:
        say(endpoint, client, json.dumps(request))
    if "start" in query:
        say(endpoint, client, json.dumps(start))
    if "sleep" in query:
        time.sleep(float(query["sleep"]))
    stream.write(DONE, endpoint, client, seq, b"\x01" if "fail" in query else b"\x00")


def heard(endpoint, client, seq, kind, message):
    what, _, rest = message.decode(errors="replace").partition(" ")

    def done(*_):
        stream.write(DONE, endpoint, client, seq, b"\x00")

    def tell(outcome, value):
        say(endpoint, client, "%d %s" % (outcome, value.decode()))
        done()

    if what == "pid":
        say(endpoint, client, str(os.getpid()))
    elif what == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    elif what == "exit":
        sys.exit(int(rest))
    elif what == "hang":
        time.sleep(60)
    elif what == "sleep":
        time.sleep(float(rest))
        say(endpoint, client, "slept")
    elif what == "later":
        return  # Its DONE never comes.
    elif what == "fail":
        stream.write(DONE, endpoint, client, seq, b"\x01")
        return
    elif what == "garbage":
        stream.socket.sendall(b"GET / HTTP/1.1\r\n\r\n")
    elif what == "log":
        print(rest, file=sys.stderr, flush=True)
    elif what == "flood":
        sys.stderr.write("flood\n" * int(rest))
        sys.stderr.flush()
    elif what == "done":
        stream.write(DONE, endpoint, client, seq + 1, b"\x00")
    elif what == "all":
        command(BROADCAST, endpoint, 0, b"\x01" + rest.encode(), tell)
        return
    elif what == "others":
        stream.write(BROADCAST, endpoint, 0, 0, b"\x11" + ids([client]) + rest.encode())
    elif what == "nobody":
        command(BROADCAST, endpoint, 0, b"\x09" + ids([]) + rest.encode(), tell)
        return
    elif what == "to":
        name, _, rest = rest.partition(" ")
        command(BROADCAST, endpoint, 0, b"\x03" + text(name) + rest.encode(), tell)
        return
    elif what == "send":
        command(SEND, endpoint, int(rest), b"\x01hello", tell)
        return
    elif what == "bad":
        command(SEND, endpoint, client, b"\x01\xff", tell)
        return
    elif what in ("join", "leave", "group"):
        kinds = {"join": JOIN, "leave": LEAVE, "group": GROUP}
        command(kinds[what], endpoint, client, rest.encode(), tell)
        return
    elif what == "clients":
        command(CLIENTS, endpoint, 0, b"", tell)
        return
    elif what == "inspect":
        command(INSPECT, endpoint, client, b"", tell)
        return
    elif what == "id":
        say(endpoint, client, str(client))
    elif what == "close":
        code, _, reason = rest.partition(" ")
        stream.write(CLOSE, endpoint, client, 0, struct.pack("!H", int(code)) + reason.encode())
    elif what == "stop reading":
        time.sleep(60)
    else:
        stream.write(SEND, endpoint, client, 0, bytes([kind]) + message)
    done()


while frame := stream.read():
    type, endpoint, client, seq, payload = frame
    if type == PING and mode != "deaf":
        stream.write(PONG, seq=seq)
    elif type == OPEN:
        opened(endpoint, client, seq, json.loads(payload))
    elif type == DATA:
        heard(endpoint, client, seq, payload[0], payload[1:])
    elif type == CLOSED:
        if mode == "tells of ends":
            print("closed %d" % struct.unpack("!H", payload[:2]), file=sys.stderr, flush=True)
        stream.write(DONE, endpoint, client, seq, b"\x00")
    elif type == RESULT:
        asked.pop(seq)(payload[0], payload[1:])
    elif type == STOP:
        print("stopping", file=sys.stderr, flush=True)
if mode in ("slow to end", "deaf to TERM"):
    time.sleep(60)
