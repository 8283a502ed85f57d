"""The live loop: newest wins, errors end it, nothing is left; orderings decide, no clock does."""

import threading
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from pipeline.common.errors import EngineError, InputError, OutputError
from pipeline.frame import Frame, Pixels
from pipeline.live.controls import Settings
from pipeline.live.painter import Painter, Painting
from pipeline.live.pool import EngineKey, EnginePool
from pipeline.live.report import STAGES
from pipeline.style import StyleFile, read_style
from pipeline.stylize.stylizer import Stylizer
from tests.support import make_models
from tests.support.live_rig import (
    LONG_S,
    SIZE,
    Keeping,
    Rig,
    Scripted,
    Watching,
    grey,
    open_identity,
    open_real,
    own_threads,
)


@pytest.fixture
def style(invert_style: StyleFile) -> StyleFile:
    return invert_style


def test_frames_come_through_and_their_stages_sum_to_their_age(style: StyleFile) -> None:
    arrived = threading.Semaphore(0)
    sink = Keeping(lambda frame: arrived.release())
    rig = Rig((style,), Scripted(6, lambda index: arrived.acquire(timeout=LONG_S)), [sink])
    report = rig.run()
    assert [frame.index for frame in sink.kept] == list(range(6))
    assert [int(frame.pixels[0, 0, 0]) for frame in sink.kept] == list(range(6))
    assert (report.dropped, report.interrupted, report.latency.frames_out) == (0, False, 6)
    assert (sink.finished, sink.complete) == (True, True)
    for shown in rig.shown:
        assert set(shown.stages) == set(STAGES)
        assert sum(shown.stages.values()) == pytest.approx(shown.shown_at - shown.due_at)
    assert own_threads() == []


def test_a_slow_painter_drops_frames_and_never_falls_behind(style: StyleFile) -> None:
    """While it paints frame 0, frames 1 to 19 come: the next it gets is 19, not 1."""
    painting, read_all = threading.Event(), threading.Event()

    class Slow(Painter):
        def __call__(self, pixels: Pixels, settings: Settings) -> Painting:
            painting.set()
            assert read_all.wait(LONG_S)
            return super().__call__(pixels, settings)

    def between(index: int) -> None:
        if index == 0:
            assert painting.wait(LONG_S)
        if index == 19:
            read_all.set()

    sink = Keeping()
    report = Rig((style,), Scripted(20, between), [sink], painter=Slow).run()
    assert [frame.index for frame in sink.kept] in ([0, 19], [19])
    assert report.dropped == 20 - len(sink.kept)
    assert report.latency.frames_in == 20


def test_gaps_in_the_sources_numbers_count_as_dropped(style: StyleFile) -> None:
    class Skipping(Scripted):
        def __iter__(self):  # type: ignore[no-untyped-def]
            for frame in super().__iter__():
                yield Frame(frame.pixels, 3 * frame.index, frame.captured_at)

    rig = Rig((style,), Skipping(4))
    assert rig.run().dropped == 10 - len(rig.shown)


@pytest.mark.parametrize("stage", ["source", "engine", "sink", "sink for people"])
def test_the_first_error_ends_everything(stage: str, style: StyleFile) -> None:
    source: Scripted = Scripted(3, fails=InputError("source broke") if stage == "source" else None)
    endless = Scripted(100_000, lambda index: threading.Event().wait(0.001))

    def refuse(frame: Frame) -> None:
        raise OutputError("sink broke")

    class Broken(Painter):
        def __call__(self, pixels: Pixels, settings: Settings) -> Painting:
            raise EngineError("engine broke")

    sink = {"sink": Keeping(refuse), "sink for people": Watching(refuse)}.get(stage, Keeping())
    rig = Rig(
        (style,), source if stage == "source" else endless, [sink],
        painter=Broken if stage == "engine" else Painter,
    )  # fmt: skip
    with pytest.raises((InputError, EngineError, OutputError), match=f"{stage.split()[0]} broke"):
        rig.run()
    assert own_threads() == []
    assert not sink.finished


@pytest.mark.slow
def test_quitting_and_stopping_are_told_apart(style: StyleFile) -> None:
    watching = Watching(lambda frame: watching.pending.append("quit"))
    quit_run = Rig((style,), Scripted(100_000, lambda index: threading.Event().wait(0.001)), [watching])
    assert not quit_run.run().interrupted
    stopped = Rig((style,), Scripted(100_000, lambda index: threading.Event().wait(0.001)), [Keeping()])
    stopped.sinks[0].on_frame = lambda frame: stopped.stop.set()  # type: ignore[attr-defined]
    assert stopped.run().interrupted
    assert own_threads() == []


def test_people_see_information_and_others_the_bare_result(style: StyleFile) -> None:
    arrived = threading.Semaphore(0)
    bare, watching = Keeping(), Watching(lambda frame: arrived.release())
    Rig(
        (style,), Scripted(3, lambda index: arrived.acquire(timeout=LONG_S)), [bare, watching],
        Settings(information=True),
    ).run()  # fmt: skip
    assert len(np.unique(bare.kept[-1].pixels)) == 1
    assert len(np.unique(watching.kept[-1].pixels)) > 1


@pytest.mark.slow
def test_a_screenshot_is_source_result_and_both(style: StyleFile, tmp_path: Path) -> None:
    watching = Watching()
    asked: list[int] = []

    def ask(frame: Frame) -> None:
        if not asked:
            asked.append(frame.index)
            watching.pending.append("screenshot")
        elif any(line.startswith("screenshot") for line in rig.told):
            rig.stop.set()

    watching.on_frame = ask
    rig = Rig(
        (style,), Scripted(100_000, lambda index: threading.Event().wait(0.002)), [watching],
        open_stylizer=open_real, folder=tmp_path,
    )  # fmt: skip
    rig.run()
    (source,), (result,), (both,) = (
        list(tmp_path.glob(f"*-{name}.png")) for name in ("source", "result", "both")
    )
    import cv2

    shot, painted, beside = (cv2.imread(str(path)) for path in (source, result, both))
    np.testing.assert_array_equal(painted, 255 - shot)
    np.testing.assert_array_equal(beside, np.hstack((shot, painted)))


def record(rig: Rig) -> list[float]:
    """Run, and decode the recording into the mean level of each frame."""
    rig.run()
    assert rig.record is not None
    with av.open(str(rig.record)) as container:
        return [float(f.to_ndarray(format="gray").mean()) for f in container.decode(video=0)]


def endless() -> Scripted:
    return Scripted([grey(100)] * 100_000, lambda index: threading.Event().wait(0.005))


def test_stopping_leaves_a_playable_recording(style: StyleFile, tmp_path: Path) -> None:
    sink = Keeping(lambda frame: rig.stop.set() if len(sink.kept) == 8 else None)
    rig = Rig((style,), endless(), [sink], open_stylizer=open_real, record=tmp_path / "live.mp4")
    levels = record(rig)
    assert 1 <= len(levels) <= 8
    np.testing.assert_allclose(levels, 155, atol=4)
    assert any(line.startswith("recorded") for line in rig.told)
    assert list(tmp_path.iterdir()) == [rig.record]


def test_an_error_elsewhere_keeps_the_recording(style: StyleFile, tmp_path: Path) -> None:
    def break_late(frame: Frame) -> None:
        if rig.recorder.recording_s(0.0) is not None and frame.index > 20:
            raise OutputError("sink broke")

    rig = Rig((style,), endless(), [Keeping(break_late)], record=tmp_path / "live.mp4")
    with pytest.raises(OutputError, match="sink broke"):
        rig.run()
    with av.open(str(tmp_path / "live.mp4")) as container:
        assert len(list(container.decode(video=0))) >= 1


def test_a_recording_that_cannot_be_written_ends_the_loop(style: StyleFile, tmp_path: Path) -> None:
    rig = Rig((style,), endless(), record=tmp_path / "live.mp4")
    (tmp_path / "live.mp4").write_bytes(b"taken meanwhile")
    with pytest.raises(OutputError, match="already there"):
        rig.run()
    assert own_threads() == []


def test_a_recording_keeps_its_size_when_the_camera_changes_its(style: StyleFile, tmp_path: Path) -> None:
    pictures = [grey(100)] * 40 + [grey(100, (48, 48))] * 40
    rig = Rig(
        (style,), Scripted(pictures, lambda index: threading.Event().wait(0.01)), record=tmp_path / "live.mp4"
    )
    rig.run()
    with av.open(str(tmp_path / "live.mp4")) as container:
        assert {(f.height, f.width) for f in container.decode(video=0)} == {SIZE}
    assert {frame.size for frame in rig.sinks[0].kept} == {SIZE, (48, 48)}  # type: ignore[attr-defined]


def test_the_next_style_opens_behind_and_the_first_runs_on(tmp_path: Path) -> None:
    """The engine of style 2 does not open before ten more frames were shown with style 1."""
    one = read_style(make_models.invert(tmp_path / "one.onnx"))
    two = read_style(make_models.blur(tmp_path / "two.onnx"))
    shown_ten, opening = threading.Event(), threading.Event()

    def open_slowly(style: StyleFile, size: tuple[int, int]) -> Stylizer:
        if style is two:
            opening.set()
            assert shown_ten.wait(LONG_S)
        return open_real(style, size)

    count = 0

    def watch(frame: Frame) -> None:
        nonlocal count
        if not opening.is_set():
            rig.controls.do("style 2") if rig.controls.settings.style == 0 else None
        else:
            count += 1
        if count == 10:
            shown_ten.set()
        if int(frame.pixels[5, 5, 0]) == 100:
            rig.stop.set()

    rig = Rig((one, two), endless(), [Keeping(watch)], open_stylizer=open_slowly)
    rig.run()
    levels = [int(frame.pixels[5, 5, 0]) for frame in rig.sinks[0].kept]  # type: ignore[attr-defined]
    first_of_two = levels.index(100)
    assert set(levels[:first_of_two]) == {155}
    assert first_of_two >= 10


def test_a_style_that_cannot_be_opened_is_told_and_the_first_runs_on(
    style: StyleFile, tmp_path: Path
) -> None:
    bad = read_style(make_models.broken_operator(tmp_path / "bad.onnx"))
    count = 0

    def watch(frame: Frame) -> None:
        nonlocal count
        if frame.index == 0 or rig.controls.settings.style == 0:
            rig.controls.do("style 2")
        count += any("bad stays closed" in line for line in rig.told)
        if count == 5:
            rig.stop.set()

    rig = Rig((style, bad), endless(), [Keeping(watch)], open_stylizer=open_real)
    rig.run()
    assert sum("bad stays closed" in line for line in rig.told) == 1


def test_steady_strength_colours_and_mirror_reach_the_picture(style: StyleFile) -> None:
    left = grey(0)
    left[:, 40:] = 200
    with painter_of(style) as painter:
        painter.prepare(SIZE, Settings())
        assert painter(left, Settings()).result[0, 0, 0] == 255
        assert painter(left, Settings(mirror=True)).result[0, 0, 0] == 55
        np.testing.assert_array_equal(painter(left, Settings(strength=0.0)).result, left)
        calm = Settings(steady=True)
        painter(left, calm)
        assert painter(left, calm).result[0, 0, 0] == 255


def test_steady_carries_on_until_a_cut_or_another_setting(style: StyleFile) -> None:
    """A level that rises by eight: calmed it lags behind, begun anew it does not."""
    calm = Settings(steady=True)
    with painter_of(style) as painter:
        painter.prepare(SIZE, calm)

        def level(shade: int, settings: Settings) -> int:
            return int(painter(grey(shade), settings).result[20, 20, 0])

        assert level(100, calm) == 155
        assert 147 < level(108, calm) < 155
        assert level(116, Settings()) == 139
        assert level(124, calm) == 131
        assert level(20, calm) == 235  # a cut
        assert level(28, Settings(steady=True, strength=0.5)) == 128


def test_another_scale_opens_another_engine_and_gives_the_same_size(style: StyleFile) -> None:
    with painter_of(style) as painter:
        painter.prepare((128, 160), Settings())
        frame = grey(30, (128, 160))
        small = Settings(scale=0.75)
        assert painter(frame, small).scale == 1.0  # still the first engine
        painter.pool._open(EngineKey(0, (96, 120)))  # what the background thread does
        painting = painter(frame, small)
        assert (painting.scale, painting.result.shape) == (0.75, (128, 160, 3))
        assert abs(int(painting.result.mean()) - 225) <= 1


def painter_of(style: StyleFile) -> Painter:
    return Painter(EnginePool((style,), open_real, lambda line: None))


class Someone:
    """Who uses an engine."""


def test_the_pool_closes_what_was_not_used_for_longest(style: StyleFile) -> None:
    pool = EnginePool((style,), open_identity, lambda line: None, most_open=2)
    opened = [pool.open_now(EngineKey(0, (64, 64 + 4 * n))) for n in range(4)]
    pool.use(painter := Someone(), opened[3])
    assert pool.get(EngineKey(0, (64, 64))) is None
    assert pool.get(EngineKey(0, (64, 72))) is opened[2]
    assert pool.get(EngineKey(0, (64, 76))) is opened[3]
    assert isinstance(painter, Someone)
    with pytest.raises(EngineError, match="closed"):
        opened[0](grey(0, (64, 64)))
    pool.close()


def test_the_pool_closes_no_engine_that_another_painter_shows(style: StyleFile) -> None:
    pool = EnginePool((style,), open_identity, lambda line: None, most_open=1)
    opened = [pool.open_now(EngineKey(0, (64, 64)))]
    other, painter = Someone(), Someone()
    pool.use(other, opened[0])
    opened += [pool.open_now(EngineKey(0, (64, 64 + 4 * n))) for n in (1, 2)]
    pool.use(painter, opened[2])
    assert pool.get(EngineKey(0, (64, 64))) is opened[0]
    assert pool.get(EngineKey(0, (64, 68))) is None
    del other  # the visitor left
    pool.use(painter, opened[2])
    assert pool.get(EngineKey(0, (64, 64))) is None
    pool.close()


def test_times_of_a_recording_are_those_of_capturing(style: StyleFile, tmp_path: Path) -> None:
    """Frames that were dropped leave a gap, not a shorter film."""

    class Timed(Scripted):
        def __iter__(self):  # type: ignore[no-untyped-def]
            for frame in super().__iter__():
                yield Frame(frame.pixels, frame.index, 100.0 + frame.index)

    rig = Rig((style,), Timed(12, lambda index: threading.Event().wait(0.03)), record=tmp_path / "live.mp4")
    rig.run()
    with av.open(str(tmp_path / "live.mp4")) as container:
        times = [f.pts * f.time_base for f in container.decode(video=0) if f.pts is not None]
    shown = [frame.index for frame in rig.sinks[0].kept]  # type: ignore[attr-defined]
    assert set(times) <= {Fraction(index - shown[0]) for index in shown}
