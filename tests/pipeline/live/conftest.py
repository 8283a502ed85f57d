"""Two styles for commands that run live."""

from pathlib import Path

import pytest

from tests.support import make_models


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make_models.invert(tmp_path / "invert.onnx")
    make_models.blur(tmp_path / "blur.onnx")
    return tmp_path
