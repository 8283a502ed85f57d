"""Style files: cards, names, and everything that is no style."""

import json
from pathlib import Path

import pytest

from pipeline import lookup, style
from pipeline.common.errors import StyleError, StyleNotFoundError
from pipeline.style import Control, StyleCard
from tests.support import make_models


def test_card_survives_the_round_trip() -> None:
    card = StyleCard(
        "wave", "The Great Wave", "Hokusai", 1831, size_multiple=4, controls=(Control("mix", (0.5, 0.5)),),
        parity=({"engine": "openvino"},), recipe={"steps": 6000},
    )  # fmt: skip
    assert StyleCard.from_json(card.to_json()) == card


def test_unknown_keys_are_ignored_and_newer_formats_refused() -> None:
    raw = json.loads(StyleCard("wave").to_json())
    assert StyleCard.from_json(json.dumps({**raw, "colour of the frame": "gold"})).name == "wave"
    with pytest.raises(StyleError, match="format 99, this version reads up to 1"):
        StyleCard.from_json(json.dumps({**raw, "format": 99}))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"format": 1}',
        '{"format": "x", "name": "a"}',
        '{"format": 1, "name": "a", "controls": [{}]}',
    ],
)
def test_damaged_cards_are_named_so(text: str) -> None:
    with pytest.raises(StyleError, match="damaged"):
        StyleCard.from_json(text)


@pytest.mark.parametrize("multiple", [0, 257, "4", None])
def test_absurd_size_multiples_are_refused(multiple: object) -> None:
    raw = {**json.loads(StyleCard("wave").to_json()), "size_multiple": multiple}
    with pytest.raises(StyleError, match="size multiple of"):
        StyleCard.from_json(json.dumps(raw))


@pytest.mark.parametrize("margin", [-1, 257, "4", None])
def test_absurd_margins_are_refused(margin: object) -> None:
    raw = {**json.loads(StyleCard("wave").to_json()), "margin_px": margin}
    with pytest.raises(StyleError, match="margin of"):
        StyleCard.from_json(json.dumps(raw))


def test_reads_a_style_file(styles_folder: Path) -> None:
    found = style.read_style(styles_folder / "invert.onnx")
    assert (found.card.name, found.card.year, found.card.size_multiple) == ("invert", 1889, 4)
    assert found.file_bytes == (styles_folder / "invert.onnx").stat().st_size


def test_a_missing_file_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(StyleNotFoundError, match=r"no style file at .*absent.onnx"):
        style.read_style(tmp_path / "absent.onnx")


@pytest.mark.parametrize("content", [b"", b"not a model", b"\x00" * 4096, b"\x08\x07" * 100])
def test_other_files_are_no_styles(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bad.onnx"
    path.write_bytes(content)
    with pytest.raises(StyleError, match=r"bad\.onnx"):
        style.read_style(path)


def test_a_truncated_style_is_refused(tmp_path: Path) -> None:
    path = make_models.blur(tmp_path / "blur.onnx")
    path.write_bytes(path.read_bytes()[:-300])
    with pytest.raises(StyleError):
        style.read_style(path)


def test_a_model_without_card_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(
        StyleError, match=r"without a Brushstream card; `brushstream import .*brushstream export"
    ):
        style.read_style(make_models.without_card(tmp_path / "plain.onnx"))


@pytest.mark.parametrize("name", ["candy.pth", "ours.safetensors"])
def test_a_network_that_is_no_style_says_what_makes_one(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"PK")
    with pytest.raises(StyleError, match=rf"{name} is no style file; `brushstream import .*{name}`"):
        lookup.find_style(str(tmp_path / name))


def test_wrong_types_are_named(tmp_path: Path) -> None:
    with pytest.raises(StyleError, match=r"needs 'frame' as uint8 .* has float of rank 4"):
        style.read_style(make_models.float_frames(tmp_path / "float.onnx"))


def test_inputs_that_the_card_does_not_name_are_refused(tmp_path: Path) -> None:
    path = make_models.dim(tmp_path / "dim.onnx", declared=False)
    with pytest.raises(StyleError, match=r"inputs .*level.* its card names"):
        style.read_style(path)


def test_names_are_found_and_users_win(
    styles_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(style, "bundled_folder", lambda: styles_folder)
    monkeypatch.setattr(style, "user_folder", lambda: tmp_path)
    assert [s.card.name for s in style.list_styles()] == ["blur", "dim", "invert"]
    assert lookup.find_style("blur").path.parent == styles_folder
    make_models.blur(tmp_path / "blur.onnx")
    assert lookup.find_style("blur").path.parent == tmp_path


def test_an_unknown_name_suggests_the_nearest(styles_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(style, "bundled_folder", lambda: styles_folder)
    with pytest.raises(
        StyleNotFoundError, match=r"'Inverd'; did you mean invert\? `brushstream styles` lists all 3"
    ):
        lookup.find_style("Inverd")


def test_paths_are_taken_as_paths(styles_folder: Path, tmp_path: Path) -> None:
    assert lookup.find_style(str(styles_folder / "blur.onnx")).card.name == "blur"
    assert lookup.find_style(styles_folder / "blur.onnx").card.name == "blur"
    with pytest.raises(StyleNotFoundError, match="no style file at"):
        lookup.find_style(tmp_path / "elsewhere")


def test_one_damaged_style_does_not_hide_the_others(tmp_path: Path) -> None:
    make_models.invert(tmp_path / "good.onnx")
    (tmp_path / "bad.onnx").write_bytes(b"bad")
    told: list[StyleError] = []
    assert [s.card.name for s in style.list_styles([tmp_path], told.append)] == ["good"]
    assert len(told) == 1
    with pytest.raises(StyleError):
        style.list_styles([tmp_path])


def test_every_bundled_style_is_named_as_its_file() -> None:
    for found in style.list_styles([style.bundled_folder()]):
        assert found.card.name == found.path.stem
        assert found.card.artist
        assert found.card.rights


def test_the_fast_network_of_a_style_is_found_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(style, "user_folder", lambda: tmp_path)
    monkeypatch.setattr(style, "bundled_folder", lambda: tmp_path / "none")
    (tmp_path / "fast").mkdir()
    for name in ("wave", "fast/wave", "scream"):
        make_models.blur(tmp_path / f"{name}.onnx")
    assert lookup.find_style("wave").path == tmp_path / "wave.onnx"
    assert lookup.find_style("wave", "fast").path == tmp_path / "fast" / "wave.onnx"
    assert lookup.find_style(tmp_path / "scream.onnx", "fast").path == tmp_path / "scream.onnx"
    assert [s.card.name for s in style.list_styles()] == ["scream", "wave"]
    with pytest.raises(StyleNotFoundError, match="'scream' has no fast network; wave has one"):
        lookup.find_style("scream", "fast")
    with pytest.raises(StyleNotFoundError, match="no style is called 'wafe'; did you mean wave"):
        lookup.find_style("wafe", "fast")
