"""A headless Chromium, driven over two pipes by its own protocol; it may reach no network."""

import base64
import fcntl
import itertools
import json
import os
import shutil
import subprocess

PROGRAM = shutil.which("chromium")

FRAMES = 240
SCROLL_AND_FILTER = """new Promise(done => {
    const list = document.getElementById('list'), find = document.getElementById('find'), frames = [];
    const words = ['u', 'un', 'uni', 'unit-3', 'unit-39', '', 'app:7', 'what it said', 'nowhere', ''];
    let last, step = 0, nodes = 0;
    const frame = (now) => {
        if (last !== undefined) frames.push(now - last);
        last = now;
        nodes = Math.max(nodes, document.querySelectorAll('*').length);
        if (step++ === FRAMES) { done({frames, nodes}); return; }
        list.scrollTop += step % 7 ? 173 : 40000;
        if (step % 24 === 0) {
            find.value = words[step / 24 - 1];
            find.dispatchEvent(new Event('input', {bubbles: true}));
        }
        requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
})""".replace("FRAMES", str(FRAMES))
"""Scroll a page and type into its filter; gives how long each frame took, in milliseconds, and the most nodes."""


class Browser:
    """One tab of one browser, which ends with the `with` block."""

    def __init__(self, profile, *, width=1400, height=1000, dark=False):
        self._numbers = itertools.count(1)
        self._kept = b""
        self.said = []
        """What came unasked: messages of the console, errors, violations of the policy."""
        from_us, self._write = os.pipe()
        self._read, from_it = os.pipe()
        command = [
            PROGRAM, "--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe", "--no-first-run",
            f"--user-data-dir={profile}", "--disable-background-networking", "--host-resolver-rules=MAP * ~NOTFOUND",
            "--disable-dev-shm-usage", f"--window-size={width},{height}", "about:blank",
        ]  # fmt: skip

        def take_places():
            """Put the two pipes where the browser looks for them, whatever their numbers are here."""
            at = [fcntl.fcntl(pipe, fcntl.F_DUPFD, 10) for pipe in (from_us, from_it)]
            os.dup2(at[0], 3)
            os.dup2(at[1], 4)

        self.process = subprocess.Popen(
            command,
            close_fds=False,
            preexec_fn=take_places,  # noqa: PLW1509 - no thread of this test holds a lock
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(from_us)
        os.close(from_it)
        targets = self._call("Target.getTargets")["targetInfos"]
        page = next(one["targetId"] for one in targets if one["type"] == "page")
        self._session = None
        self._session = self._call("Target.attachToTarget", targetId=page, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network", "DOM"):
            self._call(f"{domain}.enable")
        self._call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        self._call(
            "Emulation.setEmulatedMedia",
            features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}],
        )

    _session = None

    def open(self, path):
        """Open a file and wait until it has loaded and its script has run."""
        self.said.clear()
        self._call("Page.navigate", url=path.absolute().as_uri())
        while not any(one["method"] == "Page.loadEventFired" for one in self.said):
            self._take()

    def run(self, script):
        """Return the value of an expression in the page, waiting for a promise."""
        answer = self._call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def work_seconds(self):
        """Return how long the main thread of the page has worked so far, by kind, in its own time where the browser tells that."""
        self._call("Performance.enable", timeDomain="threadTicks")
        found = {one["name"]: one["value"] for one in self._call("Performance.getMetrics")["metrics"]}
        kinds = {"all": "Task", "script": "Script", "layout": "Layout", "style": "RecalcStyle"}
        return {kind: found[f"{name}Duration"] for kind, name in kinds.items()}

    def press(self, *keys):
        """Press keys, one after the other, as somebody at the keyboard does."""
        for key in keys:
            text = {"text": key} if len(key) == 1 else {"text": "\r"} if key == "Enter" else {}
            code = {"Enter": 13, "Escape": 27, "ArrowDown": 40, "ArrowUp": 38, "End": 35, "Home": 36}.get(
                key, 0
            )
            for kind in ("keyDown", "keyUp"):
                self._call("Input.dispatchKeyEvent", type=kind, key=key, windowsVirtualKeyCode=code,
                           **(text if kind == "keyDown" else {}))  # fmt: skip

    def type(self, text):
        """Type into whatever has the focus."""
        for character in text:
            self._call("Input.dispatchKeyEvent", type="keyDown", key=character, text=character)
            self._call("Input.dispatchKeyEvent", type="keyUp", key=character)

    def screenshot(self, path):
        """Write what is in sight as a PNG."""
        path.write_bytes(base64.b64decode(self._call("Page.captureScreenshot", format="png")["data"]))

    def pdf(self):
        """Return the page as it would be printed."""
        return base64.b64decode(self._call("Page.printToPDF")["data"])

    @property
    def troubles(self):
        """What the console says of errors, and each thing that the page asked the network for."""
        bad = {"Runtime.exceptionThrown", "Log.entryAdded", "Runtime.consoleAPICalled"}
        asked = [
            one["params"]["request"]["url"]
            for one in self.said
            if one["method"] == "Network.requestWillBeSent" and one["params"]["type"] != "Document"
        ]
        return [json.dumps(one["params"]) for one in self.said if one["method"] in bad] + asked

    def _call(self, method, **parameters):
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._take()
            if answer.get("id") == number:
                assert "error" not in answer, answer
                return answer["result"]

    def _take(self):
        while b"\0" not in self._kept:
            more = os.read(self._read, 1 << 20)
            assert more, "the browser has ended"
            self._kept += more
        whole, self._kept = self._kept.split(b"\0", 1)
        answer = json.loads(whole)
        if "method" in answer:
            self.said.append(answer)
        return answer

    def __enter__(self):
        return self

    def __exit__(self, *_):
        """End it: it goes when nobody holds the other end of its pipes."""
        os.close(self._write)
        os.close(self._read)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
