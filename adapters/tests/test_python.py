"""The adapter for applications in python."""

import unittest

from promises import Promises


class Adapter(Promises, unittest.TestCase):
    interpreter, suffix = ['python3'], "py"


if __name__ == "__main__":
    unittest.main()
