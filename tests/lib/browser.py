"""A headless Chromium that a test drives by WebDriver (W3C), with what the page logged and asked for: Debian's chromium-driver."""

import base64
import contextlib
import http.client
import json
import pathlib
import re
import select
import shutil
import subprocess
import tempfile
import time

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # of the standard
KEYS = {"tab": "\ue004", "enter": "\ue007", "escape": "\ue00c", "space": " ", "shift": "\ue008"}


class BrowserError(AssertionError):
    pass


class Browser:
    def __init__(self, width=1280, height=900):
        self.folder = tempfile.mkdtemp(prefix="cxs-browser-", dir="/tmp")
        self.driver = subprocess.Popen([shutil.which("chromedriver") or "chromedriver", "--port=0"], stdin=subprocess.DEVNULL,
                                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                       env={"HOME": self.folder, "PATH": "/usr/bin:/bin", "TMPDIR": self.folder, "LANG": "C.UTF-8"})
        self.port = self._read_port()
        # As root Chromium has no sandbox of its own; the pages are this project's.
        arguments = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars", f"--window-size={width},{height}",
                     f"--user-data-dir={self.folder}/profile", "--disable-background-networking", "--disable-component-update", "--no-first-run"]
        capabilities = {"browserName": "chrome", "goog:chromeOptions": {"args": arguments, "binary": shutil.which("chromium")},
                        "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"}}
        self.session = self._call("POST", "/session", {"capabilities": {"alwaysMatch": capabilities}}, timeout=90)["sessionId"]
        self.requests, self.messages = [], []

    def _read_port(self):
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and select.select([self.driver.stdout], [], [], deadline - time.monotonic())[0]:
            line = self.driver.stdout.readline()
            found = re.search(r"started successfully on port (\d+)", line)
            if found:
                return int(found.group(1))
            if not line:
                break
        raise BrowserError("chromedriver did not start")

    def _call(self, method, path, body=None, timeout=60):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request(method, path, json.dumps(body) if body is not None else None, {"Content-Type": "application/json"})
            value = json.loads(connection.getresponse().read())["value"]
        finally:
            connection.close()
        if isinstance(value, dict) and "error" in value:
            raise BrowserError(f"{method} {path}: {value['error']}: {value['message']}")
        return value

    def call(self, method, path, body=None):
        return self._call(method, f"/session/{self.session}{path}", body)

    def close(self):
        with contextlib.suppress(Exception):
            self.call("DELETE", "")
        self.driver.terminate()
        self.driver.wait(20)
        self.driver.stdout.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # -- the page -------------------------------------------------------------------------------------------------

    def open(self, url):
        self.call("POST", "/url", {"url": url})

    def script(self, text, *arguments):
        return self.call("POST", "/execute/sync", {"script": text, "args": list(arguments)})

    def devtools(self, command, **parameters):
        return self.call("POST", "/goog/cdp/execute", {"cmd": command, "params": parameters})

    def find_all(self, selector):
        return [element[ELEMENT] for element in self.call("POST", "/elements", {"using": "css selector", "value": selector})]

    def find(self, selector):
        return self.wait(lambda: (self.find_all(selector) or [None])[0], f"{selector} is there")

    def text(self, selector="body"):
        return self.script("return document.querySelector(arguments[0])?.innerText ?? ''", selector)

    def click(self, selector):
        self.call("POST", f"/element/{self.find(selector)}/click", {})

    def type(self, selector, text):
        self.call("POST", f"/element/{self.find(selector)}/value", {"text": text})

    def press(self, *keys):
        """Keys to whatever has the focus; one after another."""
        actions = []
        for key in keys:
            value = KEYS.get(key, key)
            actions += [{"type": "keyDown", "value": value}, {"type": "keyUp", "value": value}]
        self.call("POST", "/actions", {"actions": [{"type": "key", "id": "keyboard", "actions": actions}]})

    def focused(self):
        """The accessible name of what has the focus, as far as the page's elements have one."""
        return self.script("const e = document.activeElement; return e.getAttribute('aria-label') || e.innerText || e.id || e.tagName")

    def wait(self, condition, what, timeout=20.0):
        deadline = time.monotonic() + timeout
        while True:
            value = condition()
            if value:
                return value
            if time.monotonic() > deadline:
                raise BrowserError(f"timed out after {timeout} s: {what}; the page says: {self.text()[:1500]!r}")
            time.sleep(0.05)

    def wait_text(self, text, selector="body", timeout=20.0):
        self.wait(lambda: text in self.text(selector), f"{selector} says {text!r}", timeout)

    def emulate(self, dark=False, width=None, height=900):
        self.devtools("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"},
                                                              {"name": "prefers-reduced-motion", "value": "reduce"}])
        if width is None:
            self.devtools("Emulation.clearDeviceMetricsOverride")
        else:
            self.devtools("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600)

    def screenshot(self, path):
        """Of the whole page, not of its window alone."""
        path = pathlib.Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        size = self.devtools("Page.getLayoutMetrics")["cssContentSize"]
        data = self.devtools("Page.captureScreenshot", format="png", captureBeyondViewport=True,
                             clip={"x": 0, "y": 0, "width": size["width"], "height": min(size["height"], 4000), "scale": 1})
        path.write_bytes(base64.b64decode(data["data"]))

    # -- what it did ----------------------------------------------------------------------------------------------

    def collect(self):
        """Brings `requests` (URLs, of every frame and kind) and `messages` (of the console, the worst included) up to date."""
        for entry in self.call("POST", "/se/log", {"type": "performance"}):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                self.requests.append(message["params"]["request"])
        self.messages += self.call("POST", "/se/log", {"type": "browser"})
        return self
