"""An engine that shows frames while a faster one is being built, and then becomes it.

The build runs in a process of its own (``build_process``): it can be stopped at any moment, a
crash of it is not ours, and it does not hold Python's lock between frames. What it builds goes through
the cache. Where the cache cannot be written, the faster engine is built by this process's thread.
"""

import subprocess
import sys
import threading
from collections.abc import Callable, Sequence

from pipeline.common.errors import BrushstreamError, EngineError
from pipeline.engines.base import Controls, Engine, EngineInfo, Precision
from pipeline.frame import Pixels

BUILDER = "pipeline.engines.build_process"
LOOK_EVERY_S = 0.1
Prepare = Callable[[threading.Event], None]


class SwappingEngine(Engine):
    """Runs ``first`` until ``second`` is built, opened and passed its parity check; then runs that.

    The change falls between two frames, when none is in flight. Where the second cannot be had, the first
    stays, and ``note`` says why.

    Attributes:
        info: of the engine that runs now.
        note: what is being waited for, or why it never came; empty after the change.
    """

    name = "swapping"

    def __init__(
        self, first: Engine, wanted: str, prepare: Prepare, open_second: Callable[[], Engine]
    ) -> None:
        """Start preparing at once, in a thread.

        Args:
            first: open; owned from now on.
            wanted: the second's name, for the notes.
            prepare: does the long work, looking at the event, which is set when nobody wants it any more.
            open_second: returns the engine, checked; called in the thread after ``prepare``.
        """
        self.card, self.size = first.card, first.size
        self.device, self.in_flight = first.device, first.in_flight
        self.info: EngineInfo = first.info
        self.note = f"{wanted} is being built"
        self._wanted = wanted
        self._active = first
        self._prepared: Engine | None = None
        self._failure: str | None = None
        self._closed = False
        self._submitted = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(
            target=self._run, args=(prepare, open_second), name="brushstream-build", daemon=True
        )
        self._thread.start()

    def _run(self, prepare: Prepare, open_second: Callable[[], Engine]) -> None:
        try:
            prepare(self._stop)
            if not self._stop.is_set():
                self._prepared = open_second()
        except BrushstreamError as error:  # shown in note; the first engine goes on
            self._failure = str(error)

    @property
    def slots(self) -> int:  # type: ignore[override]
        """Of the engine that runs; 1 while a change is due, so that what is in flight gets collected."""
        return 1 if self._prepared is not None else self._active.slots

    def infer(self, pixels: Pixels, controls: Controls | None = None) -> Pixels:
        """As ``Engine.infer``, by the engine of the moment."""
        self._change_if_due()
        return self._active.infer(pixels, controls)

    def submit(self, pixels: Pixels, controls: Controls | None = None) -> None:
        """As ``Engine.submit``, by the engine of the moment."""
        self._change_if_due()
        self._active.submit(pixels, controls)
        self._submitted += 1

    def collect(self) -> Pixels:
        """As ``Engine.collect``, by the engine that took the frame."""
        result = self._active.collect()
        self._submitted -= 1
        return result

    def _change_if_due(self) -> None:
        if self._closed:
            raise EngineError(f"engine {self.info.engine} is closed; open a new one")
        if self._failure is not None:
            self.note = f"{self._wanted}: {self._failure}"
        if self._prepared is None or self._submitted:
            return
        self._active.close()
        self._active, self._prepared = self._prepared, None
        self.info, self.note = self._active.info, ""

    def _close(self) -> None:
        self._stop.set()
        self._thread.join()
        self._active.close()
        if self._prepared is not None:
            self._prepared.close()

    def _open(self, *_: object) -> EngineInfo:
        raise NotImplementedError("a swapping engine is given engines that are open")

    def _infer(self, pixels: Pixels, controls: Controls) -> Pixels:
        raise NotImplementedError("a swapping engine hands frames on")


def build_in_a_process(
    engine: str, style: str, size: tuple[int, int], precision: Precision | None
) -> Prepare:
    """A ``prepare`` that opens, and so builds, an engine in a process of its own.

    The process is ended when the event is set. Its failure is raised as EngineError.
    """
    height, width = size
    command = [sys.executable, "-m", BUILDER, engine, style, f"{width}x{height}", precision or "auto"]
    return lambda stop: run_until(command, stop)


def run_until(command: Sequence[str], stop: threading.Event) -> None:
    """Run a command to its end, or end it when ``stop`` is set.

    Raises:
        EngineError: it failed; the last line of its standard error is the reason.
    """
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        while True:
            try:
                _, said = process.communicate(timeout=LOOK_EVERY_S)
                break
            except subprocess.TimeoutExpired:
                if stop.is_set():
                    process.kill()
                    process.communicate()
                    return
    if process.returncode != 0:
        lines = said.strip().splitlines()
        reason = lines[-1] if lines else f"the build ended with code {process.returncode}"
        raise EngineError(reason.removeprefix("brushstream: "))
