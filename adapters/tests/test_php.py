"""The adapter for applications in PHP."""

import unittest

from promises import Promises


class Adapter(Promises, unittest.TestCase):
    interpreter, suffix = ["php"], "php"


if __name__ == "__main__":
    unittest.main()
