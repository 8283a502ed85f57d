"""Every key has its command, every command its effect, and texts that are none are refused."""

import threading

import pytest

from pipeline.live.controls import (
    COMMAND_OF_KEY,
    COMMANDS,
    SCALES,
    LiveControls,
    Notices,
    Settings,
    next_scale,
)


@pytest.fixture
def controls() -> LiveControls:
    return LiveControls(["a", "b", "c"], Settings(), threading.Event())


@pytest.mark.parametrize(
    ("command", "name", "value"),
    [
        ("next-style", "style", 1),
        ("previous-style", "style", 2),
        ("style 3", "style", 2),
        ("style 9", "style", 0),  # there are only three
        ("weaker", "strength", 0.9),
        ("stronger", "strength", 1.0),
        ("larger-brush", "scale", 0.75),
        ("smaller-brush", "scale", 1.25),
        ("side-by-side", "side_by_side", True),
        ("keep-colors", "keep_colors", True),
        ("steady", "steady", True),
        ("mirror", "mirror", True),
        ("information", "information", True),
        ("help", "help", True),
    ],
)
def test_each_command_changes_one_setting(
    controls: LiveControls, command: str, name: str, value: object
) -> None:
    before = controls.settings
    controls.do(command)
    assert getattr(controls.settings, name) == value
    changed = [n for n in vars(before) if getattr(before, n) != getattr(controls.settings, n)]
    assert changed in ([name], [])


def test_strength_stays_in_its_range(controls: LiveControls) -> None:
    for _ in range(15):
        controls.do("weaker")
    assert controls.settings.strength == 0.0
    for _ in range(15):
        controls.do("stronger")
    assert controls.settings.strength == 1.0


def test_quitting_sets_the_stop_event() -> None:
    stop = threading.Event()
    controls = LiveControls(["a"], Settings(), stop)
    controls.do("quit")
    assert stop.is_set()
    assert controls.asked_to_quit


def test_what_is_done_once_is_asked_once(controls: LiveControls) -> None:
    controls.do("record")
    controls.do("screenshot")
    assert controls.take_requests() == ["record", "screenshot"]
    assert controls.take_requests() == []


def test_other_texts_are_refused(controls: LiveControls) -> None:
    with pytest.raises(ValueError, match="known are"):
        controls.do("format c:")


def test_the_keys_of_the_issue() -> None:
    assert {c: COMMAND_OF_KEY[c] for c in "qnp+-[]sctmfr hi"} == {
        "q": "quit", "n": "next-style", "p": "previous-style", "+": "stronger", "-": "weaker",
        "[": "smaller-brush", "]": "larger-brush", "s": "side-by-side", "c": "keep-colors", "t": "steady",
        "m": "mirror", "f": "full-screen", "r": "record", " ": "screenshot", "h": "help", "i": "information",
    }  # fmt: skip
    assert COMMAND_OF_KEY["\x1b"] == "quit"
    assert {COMMAND_OF_KEY[str(n)] for n in range(1, 10)} <= COMMANDS


def test_scales_end_at_both_ends() -> None:
    assert next_scale(SCALES[0], -1) == SCALES[0]
    assert next_scale(SCALES[-1], 1) == SCALES[-1]
    assert next_scale(0.98, 0) == 1.0


def test_a_notice_is_printed_once_and_shown_for_a_while() -> None:
    now = [0.0]
    said: list[str] = []
    notices = Notices(said.append, lambda: now[0])
    notices.tell("camera 0 is gone", seconds=2.0)
    assert notices.current() == "camera 0 is gone"
    now[0] = 2.5
    assert notices.current() == ""
    assert said == ["camera 0 is gone"]


def test_rows_are_mixed_by_key_and_by_name() -> None:
    own = {"wave": 1.0, "night": 0.0, "scream": 0.0}
    controls = LiveControls(["plain", "gallery"], Settings(), threading.Event(), [{}, own])
    controls.do("mix-next")
    assert controls.settings.mix == ()
    with pytest.raises(ValueError, match="has no row 'wave'; it has none"):
        controls.do("mix wave 0.5")
    controls.do("style 2")
    for _ in range(4):
        controls.do("mix-next")
    assert dict(controls.settings.mix) == pytest.approx({"wave": 0.6, "night": 0.4})
    for _ in range(6):
        controls.do("mix-next")
    assert dict(controls.settings.mix) == {"night": 1.0}
    for _ in range(13):
        controls.do("mix-back")
    assert dict(controls.settings.mix) == pytest.approx({"wave": 0.7, "scream": 0.3})
    controls.do("mix night 0.5")
    assert dict(controls.settings.mix) == pytest.approx({"wave": 0.7, "scream": 0.3, "night": 0.5})
    controls.do("mix wave 0, night 0.25, scream 1")
    assert dict(controls.settings.mix) == {"night": 0.25, "scream": 1.0}
    for wrong in ("mix night much", "mix night", "mix ", "mix night 0.5 0.5,", "mix night 0.5; wave 1"):
        with pytest.raises(ValueError, match=r"write mix NAME SHARE|has no row"):
            controls.do(wrong)
    controls.do("style 1")
    assert controls.settings.mix == ()


def test_one_share_is_mixed_into_the_styles_own_mixture() -> None:
    own = {"wave": 0.25, "night": 0.75, "a row, with a comma": 0.0}
    controls = LiveControls(["gallery"], Settings(), threading.Event(), [own])
    assert controls.mixture == own
    controls.do("mix a row, with a comma .5, wave 0")
    assert dict(controls.settings.mix) == {"night": 0.75, "a row, with a comma": 0.5}
    controls.do("mix night 0, a row, with a comma 0")
    assert controls.mixture == own
