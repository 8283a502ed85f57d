"""A window on the screen, through OpenCV. The one module that calls OpenCV's window functions.

Without a display ``cv2.imshow`` ends the process, and nothing can catch that: so the display is looked
at first, and then tried by a process of its own.
"""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import ClassVar

import cv2

from pipeline.common.errors import OutputError
from pipeline.drawing.letterbox import letterbox
from pipeline.frame import Frame
from pipeline.live.controls import COMMAND_OF_KEY, FULL_SCREEN, QUIT
from pipeline.stream import Sink, StreamInfo

TITLE = "Brushstream"
_TRY = "import cv2; cv2.namedWindow('Brushstream', cv2.WINDOW_GUI_NORMAL); cv2.destroyAllWindows()"
_TRY_S = 20
_WIDEST_PX = 1280
INSTEAD = "show it in a browser with --serve 8765, or use --no-window with --record FILE or --virtual-camera"


def why_no_display(environment: Mapping[str, str] = os.environ, system: str = sys.platform) -> str | None:
    """One line why no window can be shown, None where nothing speaks against it. Opens nothing."""
    if not system.startswith("linux"):
        return None
    if environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY"):
        return None
    return "there is no display here (DISPLAY and WAYLAND_DISPLAY are not set)"


class DisplayTrial:
    """Opens a window in another process, which may die of it; takes 0.3 s beside other work."""

    def __init__(self) -> None:
        """Start that process.

        Raises:
            OutputError: there is no display at all.
        """
        if reason := why_no_display():
            raise OutputError(f"{reason}; {INSTEAD}")
        self._process = subprocess.Popen(
            [sys.executable, "-c", _TRY], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )

    def check(self) -> None:
        """Wait for it. Raises OutputError, with the window system's own words, where it failed."""
        try:
            _, told = self._process.communicate(timeout=_TRY_S)
        except subprocess.TimeoutExpired as error:
            self.close()
            raise OutputError(f"the display does not answer within {_TRY_S} s; {INSTEAD}") from error
        if self._process.returncode != 0:
            raise OutputError(f"no window can be opened on this display ({_reason(told)}); {INSTEAD}")

    def close(self) -> None:
        """End the process if it still runs. Twice is no error."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.communicate()


def _reason(told: str) -> str:
    lines = [line.strip() for line in told.splitlines() if "display" in line or "plugin" in line]
    return lines[0] if lines else "the window system refused"


class WindowSink(Sink):
    """Shows frames in a window that can be resized; keys become commands. Main thread only.

    Closing the window quits; ``f`` is carried out here.
    """

    interactive: ClassVar[bool] = True

    def __init__(self, title: str = TITLE) -> None:
        self._title = title
        self._open = False
        self._full = False
        self._shown_size = (0, 0)
        self._commands: list[str] = []

    def open(self, info: StreamInfo) -> None:
        """Open the window at the size of the frames. Raises OutputError where there is no display."""
        if reason := why_no_display():
            raise OutputError(f"{reason}; {INSTEAD}")
        cv2.namedWindow(self._title, cv2.WINDOW_NORMAL | cv2.WINDOW_GUI_NORMAL | cv2.WINDOW_KEEPRATIO)
        self._resize(info.size)
        self._open = True

    def write(self, frame: Frame) -> None:
        """Draw the frame; a window takes its shape, a full screen keeps its own and shows black beside it."""
        if not self._open:
            return
        if frame.size != self._shown_size and not self._full:
            self._resize(frame.size)
        cv2.imshow(self._title, letterbox(frame.pixels, self._canvas()))
        self._take_keys()

    def _canvas(self) -> tuple[int, int]:
        """(height, width) to draw at: the frame's, or the screen's, which OpenCV would fill up with grey."""
        if not self._full:
            return self._shown_size
        _, _, width, height = cv2.getWindowImageRect(self._title)
        return (height, width) if min(height, width) > 0 else self._shown_size

    def _resize(self, size: tuple[int, int]) -> None:
        """Give the window the size of its frames, which is wider side by side."""
        self._shown_size = size
        shrink = min(1.0, _WIDEST_PX / size[1])
        cv2.resizeWindow(self._title, round(size[1] * shrink), round(size[0] * shrink))

    def poll(self) -> Sequence[str]:
        """Commands of the keys pressed since the last call; ``quit`` where the window was closed."""
        if self._open:
            self._take_keys()
        if self._open and not self._is_there():
            self._open = False
            self._commands.append(QUIT)
        commands, self._commands = self._commands, []
        return commands

    def _is_there(self) -> bool:
        """Whether nobody closed it. With its last window OpenCV 5 forgets Qt and refuses the question."""
        try:
            return cv2.getWindowProperty(self._title, cv2.WND_PROP_VISIBLE) >= 1
        except cv2.error:
            return False

    def _take_keys(self) -> None:
        """Let the window system draw and hand over keys."""
        while (code := cv2.pollKey()) != -1:
            command = command_of(code)
            if command == FULL_SCREEN:
                self._toggle_full_screen()
            elif command is not None:
                self._commands.append(command)

    def _toggle_full_screen(self) -> None:
        self._full = not self._full
        state = cv2.WINDOW_FULLSCREEN if self._full else cv2.WINDOW_NORMAL
        cv2.setWindowProperty(self._title, cv2.WND_PROP_FULLSCREEN, state)
        ratio = cv2.WINDOW_FREERATIO if self._full else cv2.WINDOW_KEEPRATIO
        cv2.setWindowProperty(self._title, cv2.WND_PROP_ASPECT_RATIO, ratio)

    def close(self) -> None:
        """Close the window. Closing twice is no error."""
        if self._open and self._is_there():
            cv2.destroyWindow(self._title)
            cv2.pollKey()
        self._open = False


def command_of(code: int) -> str | None:
    """The command of a key code; capital letters count as small ones."""
    return COMMAND_OF_KEY.get(chr(code & 0xFF).lower())
