"""Chromium without a screen, worked over the DevTools protocol: one page, its pictures, its sockets."""

import base64
import json
import shutil
import subprocess
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from websockets.sync.client import ClientConnection, connect

from tests.support.waiting import LONG_S, until

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUIET = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--remote-debugging-port=0", "--use-fake-device-for-media-stream", "--ignore-certificate-errors",
    "--window-size=1280,1000",
)  # fmt: skip


class Tools:
    """The DevTools protocol over one WebSocket."""

    def __init__(self, address: str) -> None:
        self._opened = ExitStack()
        self._line: ClientConnection = self._opened.enter_context(
            connect(address, max_size=None, ping_interval=None)
        )
        self._number = 0

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
        """What comes besides answers."""

    def close(self) -> None:
        self._opened.close()


class Browser(Tools):
    """One Chromium; ``page`` opens tabs. ``camera`` is a y4m file, or Chromium's own test picture.

    Attributes:
        downloads: where what a page saves arrives.
    """

    def __init__(self, profile: Path, *, camera: Path | None = None) -> None:
        assert CHROMIUM is not None
        chosen = [f"--use-file-for-fake-video-capture={camera}"] if camera else []
        self._process = subprocess.Popen(
            [CHROMIUM, *QUIET, *chosen, f"--user-data-dir={profile}", "about:blank"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        port_file = profile / "DevToolsActivePort"
        until(lambda: port_file.is_file() and port_file.read_text().count("\n"), "Chromium to start")
        port, path = port_file.read_text().split()
        self._base = f"ws://127.0.0.1:{port}"
        super().__init__(self._base + path)
        self.downloads = profile / "downloads"
        self.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(self.downloads))

    def allow(self, address: str, allow: bool = True) -> None:
        """Give the camera to the pages of that server, or refuse it; nobody is asked."""
        where = urlsplit(address)
        self.call(
            "Browser.setPermission", permission={"name": "camera"}, setting="granted" if allow else "denied",
            **({"origin": f"{where.scheme}://{where.netloc}"} if where.netloc else {}),
        )  # fmt: skip

    def page(self, address: str, *, allow: bool = True, window: bool = False) -> "Page":
        """A tab, or a window; ``allow``: its camera is given to it."""
        self.allow(address, allow)
        target = self.call("Target.createTarget", url="about:blank", newWindow=window)["targetId"]
        page = Page(f"{self._base}/devtools/page/{target}")
        page.open(address)
        return page

    def close(self) -> None:
        super().close()
        self._process.terminate()
        self._process.wait()


class Page(Tools):
    """One tab.

    Attributes:
        sent, received: payloads of the page's binary WebSocket messages so far.
    """

    def __init__(self, address: str) -> None:
        super().__init__(address)
        self.sent: list[bytes] = []
        self.received: list[bytes] = []
        for domain in ("Page", "Runtime", "Network"):
            self.call(f"{domain}.enable")

    def open(self, address: str) -> None:
        """Go there, or there again."""
        self.ask("window.left = true")
        self.call("Page.navigate", url=address)
        self.until("document.readyState === 'complete' && !window.left")

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

    def press(self, key: str) -> None:
        """One key, down and up."""
        text = {"text": key} if len(key) == 1 else {}
        self.call("Input.dispatchKeyEvent", type="keyDown", key=key, **text)
        self.call("Input.dispatchKeyEvent", type="keyUp", key=key)

    def drag(self, selector: str, *places: tuple[float, float]) -> None:
        """Press on the element at the first place, shares of its width and height, and move to the others."""
        left, top, width, height = self.ask(
            f"{{const one = document.querySelector('{selector}'); one.scrollIntoView({{block: 'center'}}); "
            "const {left, top, width, height} = one.getBoundingClientRect(); [left, top, width, height]}"
        )
        points = [{"x": left + x * width, "y": top + y * height} for x, y in places]
        self._mouse("mousePressed", points[0])
        for point in points[1:]:
            self._mouse("mouseMoved", point)
        self._mouse("mouseReleased", points[-1])

    def _mouse(self, kind: str, point: dict[str, float]) -> None:
        self.call("Input.dispatchMouseEvent", type=kind, **point, button="left", buttons=1, clickCount=1)

    def picture(self) -> bytes:
        """PNG of what is seen."""
        return base64.b64decode(self.call("Page.captureScreenshot")["data"])

    def close(self) -> None:
        self.call("Page.close")
        super().close()
