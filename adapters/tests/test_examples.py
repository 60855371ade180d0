"""Each example does what it says."""

import json
import re
import struct
import sys
import unittest

from driver import (
    ACCEPT, ADAPTERS, BROADCAST, CLIENTS, CLOSE, DONE, GROUP, HEADER, INSPECT, IS_GONE, JOIN, REFUSE, SEND, Process,
    broadcast, message)

TIME = r"^\d\d:\d\d:\d\d$"


class Example(unittest.TestCase):
    def run_example(self, *command, paths=("/",)):
        process = Process([*command[:-1], str(ADAPTERS / command[-1])])
        process.config = process.begin(*paths)["config"]
        return process

    def php(self, name):
        return self.run_example("php", f"php/examples/{name}.php")

    def say(self, process, client, said, *answers):
        event = process.data(client, said)
        for answer in answers:
            self.assertEqual(process.answer_message(client), answer)
        process.expect_done(event)

    def hear(self, process, client=0):
        found = process.expect(BROADCAST)
        if found.seq:
            process.result(found, value={"delivered": 2, "gone": 0, "superseded": 0})
        return broadcast(found.payload)

    def test_echoes(self):
        for command in (["php", "php/examples/echo.php"], [sys.executable, "python/examples/echo.py"],
                        ["node", "node/examples/echo.mjs"]):
            with self.run_example(*command) as process:
                process.accept(7)
                self.say(process, 7, "hello", "hello")

    def test_user_count(self):
        with self.php("user_count") as process:
            event = process.open(7)
            self.assertEqual(self.hear(process).message, "1 here")
            process.expect_done(event)
            self.say(process, 7, "hello", "You said: hello")
            event = process.closed(7)
            self.assertEqual(self.hear(process).message, "0 here")
            process.expect_done(event)

    def test_even_odd(self):
        with self.php("even_odd") as process:
            for client, told in ((7, "you are even"), (8, "you are odd"), (9, "you are even")):
                event = process.open(client)
                self.assertEqual(process.answer_message(client), told)
                process.expect_done(event)
            event = process.data(9, "even: hello")
            heard = self.hear(process)
            self.assertEqual((heard.message, heard.only, heard.except_), ("even: hello", [7, 9], [9]))
            process.expect_done(event)
            self.say(process, 8, "odd: hello")

    def test_close_in_open(self):
        with self.php("close_in_open") as process:
            event = process.open(7)
            self.assertEqual(process.answer_message(7), "We are closed.")
            command = process.expect(CLOSE, 7)
            self.assertEqual(command.payload, struct.pack(">H", 4001) + b"come back tomorrow")
            process.expect_done(process.closed(7, 4001, "come back tomorrow"))
            process.result(command)
            process.expect_done(event)
            lines = process.output.until(lambda lines: len(lines) == 3)
            self.assertEqual([line[0] for line in lines], ["1", "2", "3"])

    def test_nested(self):
        with self.php("nested") as process:
            process.accept(7)
            self.say(process, 7, "3", "3", "2", "1", "0, and the sum was 6")

    def test_delivery(self):
        with self.php("delivery") as process:
            event = process.open(7)
            process.answer_message(7)
            _, command = process.expect_message(7)
            process.result(command, IS_GONE)
            process.expect_done(event)
            process.output.until(lambda lines: lines == ["client 7 went after 1 of 3"])
            event = process.data(7, "hello")
            self.hear(process)
            self.assertEqual(process.answer_message(7), "heard by 2")
            process.expect_done(event)
            process.expect_done(process.closed(7))

    def test_nowait(self):
        with self.php("nowait") as process:
            event = process.open(7)
            self.assertEqual(process.expect_message(7)[0], "welcome")
            self.assertEqual(self.hear(process).except_, [7])
            process.expect_done(event)
            self.say(process, 7, "news", "it will be announced")
            self.assertEqual(self.hear(process).message, "news")

    def test_authorize(self):
        with self.php("authorize") as process:
            for client, query in ((7, "token=open-sesame"), (8, "token=guess")):
                event = process.open(client, query=query)
                headers = [process.expect(HEADER, client).payload for _ in range(2)]
                self.assertEqual(headers, [b"X-Door: front", b"Cache-Control: no-store"])
                if client == 7:
                    self.assertEqual(process.answer_message(7), "come in")
                else:
                    self.assertEqual(process.expect(REFUSE, 8).payload, struct.pack(">H", 401) + b"A token is needed")
                process.expect_done(event)

    def test_origin(self):
        with self.php("origin") as process:
            event = process.open(7, headers=[["origin", "https://mysite.com"], ["sec-websocket-protocol", "soup, chat"]])
            self.assertEqual(process.expect(ACCEPT, 7).payload, b"chat")
            self.assertEqual(process.answer_message(7), "welcome")
            process.expect_done(event)
            event = process.open(8)
            self.assertEqual(process.expect(REFUSE, 8).payload[:2], struct.pack(">H", 403))
            process.expect_done(event)

    def ticks(self, process, event):
        """Two ticks, before or after an event has been handled."""
        said = []
        while len(said) < 2 or event:
            found = process.receive()
            if found.type == DONE:
                self.assertEqual(found.seq, event)
                event = None
            else:
                said.append(message(found.payload)[0])
                process.result(found)
        for it in said:
            self.assertRegex(it, TIME)

    def test_clocks(self):
        for command in (["php", "php/examples/clock.php"], [sys.executable, "python/examples/clock.py"],
                        ["node", "node/examples/clock.mjs"]):
            with self.run_example(*command) as process:
                self.ticks(process, process.open(7))
                process.expect_done(process.data(7, "stop"))
                self.ticks(process, process.data(7, "start"))
                process.expect_done(process.closed(7))
                process.expect_nothing()
            self.assertEqual(process.errors.lines, [])

    def test_tail(self):
        with self.php("tail") as process:
            process.accept(7)
            process.expect_done(process.data(7, "count"))
            self.assertEqual([process.answer_message(7) for _ in range(4)], ["1", "2", "3", "ended with 0"])

    def test_combine(self):
        with self.php("combine") as process:
            process.accept(7)
            self.say(process, 7, "2,4", "all: 1 2", "2 could be, and 0 could not", "some: 1 2")
            self.say(process, 7, "1,4", "not all: 1 is odd", "1 could be, and 1 could not", "some: 2")
            self.say(process, 7, "1", "not all: 1 is odd", "0 could be, and 1 could not", "none of them")

    def test_inspect(self):
        with self.php("inspect") as process:
            event = process.open(7)
            self.assertEqual(process.answer_message(7), "you are 7")
            process.expect_done(event)
            event = process.data(7, "me")
            process.result(process.expect(INSPECT, 7), value={"bytes_read": 1})
            self.assertEqual(json.loads(process.answer_message(7)), {"bytes_read": 1})
            process.expect_done(event)
            process.data(7, "9")
            process.result(process.expect(INSPECT, 9), IS_GONE)
            self.assertEqual(process.answer_message(7), "there is no client 9")

    def test_rooms(self):
        with self.php("rooms") as process:
            event = process.open(7)
            process.result(process.expect(JOIN, 7))
            process.expect_done(event)
            event = process.data(7, "+tea")
            process.result(process.expect(JOIN, 7))
            process.result(process.expect(GROUP), value={"clients": [7, 8]})
            self.assertEqual(process.answer_message(7), "2 in tea")
            process.expect_done(event)
            event = process.data(7, "tea: anyone?")
            heard = self.hear(process)
            self.assertEqual((heard.group, heard.except_), ("tea", [7]))
            process.expect_done(event)
            event = process.closed(7)
            process.result(process.expect(CLIENTS), value={"clients": [8]})
            self.assertEqual(self.hear(process).message, "1 left")
            process.expect_done(event)

    def test_site(self):
        with self.run_example("php", str(ADAPTERS / "php/host.php"), "php/examples/site.php",
                              paths=("/shout",)) as process:
            (host,) = process.config["hosts"]
            self.assertEqual(host["roots"], [str(ADAPTERS / "php/examples/public")])
            process.accept(7)
            event = process.data(7, "hello")
            self.assertEqual(self.hear(process).message, "HELLO")
            process.expect_done(event)

    def test_every_example_of_php_is_tested(self):
        names = {file.stem for file in (ADAPTERS / "php/examples").glob("*.php")} - {"chat"}
        tested = set(re.findall(r'(?:self\.php\("|php/examples/)(\w+)', (ADAPTERS / "tests/test_examples.py").read_text()))
        self.assertEqual(names - tested, set())


if __name__ == "__main__":
    unittest.main()
