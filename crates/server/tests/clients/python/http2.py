"""Python's `h2` as a client, with `websockets` on its streams: `http2.py ADDRESS COUNT`. It opens so many websockets
by extended CONNECT (RFC 8441) on one connection, and prints how each was closed."""

import random
import socket
import sys

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, RemoteSettingsChanged, ResponseReceived, StreamEnded
from h2.settings import SettingCodes
from websockets.frames import Opcode
from websockets.protocol import CLIENT, OPEN, Protocol

SIZES = [0, 1, 125, 126, 65535, 65536, 100 << 10, (1 << 20) + 1]
chance = random.Random(8441)


class Client:
    def __init__(self, address):
        host, _, port = address.partition(":")
        self.socket = socket.create_connection((host, int(port)))
        self.h2 = H2Connection(H2Configuration(client_side=True, header_encoding="utf-8"))
        self.h2.initiate_connection()
        self.h2.increment_flow_control_window(1 << 24)
        self.websockets = {}
        self.can_connect = False
        while not self.can_connect:
            self.turn()

    def turn(self):
        """Sends what there is to be sent, and takes in what comes."""
        self.socket.sendall(self.h2.data_to_send())
        data = self.socket.recv(65536)
        assert data, "the server has hung up"
        for event in self.h2.receive_data(data):
            match event:
                case RemoteSettingsChanged():
                    change = event.changed_settings.get(SettingCodes.ENABLE_CONNECT_PROTOCOL)
                    self.can_connect |= change is not None and change.new_value == 1
                case ResponseReceived():
                    assert dict(event.headers)[":status"] == "200", event.headers
                    self.websockets[event.stream_id].is_open = True
                case DataReceived():
                    self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                    self.websockets[event.stream_id].receive(event.data)
                case StreamEnded():
                    websocket = self.websockets[event.stream_id]
                    websocket.protocol.receive_eof()
                    websocket.has_ended = True

    def until(self, is_so):
        while not is_so():
            self.turn()

    def open(self, path):
        stream = self.h2.get_next_available_stream_id()
        self.h2.send_headers(
            stream,
            [
                (":method", "CONNECT"),
                (":protocol", "websocket"),
                (":scheme", "http"),
                (":path", path),
                (":authority", "localhost"),
                ("sec-websocket-version", "13"),
            ],
        )
        websocket = self.websockets[stream] = Websocket(self, stream)
        self.until(lambda: websocket.is_open)
        return websocket


class Websocket:
    is_open = has_ended = False

    def __init__(self, client, stream):
        self.client, self.stream = client, stream
        self.protocol = Protocol(CLIENT, state=OPEN, max_size=None)
        self.heard = []
        self.parts = []

    def receive(self, data):
        self.protocol.receive_data(data)
        for frame in self.protocol.events_received():
            if frame.opcode is Opcode.CLOSE:
                continue
            self.parts.append(bytes(frame.data))
            if frame.fin:
                self.heard.append(b"".join(self.parts))
                self.parts = []

    def flush(self):
        """Sends what the protocol has to say, as the windows let it."""
        h2 = self.client.h2
        for data in self.protocol.data_to_send():
            while data:
                room = min(h2.local_flow_control_window(self.stream), h2.max_outbound_frame_size)
                if room == 0:
                    self.client.turn()
                    continue
                h2.send_data(self.stream, data[:room])
                data = data[room:]

    def say(self, message):
        if isinstance(message, str):
            self.protocol.send_text(message.encode())
        else:
            self.protocol.send_binary(message)
        self.flush()

    def hear(self):
        self.client.until(lambda: self.heard)
        return self.heard.pop(0)

    def close(self, code, reason):
        self.protocol.send_close(code, reason)
        self.flush()
        self.client.until(lambda: self.has_ended)
        self.client.h2.end_stream(self.stream)
        return f"{self.protocol.close_code} {self.protocol.close_reason}".rstrip()


address, count = sys.argv[1:]
client = Client(address)
websockets = [client.open("/echo") for _ in range(int(count))]
for size in SIZES:
    for message in [chance.randbytes(size), "a" * size]:
        for websocket in websockets:
            websocket.say(message)
        expected = message.encode() if isinstance(message, str) else message
        for websocket in websockets:
            heard = websocket.hear()
            assert heard == expected, f"{len(expected)} came back as {len(heard)} others"
for websocket in websockets:
    print(websocket.close(4001, "c'était beau"))
