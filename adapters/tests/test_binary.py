"""From a client's socket to an application and back, through the binary that AERYS_BINARY names."""

import functools
import json
import os
import signal
import sys
import tempfile
import threading
import unittest
from pathlib import Path

from driver import ADAPTERS
from websocket import Closed, Refused, Server

BINARY = os.environ.get("AERYS_BINARY")
ORIGINAL = os.environ.get("AERYS_ORIGINAL_EXAMPLES")

SITE = """
[[listen]]
address = "127.0.0.1:0"

[[host]]
name = "localhost"
"""

WEBSOCKET = """
[[host.websocket]]
path = "{path}"
application = {{ command = {command}, shared = "program", endpoint = {number} }}
allowed_origins = "any"
"""

LANGUAGES = {
    "php": (["php"], "php"),
    "python": ([sys.executable], "py"),
    "node": (["node"], "mjs"),
}


def each(program):
    """A test that is given a server with that program, in each language."""
    def decorate(test):
        @functools.wraps(test)
        def run(self):
            for language, (interpreter, suffix) in LANGUAGES.items():
                with self.subTest(language), self.serve(*interpreter, f"{program}.{suffix}".replace("*", language)) as server:
                    test(self, server)
        return run
    return decorate


@unittest.skipUnless(BINARY, "left out: AERYS_BINARY names no binary to run")
class Binary(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def serve(self, *command, paths=("/",)):
        """A program on some paths."""
        command = json.dumps([*command[:-1], str(ADAPTERS / command[-1])])
        file = self.folder / "site.toml"
        file.write_text(SITE + "".join(
            WEBSOCKET.format(path=path, command=command, number=number) for number, path in enumerate(paths, 1)))
        return Server("-c", str(file))

    def example(self, name, paths=("/",)):
        return self.serve("php", f"php/examples/{name}.php", paths=paths)

    @each("*/examples/echo")
    def test_what_is_said_comes_back(self, server):
        with server.connect() as client:
            for said in ("hello", "grüße 😀", b"\xff\0", "", "x" * 1_000_000):
                client.send(said)
                self.assertEqual(client.receive(), said)
            client.close()

    @each("*/examples/echo")
    def test_many_speak_at_once(self, server):
        clients = [server.connect() for _ in range(50)]
        for turn in range(20):
            for number, client in enumerate(clients):
                client.send(f"{number} {turn}")
            for number, client in enumerate(clients):
                self.assertEqual(client.receive(), f"{number} {turn}")
        for client in clients:
            client.end()

    @each("tests/programs/commands")
    def test_answers_leave_just_in_time(self, server):
        with server.connect("/?greet") as client:
            self.assertEqual((client.headers["x-one"], client.headers["x-two"]), ("1", "2"))
            self.assertEqual(client.receive(), "hi")
        with self.assertRaises(Refused) as refused:
            server.connect("/?refuse")
        self.assertEqual((refused.exception.status, refused.exception.reason), (401, "Who are you?"))
        self.assertEqual(refused.exception.headers["x-one"], "1")
        with self.assertRaises(Refused) as refused:
            server.connect("/?fail")
        self.assertEqual(refused.exception.status, 500)
        with server.connect("/?broadcast") as client:
            self.assertEqual([client.receive(), client.receive()], ["all hear it", "and this"])
        with server.connect("/?subprotocol", Sec_WebSocket_Protocol="soup, chat") as client:
            self.assertEqual(client.headers["sec-websocket-protocol"], "chat")
        with server.connect("/?fail-late") as client:
            self.assertEqual(client.receive(), "hi")
            self.assertEqual(self.code(client), 1011)

    @each("tests/programs/commands")
    def test_a_close_inside_on_open_runs_on_close_first(self, server):
        with server.connect("/?close") as client:
            self.assertEqual(client.receive(), "hi")
            with self.assertRaises(Closed) as closed:
                client.receive()
            self.assertEqual((closed.exception.code, closed.exception.reason), (4001, "bye"))
            client.write(8, b"\x0f\xa1")
        order = (": before", ": closed", ": after")
        lines = server.log.until(lambda lines: any(": after" in line for line in lines))
        places = [next(at for at, line in enumerate(lines) if word in line) for word in order]
        self.assertEqual(places, sorted(places))

    @each("tests/programs/commands")
    def test_commands_have_their_results(self, server):
        with server.connect() as one, server.connect() as other:
            one.send("inspect")
            self.assertGreater(int(one.receive()), 0)
            other.send("groups")
            members, everybody = (other.receive()).split(", ")
            self.assertEqual((len(members.split()), len(everybody.split())), (1, 2))
            one.send(f"close {members} 4005 out")
            with self.assertRaises(Closed) as closed:
                other.receive()
            self.assertEqual((closed.exception.code, closed.exception.reason), (4005, "out"))
            other.write(8, b"\x0f\xa5")
            self.assertEqual(one.receive(), "it is closed")
            one.send("nowait")
            self.assertEqual([one.receive(), one.receive()], ["one", "two"])
            self.assertEqual(self.code(one), 4000)

    @each("tests/programs/commands")
    def test_an_error_closes_its_own_client_and_is_in_the_log(self, server):
        with server.connect() as one, server.connect() as other:
            one.send("fail")
            with self.assertRaises(Closed) as closed:
                one.receive()
            self.assertEqual((closed.exception.code, "luck" in closed.exception.reason), (1011, False))
            server.log.until(lambda lines: any("no luck" in line for line in lines))
            other.send("echo still here")
            self.assertEqual(other.receive(), "still here")

    @each("*/examples/echo")
    def test_a_process_that_is_killed_is_back_within_moments(self, server):
        with server.connect() as client:
            (pid,) = server.children()
            os.kill(pid, signal.SIGKILL)
            self.assertEqual(self.code(client), 1012)
        while True:
            try:
                client = server.connect()
                break
            except Refused as refused:
                self.assertEqual(refused.status, 503)
        with client:
            client.send("again")
            self.assertEqual(client.receive(), "again")

    @each("tests/programs/commands")
    def test_a_stop_leaves_nothing_behind(self, server):
        with server.connect() as client:
            (pid,) = server.children()
            stopping = threading.Thread(target=server.stop)
            stopping.start()
            self.assertEqual(self.code(client), 1001)
            client.write(8, b"\x03\xe9")
            stopping.join()
        self.assertEqual(server.process.returncode, 0)
        self.assertFalse(Path(f"/proc/{pid}").exists())
        self.assertTrue(any("stopped" in line for line in server.log.lines))

    def test_rooms_and_lists_of_the_chat_are_the_same_in_each_language(self):
        for language, (interpreter, suffix) in LANGUAGES.items():
            with self.subTest(language):
                paths = ("/chat", "/chat/{room}")
                with self.serve(*interpreter, f"{language}/examples/chat.{suffix}", paths=paths) as server:
                    with server.connect("/chat") as ada, server.connect("/chat/%20lobby") as bob:
                        self.chat(ada, bob)
                    with self.assertRaises(Refused) as refused:
                        server.connect("/chat/%20")
                    self.assertEqual(refused.exception.status, 404)

    def chat(self, ada, bob):
        def hear(client):
            while (heard := json.loads(client.receive()))["type"] == "rooms":
                pass
            return heard

        for client, name in ((ada, "Ada"), (bob, "Bob")):
            client.send(json.dumps({"type": "join", "name": name}))
            self.assertEqual(hear(client)["type"], "welcome")
        self.assertEqual(hear(ada)["name"], "Bob")
        bob.send(json.dumps({"type": "say", "text": "hello"}))
        for client in (ada, bob):
            heard = hear(client)
            self.assertEqual((heard["type"], heard["name"], heard["text"]), ("said", "Bob", "hello"))
        bob.close()
        self.assertEqual(hear(ada)["type"], "left")

    def test_examples_of_php(self):
        with self.example("user_count") as server:
            with server.connect() as one:
                self.assertEqual(one.receive(), "1 here")
                with server.connect() as other:
                    self.assertEqual([other.receive(), one.receive()], ["2 here", "2 here"])
                    other.close()
                self.assertEqual(one.receive(), "1 here")
        with self.example("nested") as server, server.connect() as client:
            client.send("2")
            self.assertEqual([client.receive() for _ in range(3)], ["2", "1", "0, and the sum was 3"])
        with self.example("rooms") as server, server.connect() as one, server.connect() as other:
            for number, client in enumerate((one, other), 1):
                client.send("+tea")
                self.assertEqual(client.receive(), f"{number} in tea")
            one.send("tea: anyone?")
            self.assertEqual(other.receive(), "tea: anyone?")

    def test_a_script_is_a_servers_configuration(self):
        script = self.folder / "site.php"
        source = (ADAPTERS / "php/examples/site.php").read_text()
        script.write_text(source.replace("setPort(8080)", "setPort(0)"))
        (self.folder / "public").mkdir()
        with Server("-c", str(script), env={"AERYS_ADAPTERS": str(ADAPTERS)}) as server:
            # No origin is looked at but by onOpen.
            with server.connect("/shout", Origin="https://elsewhere.example") as client:
                client.send("hello")
                self.assertEqual(client.receive(), "HELLO")
                client.send("x" * 4097)
                self.assertEqual(self.code(client), 1009)

    def code(self, client):
        with self.assertRaises(Closed) as closed:
            client.receive()
        return closed.exception.code


if __name__ == "__main__":
    unittest.main()
