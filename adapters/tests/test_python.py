"""The adapter for applications in Python."""

import sys
import unittest

from driver import ADAPTERS, Process
from promises import Promises


class Adapter(Promises, unittest.TestCase):
    interpreter, suffix = [sys.executable], "py"


class Waiting(unittest.TestCase):
    """A handler is a task of asyncio like any other."""

    def setUp(self):
        self.process = self.enterContext(Process([sys.executable, ADAPTERS / "tests/programs/waiting.py"]))
        self.process.begin()
        self.process.accept(7)

    def test_what_takes_too_long_can_be_given_up(self):
        event = self.process.data(7, "timeout")
        unanswered, command = self.process.expect_message(7)
        self.assertEqual(unanswered, "nobody answers this")
        self.assertEqual(self.process.answer_message(7), "too late")
        self.process.expect_done(event)
        # An answer that comes after that is for nobody.
        self.process.result(command)
        self.process.expect_nothing()

    def test_what_is_cancelled_goes_on_with_that(self):
        event = self.process.data(7, "cancel")
        self.process.expect_message(7)
        self.assertEqual(self.process.answer_message(7), "cancelled")
        self.process.expect_done(event)

    def test_several_sends_can_be_waited_for_at_once(self):
        for how in ["gather", "group"]:
            event = self.process.data(7, how)
            commands = [self.process.expect_message(7) for _ in range(2)]
            self.assertEqual([said for said, _ in commands], ["one", "two"], how)
            for _, command in reversed(commands):
                self.process.result(command)
            self.assertEqual(self.process.expect_message(7)[0], "both")
            self.process.expect_done(event)

    def test_a_send_can_be_wrapped(self):
        event = self.process.data(7, "wait_for")
        self.assertEqual(self.process.answer_message(7), "in time")
        self.assertEqual(self.process.answer_message(7), "shielded")
        self.assertEqual(self.process.expect_message(7)[0], "both")
        self.process.expect_done(event)


if __name__ == "__main__":
    unittest.main()
