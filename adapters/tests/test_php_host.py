"""Configuration scripts in PHP: what they tell the server, and what is wrong with them."""

import os
import subprocess
import tempfile
import unittest
from pathlib import Path

from driver import ADAPTERS, SEND, Process, message

LAUNCHER = ADAPTERS / "php" / "host.php"

ECHO = """
class Repeater implements Aerys\\Websocket {
    function __construct(private string $before = '') {}
    function onOpen($clientId, array $request) {}
    function onData($clientId, $data) { yield '@send' => $this->before . $data; }
    function onClose($clientId, $code, $reason) {}
}
"""


class Hosts(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name).resolve()

    def script(self, source):
        file = self.folder / "site.php"
        file.write_text(f"<?php\n{source}")
        return file

    def complaint(self, source):
        process = Process(["php", str(LAUNCHER), str(self.script(source))])
        with process:
            process.process.wait()
        self.assertEqual((process.process.returncode, process.output.lines), (2, []))
        (line,) = process.errors.lines
        return line

    def test_all_that_is_set_is_told(self):
        script = self.script(ECHO + """
            use Aerys\\Host, Aerys\\Websocket\\Endpoint as E;
            $a = new Host;
            $a->setName('a.com'); $a->setPort(8080); $a->setAddress('127.0.0.1'); $a->addRoot('public'); $a->addRoot('/srv');
            $a->addWebsocket('/one', 'Repeater', [E::OP_HEARTBEAT_PERIOD => 0, E::OP_CLOSE_PERIOD => 1.5,
                E::OP_VALIDATE_UTF8 => false, E::OP_TEXT_ONLY => true, E::OP_AUTO_FRAME_SIZE => 1024,
                E::OP_QUEUED_PING_LIMIT => 5]);
            $a->addWebsocket('/two', new Repeater('two: '));
            $b = (new Host)->addWebsocket('/one', 'Repeater', [E::OP_HEARTBEAT_PERIOD => 30]);
        """)
        with Process(["php", str(LAUNCHER), str(script)]) as process:
            config = process.begin("/one", "/two", "/one")["config"]
            options = {"heartbeat_period": False, "close_period": "1500 ms", "validate_utf8": False, "text_only": True,
                       "auto_frame_size": 1024, "queued_ping_limit": 5}
            self.assertEqual(config, {"hosts": [
                {"name": "a.com", "port": 8080, "address": "127.0.0.1", "roots": [f"{self.folder}/public", "/srv"],
                 "websockets": [{"endpoint": 1, "path": "/one", "options": options},
                                {"endpoint": 2, "path": "/two", "options": {}}]},
                {"name": None, "port": 80, "address": "*", "roots": [],
                 "websockets": [{"endpoint": 3, "path": "/one", "options": {"heartbeat_period": "30000 ms"}}]},
            ]})
            for endpoint, said in ((1, "hello"), (2, "two: hello"), (3, "hello")):
                event = process.open(endpoint, endpoint)
                process.expect_done(event)
                process.data(endpoint, "hello", endpoint)
                found = process.expect(SEND, endpoint)
                self.assertEqual((found.endpoint, message(found.payload)[0]), (endpoint, said))
                process.expect_done(process.event)

    def test_a_class_may_come_after_the_host_that_names_it(self):
        script = self.script("$host = new Aerys\\Host; $host->addWebsocket('/', 'Later');\nif (true) {"
                             + ECHO.replace("Repeater", "Later") + "}")
        with Process(["php", str(LAUNCHER), str(script)]) as process:
            process.begin("/")

    def test_what_is_wrong_is_one_sentence(self):
        for source, sentence in (
            ("$host = new Aerys\\Host; $host->addWebsocket('/', 'Nowhere');", "There is no class Nowhere"),
            ("$host = new Aerys\\Host; $host->addWebsocket('/', 'ArrayObject');", "ArrayObject does not implement"),
            (ECHO + "class Needs extends Repeater { function __construct(int $more) {} }"
             + "$host = new Aerys\\Host; $host->addWebsocket('/', 'Needs');", "Needs is made with arguments"),
            ("", "describes nothing to serve"),
        ):
            self.assertIn(sentence, self.complaint(source))

    def test_a_script_that_is_not_there_is_told_of(self):
        with Process(["php", str(LAUNCHER), str(self.folder / "nowhere.php")]) as process:
            process.process.wait()
        self.assertEqual(process.process.returncode, 2)
        self.assertIn("no configuration script", process.errors.text())

    def test_who_starts_it_alone_is_told_how_it_is_started(self):
        environment = {name: value for name, value in os.environ.items() if name != "AERYS_PROTOCOL"}
        for arguments in ([], [str(self.script(""))]):
            alone = subprocess.run(["php", str(LAUNCHER), *arguments], stdin=subprocess.DEVNULL, capture_output=True,
                                   text=True, env=environment)
            self.assertEqual((alone.returncode, len(alone.stderr.splitlines())), (2, 1))
            self.assertIn("aerys -c", alone.stderr)

    def test_an_application_for_each_path_is_chosen_by_it(self):
        adapter = ADAPTERS / "php" / "aerys.php"
        script = self.script(
            f"require '{adapter}'; {ECHO} Aerys\\run(['/a' => 'Repeater', '/b' => new Repeater('b: ')]);")
        with Process(["php", str(script)]) as process:
            process.begin("/b", "/a")
            process.expect_done(process.open(7, 1))
            process.data(7, "hello", 1)
            self.assertEqual(process.expect_message(7)[0], "b: hello")
        with Process(["php", str(script)]) as process:
            with self.assertRaises((EOFError, ConnectionError)):
                process.begin("/c")
        self.assertIn("no application for /c", process.errors.text())


if __name__ == "__main__":
    unittest.main()
