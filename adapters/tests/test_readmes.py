"""What the README of each adapter begins with runs, and names every command that there is."""

import os
import re
import sys
import tempfile
import unittest
from pathlib import Path

from driver import ADAPTERS, Process


class Readmes(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def first_block(self, language, name):
        text = (ADAPTERS / language / "README.md").read_text()
        source = re.search(r"```\w+\n(.*?)```", text, re.DOTALL)[1]
        file = self.folder / name
        file.write_text(source.replace("/path/to/adapters", str(ADAPTERS)))
        return str(file)

    def echoes(self, command, **environment):
        with Process(command, env=environment) as process:
            process.begin()
            process.accept(7)
            event = process.data(7, "hello")
            self.assertEqual(process.answer_message(7), "hello")
            process.expect_done(event)

    def test_php(self):
        self.echoes(["php", self.first_block("php", "echo.php")])

    def test_python(self):
        self.echoes([sys.executable, self.first_block("python", "echo.py")], PYTHONPATH=str(ADAPTERS / "python"))

    def test_node(self):
        program = self.first_block("node", "echo.mjs")
        (self.folder / "node_modules").mkdir()
        os.symlink(ADAPTERS / "node", self.folder / "node_modules" / "aerys")
        self.echoes(["node", program])

    def test_every_command_of_php_is_in_its_table(self):
        commands = re.findall(r"^            case '(\w+)':", (ADAPTERS / "php/src/Internal/Commands.php").read_text(), re.M)
        table = (ADAPTERS / "php" / "README.md").read_text()
        self.assertGreater(len(commands), 15)
        self.assertEqual([name for name in commands if f"`{name}`" not in table], [])

    def test_every_method_of_the_types_is_in_the_table_of_node(self):
        types = (ADAPTERS / "node" / "index.d.ts").read_text()
        classes = "".join(re.findall(r"export class (?:Endpoint|Client)<.*?^}", types, re.DOTALL | re.MULTILINE))
        table = (ADAPTERS / "node" / "README.md").read_text()
        methods = set(re.findall(r"^  (\w+)\(", classes, re.M)) - {"constructor"}
        self.assertGreater(len(methods), 12)
        self.assertEqual({name for name in methods if f".{name}" not in table}, set())


if __name__ == "__main__":
    unittest.main()
