"""The PHP of the original's manual through the binary: what a client sees on its socket."""

import json

import socket
import tempfile
import unittest
from pathlib import Path

from driver import ADAPTERS
from original import FOLDER, LEFT_OUT, PHP, block, in_second, write_before, write_class
from test_binary import BINARY, SITE, WEBSOCKET
from websocket import Closed, Refused, Server


@unittest.skipUnless(FOLDER, LEFT_OUT)
@unittest.skipUnless(BINARY, "left out: AERYS_BINARY names no binary to run")
class Original(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def serve(self, number, name="MyWebsocket"):
        command = json.dumps([*PHP, str(write_class(self.folder, number, name))])
        file = self.folder / "site.toml"
        file.write_text(SITE + WEBSOCKET.format(path="/", command=command, number=1))
        return Server("-c", str(file))

    def test_02_counts_and_an_echo(self):
        with self.serve(2, "ExampleWebsocket") as server, server.connect() as one:
            self.assertEqual(one.receive(), "user count: 1")
            with server.connect() as other:
                self.assertEqual([one.receive(), other.receive()], ["user count: 2"] * 2)
                other.send("hello")
                self.assertEqual(other.receive(), "echo chamber: hello")
                other.close()
            # The manual counts up here, too.
            self.assertEqual(one.receive(), "user count: 3")

    def test_03_even_and_odd(self):
        with self.serve(3, "ExampleWebsocket") as server:

            def come():
                client = server.connect()
                self.assertRegex(client.receive(), r"^Hello, \d+$")
                return client

            said = 0

            def speak(speaker):
                nonlocal said
                said += 1
                speaker.send("hello")
                return speaker.receive()

            # Until neither has spoken in a second that ended meanwhile.
            while said != 2:
                said = 0
                even, odd = in_second(0, come), in_second(1, come)
                for parity, speaker in ((0, even), (1, odd)):
                    self.assertEqual(in_second(parity, lambda: speak(speaker)), "new message!")
            self.assertEqual([even.close(), odd.close()], [[], []])

    def test_04_the_lines_of_a_close(self):
        with self.serve(4) as server:
            with server.connect() as client:
                self.assertEqual(client.receive(), "hi and goodbye!")
                with self.assertRaises(Closed) as closed:
                    client.receive()
                self.assertEqual(closed.exception.code, 1000)
                client.write(8, b"\x03\xe8")
            printed = block(5).read_text().splitlines()
            lines = server.log.until(lambda lines: any(f": {printed[-1]}" in line for line in lines))
            found = [text for line in lines for text in printed if f": {text}" in line]
            self.assertEqual(found, printed)

    def test_07_nested(self):
        with self.serve(7) as server, server.connect() as one, server.connect() as other:
            self.assertEqual([one.receive(), other.receive()], ["42", "42"])
            self.assertEqual([one.close(), other.close()], [[], []])

    def test_08_and_09_sends(self):
        with self.serve(8) as server, server.connect() as client:
            self.assertEqual(client.receive(), "Thus spake Zarathustra")
        with self.serve(9) as server, server.connect() as client:
            self.assertEqual([client.receive(), client.receive()], ["You know nothing, Jon Snow.", "I know some things.\\n"])

    def test_10_authorization(self):
        with self.serve(10) as server:

            def come():
                try:
                    with server.connect() as client:
                        return client.receive()
                except Refused as refused:
                    return refused.status, refused.reason

            self.assertEqual(in_second(0, come), "Welcome!")
            self.assertEqual(in_second(1, come), (401, "Authorization required"))

    def test_11_origins(self):
        with self.serve(11) as server:
            with server.connect(Origin="mysite.com") as client:
                self.assertEqual(client.receive(), "hello!")
            with self.assertRaises(Refused) as refused:
                server.connect(Origin="https://elsewhere.example")
            self.assertEqual((refused.exception.status, refused.exception.reason), (400, "Bad request: origin not allowed"))
            self.assertEqual(refused.exception.headers["access-control-allow-origin"], "mysite.com")

    def test_13_and_15_scripts(self):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("", 80))
            except OSError as error:
                self.skipTest(f"the scripts of the manual want port 80: {error}")
        # The class that they name comes from a file that PHP is told to take first.
        settings = self.folder / "settings"
        settings.mkdir()
        (settings / "before.ini").write_text(f"auto_prepend_file={write_before(self.folder)}\n")
        environment = {"PHP_INI_SCAN_DIR": f":{settings}", "AERYS_ADAPTERS": str(ADAPTERS)}
        for number, code in ((13, 1000), (15, 1009)):
            with Server("-c", str(block(number)), env=environment) as server:
                with server.connect("/mywebsocket", Host="mysite.com") as client:
                    client.send("x" * 4097)
                    client.write(8, b"\x03\xe8")
                    with self.assertRaises(Closed) as closed:
                        client.receive()
                    self.assertEqual(closed.exception.code, code)


if __name__ == "__main__":
    unittest.main()
