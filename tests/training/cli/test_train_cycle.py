"""`brushstream train-cycle` as one types it, from two folders to two style files."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline.cli.main import run
from pipeline.style import read_style
from tests.training.cycle.conftest import pictures

SMALL = (
    "--network=hourglass-40", "--image-size=32", "--steps=2", "--discriminator-steps=1",
    "--discriminator-width=4", "--precision=fp32",
)  # fmt: skip


@pytest.fixture(autouse=True)
def _leave_the_allocator_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.devices.keep_freed_memory", lambda: None)


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    red, blue = (0.3, 0.4, 1.0), (1.0, 0.4, 0.3)
    return pictures(tmp_path / "red", 12, red, 1), pictures(tmp_path / "blue", 12, blue, 2)


def train_cycle(*arguments: object) -> int:
    return run(["train-cycle", *map(str, arguments)])


@pytest.mark.slow
def test_from_two_folders_to_two_style_files(
    tmp_path: Path, folders: tuple[Path, Path], full_vgg: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name, log = tmp_path / "tint", tmp_path / "log"
    more = (f"--vgg-weights={full_vgg}", "--preview-interval=1", f"--log-dir={log}", "--terms-b=CC BY-SA 4.0")
    assert train_cycle(*folders, "-o", name, *SMALL, *more) == 0
    shown = capsys.readouterr().out
    assert "training two hourglass-40 on cpu in fp32, 2 steps" in shown
    assert "step 2/2, adversarial " in shown
    sheet = cv2.imread(str(tmp_path / "tint.previews" / "step-000002.png"))
    assert sheet is not None
    assert sheet.shape[0] == 8 * 32
    assert any(log.iterdir())
    for direction, title in (("a2b", "red to blue"), ("b2a", "blue to red")):
        style = tmp_path / f"tint-{direction}.onnx"
        assert run(["export", f"{tmp_path / 'tint'}-{direction}.safetensors", "-o", str(style)]) == 0
        card = read_style(style).card
        assert (card.name, card.title, card.recipe["direction"]) == (style.stem, title, direction)
        assert card.training_data["b"]["terms"] == "CC BY-SA 4.0"
        assert len(card.parity) == 2


def test_wrong_input_is_one_line_and_a_code(
    tmp_path: Path, folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    a, b = folders
    flat = tmp_path / "flat"
    flat.mkdir()
    for number in range(10):
        cv2.imwrite(str(flat / f"{number}.png"), np.full((40, 40, 3), 20 * number, np.uint8))
    name = tmp_path / "out"
    for arguments, code, message in (
        ((a, tmp_path / "absent", "-o", name), 3, "B_FOLDER"),
        ((a, a, "-o", name), 3, "the same folder twice"),
        ((a, flat, "-o", name), 3, "every picture is of one colour"),
        ((a, b, "-o", name, "--image-size=130"), 8, "--image-size 130: hourglass takes multiples of 8"),
        ((a, b, "-o", tmp_path / "out.onnx"), 5, "a name without .onnx was expected"),
        ((a, b, "-o", tmp_path / "absent" / "out"), 5, "does not exist; make it first"),
        ((a, b, "-o", name, "--preset=pix2pix"), 8, "choose live, retouch, cyclegan-2017"),
        ((a, b, "-o", name, "--augmentation=noise"), 8, "choose of color, translation, cutout"),
        (
            (a, b, "-o", name, "--discriminator-features=relu9_1"),
            8,
            "--discriminator-features relu9_1: choose of relu1_1",
        ),
        ((a, b), 2, "--output"),
    ):
        assert train_cycle(*arguments) == code, arguments
        lines = capsys.readouterr().err.strip()
        assert message in lines
        if code != 2:
            assert len(lines.splitlines()) == 1
