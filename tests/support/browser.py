"""Chromium without a screen, worked over the DevTools protocol: one page, its pictures, its sockets."""

import base64
import json
import shutil
import subprocess
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

from tests.support.waiting import LONG_S, until

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUIET = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--remote-debugging-port=0", "--use-fake-device-for-media-stream",
)  # fmt: skip


class Browser:
    """One Chromium; ``page`` opens tabs. ``camera`` is a y4m file, or Chromium's own test picture."""

    def __init__(self, profile: Path, *, camera: Path | None = None, allow: bool = True) -> None:
        assert CHROMIUM is not None
        chosen = [f"--use-file-for-fake-video-capture={camera}"] if camera else []
        asked = ["--use-fake-ui-for-media-stream"] if allow else ["--deny-permission-prompts"]
        self._process = subprocess.Popen(
            [CHROMIUM, *QUIET, *asked, *chosen, f"--user-data-dir={profile}", "about:blank"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        port_file = profile / "DevToolsActivePort"
        until(lambda: port_file.is_file() and port_file.read_text().count("\n"), "Chromium to start")
        self._port = int(port_file.read_text().splitlines()[0])

    def page(self, address: str) -> "Page":
        request = urllib.request.Request(f"http://127.0.0.1:{self._port}/json/new?about:blank", method="PUT")
        with urllib.request.urlopen(request, timeout=LONG_S) as answer:
            target = json.load(answer)
        page = Page(target["webSocketDebuggerUrl"])
        page.call("Page.navigate", url=address)
        page.until("document.readyState === 'complete' && location.protocol.startsWith('http')")
        return page

    def close(self) -> None:
        self._process.terminate()
        self._process.wait()


class Page:
    """One tab.

    Attributes:
        sent, received: payloads of the page's binary WebSocket messages so far.
    """

    def __init__(self, address: str) -> None:
        self._opened = ExitStack()
        self._line: ClientConnection = self._opened.enter_context(connect(address, max_size=None))
        self._number = 0
        self.sent: list[bytes] = []
        self.received: list[bytes] = []
        for domain in ("Page", "Runtime", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> Any:
        self._number += 1
        self._line.send(json.dumps({"id": self._number, "method": method, "params": parameters}))
        while True:
            told = json.loads(self._line.recv(LONG_S))
            self._keep(told)
            if told.get("id") == self._number:
                assert "error" not in told, told
                return told["result"]

    def _keep(self, told: dict[str, Any]) -> None:
        kept = {"Network.webSocketFrameSent": self.sent, "Network.webSocketFrameReceived": self.received}
        messages = kept.get(told.get("method", ""))
        if messages is not None and told["params"]["response"]["opcode"] == 2:
            messages.append(base64.b64decode(told["params"]["response"]["payloadData"]))

    def ask(self, expression: str) -> Any:
        result = self.call(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True, userGesture=True
        )
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def until(self, expression: str, within_s: float = LONG_S) -> None:
        until(lambda: self.ask(expression), expression, within_s)

    def picture(self) -> bytes:
        """PNG of what is seen."""
        return base64.b64decode(self.call("Page.captureScreenshot")["data"])

    def close(self) -> None:
        self.call("Page.close")
        self._opened.close()
