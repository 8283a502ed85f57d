"""The live loop: a reader that never stops, one painter, and people who see the newest frame.

::

    capture --[newest]--> stylize --[newest]--> show: window, page, virtual camera
                                                  `--[newest]--> keep: recording, screenshots

No queue is deeper than one, so a slow stage costs frames and never builds delay. Showing runs in the
caller's thread, because windows want the main one; each other stage has its own. The first error of any
of them ends all.
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pipeline.common.concurrency import LatestSlot, StoppedError, WorkerGroup
from pipeline.common.latency import Clock, Laps, LatencyClock, LatencyReport
from pipeline.common.machine import usable_cores
from pipeline.frame import Frame
from pipeline.live.controls import RECORD, SCREENSHOT, LiveControls, Notices
from pipeline.live.hud import Overlay, Status
from pipeline.live.painter import Painter, Painting
from pipeline.live.recorder import Recorder
from pipeline.live.report import STAGES, LiveReport, Shown
from pipeline.stream import Sink, Source, StreamInfo

WARMUP_FRAMES = 30
_RECENT_FRAMES = 90
_POLL_S = 0.02
_REDRAW_S = 0.2
_REPORT_S = 0.25


@dataclass
class _Captured:
    frame: Frame
    laps: Laps


@dataclass
class _Painted:
    frame: Frame
    laps: Laps
    painting: Painting


class LiveLoop:
    """Everything is opened by the caller, and closed by the caller after ``run``."""

    def __init__(
        self,
        source: Source,
        painter: Painter,
        sinks: Sequence[Sink],
        controls: LiveControls,
        notices: Notices,
        recorder: Recorder,
        *,
        stop: threading.Event,
        on_shown: Callable[[Shown], None] | None = None,
        warmup: int = WARMUP_FRAMES,
        clock: Clock = time.monotonic,
    ) -> None:
        """Put the loop together; nothing runs yet.

        Args:
            painter: prepared for the source's size.
            stop: set by anyone to end it.
            on_shown: is told of every frame, in the caller's thread.
            warmup: frames whose times stand apart.
        """
        self._source, self._painter = source, painter
        self._sinks, self._controls, self._notices, self._recorder = sinks, controls, notices, recorder
        self._stop, self._on_shown, self._clock = stop, on_shown, clock
        self._interactive = [sink for sink in sinks if sink.interactive]
        self._others = [sink for sink in sinks if not sink.interactive]
        self._captured: LatestSlot[_Captured] = LatestSlot(stop)
        self._painted: LatestSlot[_Painted] = LatestSlot(stop)
        self._all = LatencyClock(warmup=warmup, clock=clock)
        self._recent = LatencyClock(window=_RECENT_FRAMES, clock=clock)
        self._workers = WorkerGroup(stop)
        self._overlay = Overlay()
        self._lost = 0
        self._last: _Painted | None = None
        self._drawn_at = 0.0
        self._reported: tuple[float, LatencyReport] | None = None

    def run(self) -> LiveReport:
        """Run until the source ends, somebody quits, or ``stop`` is set.

        Raises:
            Whatever a stage or sink raised first; every thread has ended by then, and a recording that
            was being made is whole.
        """
        started_at, cpu_at = self._clock(), time.process_time()
        for name, body in (
            ("capture", self._capture), ("stylize", self._stylize),
            ("open", lambda: self._painter.pool.run(self._stop)), ("keep", self._recorder.run),
        ):  # fmt: skip
            self._workers.add(name, body)
        self._workers.start()
        try:
            ended = self._show_all()
        finally:
            self._workers.end()
        self._workers.raise_error()
        for sink in self._sinks:
            sink.finish(complete=ended)
        return LiveReport(
            latency=self._all.report(),
            seconds=self._clock() - started_at,
            dropped=self.dropped,
            cpu_s=time.process_time() - cpu_at,
            cores=usable_cores(),
            interrupted=not ended and not self._controls.asked_to_quit,
            kept=tuple(self._recorder.kept),
            damage=self._source.damage,
        )

    @property
    def dropped(self) -> int:
        """Frames so far that came and nobody saw."""
        return self._lost + self._captured.dropped + self._painted.dropped

    def _capture(self) -> None:
        expected = 0
        for frame in self._source:
            laps = self._all.begin(frame.captured_at)
            laps.lap(STAGES[0])
            self._lost += max(0, frame.index - expected)
            expected = frame.index + 1
            self._captured.put(_Captured(frame, laps))
            if self._stop.is_set():
                return
        if self._source.damage:
            self._notices.tell(self._source.damage)
        self._captured.end()

    def _stylize(self) -> None:
        for captured in self._captured:
            captured.laps.lap(STAGES[1])
            painting = self._painter(captured.frame.pixels, self._controls.settings)
            captured.laps.lap(STAGES[2])
            self._painted.put(_Painted(captured.frame, captured.laps, painting))
        self._painted.end()

    def _show_all(self) -> bool:
        """Show until the end; True where the source came to its own."""
        try:
            self._attend()
            for painted in self._painted.polled(_POLL_S if self._interactive else None):
                if painted is not None:
                    self._show(painted)
                elif self._clock() - self._drawn_at > _REDRAW_S:
                    self._draw()
                self._attend()
            return True
        except (StoppedError, KeyboardInterrupt):
            return False

    def _attend(self) -> None:
        """What people asked for since the last time."""
        for sink in self._interactive:
            for command in sink.poll():
                self._controls.do(command)
        for request in self._controls.take_requests():
            if request == RECORD:
                self._recorder.toggle_recording()
            elif request == SCREENSHOT and self._last is not None:
                self._recorder.screenshot(self._last.painting)

    def _show(self, painted: _Painted) -> None:
        painted.laps.lap(STAGES[3])
        self._last = painted
        result = Frame(painted.painting.result, painted.frame.index, painted.frame.captured_at)
        for sink in self._others:
            sink.write(result)
        self._draw()
        painted.laps.lap(STAGES[4])
        self._all.finish(painted.laps)
        self._recent.finish(painted.laps)
        self._recorder.offer(result, self._source.info)
        if self._on_shown is not None:
            at = painted.laps
            self._on_shown(Shown(painted.frame.index, at.started_at, at.last_at, at.stages))

    def _draw(self) -> None:
        """What people see: the last painting, with what lies over it."""
        if not self._interactive or self._last is None:
            return
        self._drawn_at = self._clock()
        painting, frame = self._last.painting, self._last.frame
        settings, notice = self._controls.settings, self._notices.current() or self._warning()
        page = self._overlay.compose(
            painting.source, painting.result, settings, self.status(), notice, self._drawn_at
        )
        for sink in self._interactive:
            sink.write(Frame(page, frame.index, frame.captured_at))

    def _warning(self) -> str:
        """What is wrong as long as it is, for people who did not ask for the information."""
        governor = self._painter.governor
        return governor.describe() if governor is not None and governor.too_slow else ""

    def status(self) -> Status:
        """What the information tells; from any thread, also before the first frame."""
        governor = self._painter.governor
        painting = None if self._last is None else self._last.painting
        styles = self._painter.pool.styles
        shown = self._controls.settings.style if painting is None else painting.style
        card = styles[shown].card if painting is None else painting.card
        return Status(
            recent=self._recent_report(),
            dropped=self.dropped,
            style=card.title or card.name,
            place=f"{shown + 1}/{len(styles)}",
            engine="" if painting is None else painting.engine,
            scale=self._controls.settings.scale if painting is None else painting.scale,
            governor="" if governor is None else governor.describe(),
            recording_s=self._recorder.recording_s(self._clock()),
        )

    def _recent_report(self) -> LatencyReport:
        """Sorted anew four times a second, however often it is drawn."""
        now = self._clock()
        if self._reported is None or now - self._reported[0] > _REPORT_S:
            self._reported = now, self._recent.report()
        return self._reported[1]


def sink_info(info: StreamInfo) -> StreamInfo:
    """What sinks are told of a live stream before its first frame."""
    return StreamInfo(info.size, info.rate, live=True)
