"""The binary's chat page, unchanged, speaks to the chat of each language, in Chromium."""

import http.client
import json
import re
import shutil
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from driver import ADAPTERS, PATIENCE, Lines
from test_binary import BINARY, LANGUAGES, SITE, WEBSOCKET
from websocket import Server

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"


class Browser:
    """Chromium by WebDriver, with a window for each page."""

    def __init__(self):
        self.process = subprocess.Popen(["chromedriver", "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.log = Lines(self.process.stdout)
        started = re.compile(r"started successfully on port (\d+)")
        lines = self.log.until(lambda lines: any(started.search(line) for line in lines))
        self.port = next(int(found[1]) for line in lines if (found := started.search(line)))
        options = {"args": ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]}
        asked = self.call("POST", "/session", {"capabilities": {"alwaysMatch": {"goog:chromeOptions": options}}})
        self.session = f"/session/{asked['sessionId']}"

    def call(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request(method, path, json.dumps(body) if body is not None else None)
        answer = connection.getresponse()
        value = json.loads(answer.read())["value"]
        connection.close()
        assert answer.status == 200, value
        return value

    def open(self, url):
        return Window(self, self.call("POST", f"{self.session}/window/new", {"type": "window"})["handle"], url)

    def close(self):
        try:
            self.call("DELETE", self.session)
        finally:
            self.process.terminate()
            self.process.wait()
            self.log.close()


class Window:
    def __init__(self, browser, handle, url):
        self.browser, self.handle = browser, handle
        self.call("/url", {"url": url})

    def call(self, path, body):
        self.browser.call("POST", f"{self.browser.session}/window", {"handle": self.handle})
        return self.browser.call("POST", self.browser.session + path, body)

    def run(self, script, *arguments):
        return self.call("/execute/sync", {"script": script, "args": arguments})

    def close(self):
        self.browser.call("POST", f"{self.browser.session}/window", {"handle": self.handle})
        self.browser.call("DELETE", f"{self.browser.session}/window")

    def type(self, id, text):
        self.until(f"const it = document.getElementById('{id}'); return !it.disabled && it.checkVisibility()")
        element = self.run(f"return document.getElementById('{id}')")[ELEMENT]
        # The last is the key Enter.
        self.call(f"/element/{element}/value", {"text": text + "\ue007"})

    def until(self, script, *arguments):
        """Waits until a script answers that it is so."""
        deadline = time.monotonic() + PATIENCE
        while not self.run(script, *arguments):
            assert time.monotonic() < deadline, f"{script} {arguments}: {self.run('return document.body.innerText')}"
            time.sleep(0.05)

    def shows(self, id, text):
        self.until(f"return document.getElementById('{id}').innerText.includes(arguments[0])", text)


@unittest.skipUnless(BINARY, "left out: AERYS_BINARY names no binary to run")
@unittest.skipUnless(shutil.which("chromedriver"), "left out: chromedriver is not installed")
class Page(unittest.TestCase):
    def test_two_people_talk_on_the_page(self):
        browser = Browser()
        self.addCleanup(browser.close)
        for language, (interpreter, suffix) in LANGUAGES.items():
            with self.subTest(language), tempfile.TemporaryDirectory() as folder:
                self.talk(browser, Path(folder) / "site.toml",
                          [*interpreter, str(ADAPTERS / language / "examples" / f"chat.{suffix}")])

    def talk(self, browser, file, command):
        chats = "".join(
            WEBSOCKET.format(path=path, command=json.dumps(command), number=number)
            for number, path in enumerate(["/chat", "/chat/{room}"], 1))
        file.write_text(SITE + 'service = "chat-page"\n' + chats)
        with Server("-c", str(file)) as server:
            page = f"http://localhost:{server.port}/"
            ada = browser.open(page)
            ada.type("name", "Ada")
            ada.shows("log", "You joined as Ada")
            grace = browser.open(page)
            grace.type("name", "Grace")
            grace.shows("log", "Also here: Ada")
            ada.shows("log", "Grace joined")
            grace.type("text", "Hello, <b>Ada</b>!")
            ada.shows("log", "Hello, <b>Ada</b>!")
            ada.shows("count", "2")
            # In a room of his own, which the list of the others has.
            alan = browser.open(f"{page}#tea")
            alan.type("name", "Alan")
            alan.shows("room-title", "tea")
            ada.shows("room-list", "tea")
            grace.close()
            ada.shows("log", "Grace left")


if __name__ == "__main__":
    unittest.main()
