"""The PHP of the original's own manual, as it is printed there, does what is written there."""

import struct
import tempfile
import unittest
from pathlib import Path

from driver import ADAPTERS, BROADCAST, CLOSE, HEADER, IS_GONE, REFUSE, SEND, Process, broadcast
from original import ADAPTER, FOLDER, LEFT_OUT, METHODS, PHP, block, in_second, write_before, write_class, write_program


@unittest.skipUnless(FOLDER, LEFT_OUT)
class Original(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def program(self, source, behind):
        return Process([*PHP, str(write_program(self.folder, source, behind))])

    def run_class(self, number, name="MyWebsocket", behind=""):
        process = Process([*PHP, str(write_class(self.folder, number, name, behind))])
        process.begin()
        return process

    def run_script(self, number):
        """A configuration script, which has the class that it names from elsewhere."""
        before = write_before(self.folder)
        launcher = ADAPTERS / "php" / "host.php"
        with Process(["php", "-d", f"auto_prepend_file={before}", str(launcher), str(block(number))]) as process:
            (host,) = process.begin("/mywebsocket")["config"]["hosts"]
            process.accept(7)
            process.expect_done(process.closed(7))
        self.assertEqual((process.process.returncode, process.errors.lines), (0, []))
        (websocket,) = host["websockets"]
        self.assertEqual((host["name"], host["port"], host["address"]), ("mysite.com", 80, "*"))
        self.assertEqual((websocket["endpoint"], websocket["path"]), (1, "/mywebsocket"))
        return host, websocket["options"]

    def hear_broadcast(self, process):
        found = process.expect(BROADCAST)
        process.result(found, value={"delivered": 1, "gone": 0, "superseded": 0})
        return broadcast(found.payload)

    def test_01_the_interface_is_as_printed(self):
        behind = (
            "foreach ((new ReflectionClass('Printed\\Websocket'))->getMethods() as $method) {"
            " $ours = new ReflectionMethod('Aerys\\Websocket', $method->name);"
            " $ours->getNumberOfParameters() === $method->getNumberOfParameters() or die('other parameters');"
            " echo $method->name, ' '; } echo PHP_EOL;")
        source = f"namespace Printed {{ {block(1).read_text()} }} namespace {{ require '{ADAPTER}'; {behind} }}"
        file = self.folder / "program.php"
        file.write_text(f"<?php\n{source}")
        with Process(["php", str(file)]) as process:
            process.output.until(lambda lines: lines == ["onOpen onData onClose "])

    def test_02_everybody_is_told_the_count_and_who_speaks_is_answered(self):
        with self.run_class(2, "ExampleWebsocket") as process:
            for client in (7, 8):
                event = process.open(client)
                found = process.expect(BROADCAST, client)
                self.assertEqual(broadcast(found.payload)[:2], (f"user count: {client - 6}", None))
                process.result(found, value={"delivered": client - 6, "gone": 0, "superseded": 0})
                process.expect_done(event)
            event = process.data(8, "hello")
            self.assertEqual(process.answer_message(8), "echo chamber: hello")
            process.expect_done(event)
            event = process.closed(8)
            # The manual counts up here, too.
            self.assertEqual(self.hear_broadcast(process).message, "user count: 3")
            process.expect_done(event)

    def test_03_those_hear_it_who_came_in_the_same_kind_of_second(self):
        with self.run_class(3, "ExampleWebsocket") as process:
            ids = iter(range(7, 1000))

            def come():
                client = next(ids)
                event = process.open(client)
                self.assertEqual(process.answer_message(client), f"Hello, {client}")
                process.expect_done(event)
                return client

            def speak():
                event = process.data(client, "hello")
                heard = self.hear_broadcast(process)
                process.expect_done(event)
                return heard

            # Who has come in a second that passed meanwhile is here as well.
            for parity in (0, 1):
                client = in_second(parity, come)
                heard = in_second(parity, speak)
                self.assertEqual((heard.message, heard.except_), ("new message!", None))
                self.assertIn(client, heard.only)
                other = in_second(1 - parity, come)
                self.assertNotIn(other, in_second(parity, speak).only)

    def test_04_the_lines_of_a_close_come_in_their_order(self):
        with self.run_class(4) as process:
            event = process.open(7)
            self.assertEqual(process.answer_message(7), "hi and goodbye!")
            command = process.expect(CLOSE, 7)
            process.expect_done(process.closed(7))
            process.result(command)
            process.expect_done(event)
            printed = block(5).read_text().splitlines()
            process.output.until(lambda lines: lines == printed)

    def test_06_a_close_has_a_code_and_a_reason(self):
        source = (
            "class MyWebsocket implements Aerys\\Websocket {"
            + METHODS["onOpen"] + METHODS["onClose"]
            + "public function onData($clientId, $data) { $closeCode = 4001; $closeReason = 'enough';\n"
            + block(6).read_text() + "\n} }")
        with self.program(source, "Aerys\\run('MyWebsocket');") as process:
            process.begin()
            process.accept(7)
            process.data(7, "hello")
            self.assertEqual(process.expect(CLOSE, 7).payload, struct.pack(">H", 4001) + b"enough")

    def test_07_42_goes_to_whom_the_nested_generator_is_about(self):
        with self.run_class(7) as process:
            events = [process.open(7), process.open(8)]
            said = [process.expect_message(client) for client in (7, 8)]
            self.assertEqual([message for message, _ in said], ["42", "42"])
            for event, (_, command) in zip(events, said):
                process.result(command)
                process.expect_done(event)
        self.assertEqual(process.errors.lines, [])

    def test_08_who_has_gone_is_an_exception_that_is_caught(self):
        behind = """class Watched extends MyWebsocket {
            function onOpen($clientId, $request) { yield from parent::onOpen($clientId, $request); echo "caught\\n"; }
        }"""
        with self.run_class(8, "Watched", behind) as process:
            event = process.open(7)
            said, command = process.expect_message(7)
            self.assertEqual(said, "Thus spake Zarathustra")
            process.result(command, IS_GONE)
            process.expect_done(event)
            process.output.until(lambda lines: lines == ["caught"])
        self.assertEqual(process.errors.lines, [])

    def test_09_nowait_comes_after_what_was_waited_for_and_waits_for_nothing(self):
        with self.run_class(9) as process:
            event = process.open(7)
            said, command = process.expect_message(7)
            self.assertEqual(said, "You know nothing, Jon Snow.")
            process.expect_nothing()
            process.result(command)
            said, command = process.expect_message(7)
            self.assertEqual((said, command.seq), ("I know some things.\\n", 0))
            process.expect_done(event)

    def test_10_who_is_not_authorized_is_refused(self):
        with self.run_class(10) as process:
            ids = iter(range(7, 1000))

            def come():
                event = process.open(next(ids))
                found = process.receive()
                if found.type == SEND:
                    process.result(found)
                process.expect_done(event)
                return found.type, found.payload

            self.assertEqual(in_second(0, come), (SEND, b"\1Welcome!"))
            self.assertEqual(in_second(1, come), (REFUSE, struct.pack(">H", 401) + b"Authorization required"))

    def test_11_another_origin_is_refused_with_its_header(self):
        with self.run_class(11) as process:
            event = process.open(7, headers=[["origin", "mysite.com"]])
            self.assertEqual(process.answer_message(7), "hello!")
            process.expect_done(event)
            for headers in ([["origin", "https://evil.example"]], []):
                event = process.open(8, headers=headers)
                found = [process.expect(HEADER, 8), process.expect(REFUSE, 8)]
                self.assertEqual(found[0].payload, b"Access-Control-Allow-Origin: mysite.com")
                self.assertEqual(found[1].payload, struct.pack(">H", 400) + b"Bad request: origin not allowed")
                process.expect_done(event)

    def test_12_a_host_mounts_what_is_printed(self):
        self.assertIn("addWebsocket(string $uri, mixed $websocketClassOrObj, array $options", block(12).read_text())
        behind = "$m = new ReflectionMethod('Aerys\\Host', 'addWebsocket');" \
            " echo $m->getNumberOfParameters(), $m->getNumberOfRequiredParameters(), PHP_EOL;"
        with self.program("", behind) as process:
            process.output.until(lambda lines: lines == ["32"])

    def test_13_a_script_with_a_websocket(self):
        host, options = self.run_script(13)
        self.assertEqual((host["roots"], options), ([], {}))

    def test_14_a_script_with_a_websocket_and_files(self):
        host, options = self.run_script(14)
        self.assertEqual((host["roots"], options), (["/hard/path/to/docroot"], {}))

    def test_15_a_script_with_options(self):
        host, options = self.run_script(15)
        self.assertEqual((host["roots"], options), ([], {"max_frame_size": 4096, "max_msg_size": 32768}))


if __name__ == "__main__":
    unittest.main()
