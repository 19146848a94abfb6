"""A real browser for the tests of the page: Chromium, driven through its DevTools protocol.

The protocol is JSON over a WebSocket, which aiohttp speaks; Selenium and Playwright would each bring a driver that has
to match the browser.
"""

import asyncio
import base64
import itertools
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import aiohttp

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
"""The names under which it is installed."""
TIMEOUT = 60.0
"""Seconds that one answer may take, on a machine that does much else."""


def find_chromium() -> str | None:
    """The path of the browser; None if there is none."""
    given = os.environ.get("PARETONAS_CHROMIUM")
    return given or next(filter(None, map(shutil.which, NAMES)), None)


class Browser:
    """One page of a browser. Errors of its scripts, and what its policy refused, are kept in `complaints`."""

    def __init__(self, loop: asyncio.AbstractEventLoop, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._loop, self._socket, self._numbers = loop, socket, itertools.count(1)
        self._events: list[dict[str, Any]] = []
        self.complaints: list[str] = []
        self.requests: list[str] = []
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{domain}.enable")

    def send(self, method: str, **params: Any) -> dict[str, Any]:
        """Send a command, and return its result."""
        return self._loop.run_until_complete(asyncio.wait_for(self._send(method, params), TIMEOUT))

    async def _send(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        number = next(self._numbers)
        await self._socket.send_json({"id": number, "method": method, "params": params})
        while True:
            message = await self._socket.receive_json()
            if message.get("id") == number:
                assert "error" not in message, f"{method}: {message['error']}"
                return dict(message["result"])
            self._note(message)

    def _note(self, event: dict[str, Any]) -> None:
        self._events.append(event)
        method, params = event["method"], event["params"]
        if method == "Runtime.exceptionThrown":
            details = params["exceptionDetails"]
            self.complaints.append(details.get("exception", {}).get("description") or details["text"])
        elif method == "Log.entryAdded":
            self.complaints.append(params["entry"]["text"])
        elif method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])

    def open(self, path: Path, *, width: int = 1400, height: int = 900, dark: bool = False) -> Self:
        """Open a file in a window of this size, and wait until it is drawn."""
        self.complaints.clear()
        self.requests.clear()
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.send("Emulation.setEmulatedMedia", features=scheme)
        self.send("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.send("Page.navigate", url=path.resolve().as_uri())
        self.run("new Promise(done => document.readyState === 'complete' ? done() : addEventListener('load', done))")
        self.settle()
        return self

    def settle(self) -> None:
        """Wait until two more frames are painted."""
        self.run("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 50))))")

    def run(self, script: str) -> Any:
        """The value of a JavaScript expression; a promise is awaited."""
        found = self.send("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def mouse(self, kind: str, x: float, y: float, **more: Any) -> None:
        """One event of the mouse: Pressed, Moved or Released."""
        self.send("Input.dispatchMouseEvent", type=f"mouse{kind}", x=x, y=y, **more)

    def click(self, x: float, y: float) -> None:
        """Move there and click."""
        self.mouse("Moved", x, y)
        self.mouse("Pressed", x, y, button="left", clickCount=1)
        self.mouse("Released", x, y, button="left", clickCount=1)
        self.settle()

    def drag(self, x0: float, y0: float, x1: float, y1: float) -> None:
        """Drag from one place to another."""
        self.mouse("Moved", x0, y0)
        self.mouse("Pressed", x0, y0, button="left", buttons=1, clickCount=1)
        for share in (0.5, 1.0):
            self.mouse("Moved", x0 + share * (x1 - x0), y0 + share * (y1 - y0), button="left", buttons=1)
        self.mouse("Released", x1, y1, button="left", clickCount=1)
        self.settle()

    def screenshot(self, path: Path, *, whole: bool = True) -> None:
        """Save a picture of the window or, all of it in sight, of the whole page."""
        if whole:
            height = self.run("document.documentElement.scrollHeight")
            width = self.run("innerWidth")
            self.send(
                "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False
            )
            self.settle()
            self.settle()
        path.write_bytes(base64.b64decode(self.send("Page.captureScreenshot", format="png")["data"]))


@contextmanager
def chromium(program: str, profile: Path) -> Iterator[Browser]:
    """Start the browser without a window, and end it."""
    # no sandbox: the tests may run as root in a container, and the page is our own
    flags = ("--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0", "--no-first-run")
    command = [program, *flags, "--disable-dev-shm-usage", f"--user-data-dir={profile}", "about:blank"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    loop = asyncio.new_event_loop()
    session = None
    try:
        assert process.stderr is not None
        address = next(found[1] for line in process.stderr if (found := re.search(r"listening on ws://([^/]+)", line)))

        async def connect() -> tuple[aiohttp.ClientSession, aiohttp.ClientWebSocketResponse]:
            session = aiohttp.ClientSession()
            async with session.get(f"http://{address}/json/list") as answer:
                pages = json.loads(await answer.text())
            [page, *_] = [each for each in pages if each["type"] == "page"]
            return session, await session.ws_connect(page["webSocketDebuggerUrl"], max_msg_size=0)

        session, socket = loop.run_until_complete(connect())
        yield Browser(loop, socket)
    finally:
        if session is not None:
            loop.run_until_complete(session.close())
        loop.close()
        process.terminate()
        process.wait()
        if process.stderr is not None:
            process.stderr.close()
