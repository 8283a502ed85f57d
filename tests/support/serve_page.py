"""``brushstream serve`` in a process of its own, and its page at work in a browser."""

import signal
from pathlib import Path

import cv2
import numpy as np

from pipeline.frame import Pixels
from pipeline.live.web.outbox import FRAME
from tests.support.browser import Page
from tests.support.live_command import LiveCommand
from tests.support.waiting import until

BEGIN = "document.getElementById('begin').click()"
LIVE = "document.body.dataset.view === 'live'"


class Serve(LiveCommand):
    """``brushstream serve``, with its secret in ``folder``."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        super().__init__(folder, "serve", *arguments, XDG_DATA_HOME=str(folder))

    @property
    def address(self) -> str:
        self.wait_for("open http")
        return self.wait_for(r"https?://\S+")

    def end(self) -> int:
        """Stop it as Ctrl-C does; the exit code."""
        self.process.send_signal(signal.SIGINT)
        return super().end()


def go_live(page: Page) -> None:
    page.until("document.querySelectorAll('.tile').length >= 2")
    page.ask(BEGIN)
    page.until(LIVE)


def pictures(messages: list[bytes], number_at: int) -> dict[int, Pixels]:
    """JPEGs by the number that stands there: of what was sent (at 0), of the frames that came back (at 4)."""
    found: dict[int, Pixels] = {}
    for one in list(messages):
        if number_at == 4 and int.from_bytes(one[:4], "big") != FRAME:
            continue
        jpeg = np.frombuffer(one[4 if number_at == 0 else 12 :], np.uint8)
        decoded = cv2.imdecode(jpeg, cv2.IMREAD_COLOR)
        assert decoded is not None
        found[int.from_bytes(one[number_at : number_at + 4], "big")] = decoded  # type: ignore[assignment]
    return found


def sent_and_painted(page: Page, count: int = 3) -> list[tuple[Pixels, Pixels]]:
    """Frames that were sent from now on, with their paintings."""
    page.sent.clear()
    page.received.clear()
    until(lambda: page.ask("1") and len(page.sent) > count + 3 and len(page.received) > count + 3, "frames")
    sent, painted = pictures(page.sent, 0), pictures(page.received, 4)
    both = sorted(set(sent) & set(painted))
    assert len(both) >= count - 1
    return [(sent[number], painted[number]) for number in both]
