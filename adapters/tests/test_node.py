"""The adapter for applications in Node.js."""

import unittest

from promises import Promises


class Adapter(Promises, unittest.TestCase):
    interpreter, suffix = ["node"], "mjs"


if __name__ == "__main__":
    unittest.main()
