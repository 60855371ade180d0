"""The adapter for applications in Python."""

import sys
import unittest

from promises import Promises


class Adapter(Promises, unittest.TestCase):
    interpreter, suffix = [sys.executable], "py"


if __name__ == "__main__":
    unittest.main()
