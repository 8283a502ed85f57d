"""`brushstream gatys` and `brushstream gatys-study` as one types them."""

import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import typer
from PIL import Image

from pipeline.cli.main import run
from training import image_io
from training.cli.gatys import describe, feature_precision
from training.cli.options import numbers, whole_numbers
from training.gatys.step import RenderProgress

FAST = "--preset=shallow-pyramid"
SMALL = ("--size=48", "--octaves=1", "--precision=fp32", "--style-layers=relu1_1", "--content-layers=relu1_2")


@pytest.fixture(autouse=True)
def _leave_the_allocator_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.devices.keep_freed_memory", lambda: None)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    image_io.write_picture(tmp_path / "photo.png", torch.rand(1, 3, 52, 64))
    return tmp_path / "photo.png"


def gatys(photo: Path, painting: Path, vgg: Path, *more: object, out: str = "out.png") -> int:
    output = photo.with_name(out)
    arguments = ["gatys", photo, painting, "-o", output, f"--vgg-weights={vgg}", FAST, *more]
    return run([str(argument) for argument in arguments])


def test_a_still_is_painted_and_its_terms_are_logged(
    photo: Path, painting: Path, random_vgg: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = photo.with_name("log.csv")
    assert gatys(photo, painting, random_vgg, *SMALL, "--iterations=3", f"--log={log}") == 0
    told = capsys.readouterr().out
    assert "shallow-pyramid on cpu, features in fp32" in told
    assert "step 3/3 at 48 px, content" in told
    assert "to go" in told
    assert "3 steps in" in told
    with Image.open(photo.with_name("out.png")) as written:
        assert written.size == (48, 39)
    with log.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["step"] for row in rows] == ["0", "1", "2", "3"]
    assert float(rows[-1]["total"]) < float(rows[0]["total"])


def test_every_option_reaches_the_recipe(
    photo: Path, painting: Path, random_vgg: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from training.gatys import job

    seen: list[object] = []
    real = job.render_still

    def spy(recipe: object, job: object, *callbacks: object) -> object:
        seen.extend((recipe, job))
        return real(recipe, job, *callbacks)  # type: ignore[arg-type]

    monkeypatch.setattr(job, "render_still", spy)
    options = (
        "--size=40,48 --iterations=1,2 --alpha=2 --beta=30 --gamma=0.5 --tv-form=squared-mean "
        "--content-layers=relu1_2:2 --style-layers=relu1_1,relu2_1 --normalization=johnson "
        "--statistic=covariance --style-weights=3,1 --style-scale=1.25 --octaves=1 --pooling=average "
        "--optimizer=lbfgs --lr=0.5 --pixel-range=255 --init=noise --seed=7 --original-colors --bits=16 "
        "--precision=fp32 --device=cpu --snapshot-interval=2 --checkpoint-interval=3"
    )
    assert gatys(photo, painting, random_vgg, painting, *options.split()) == 0
    recipe, job = seen
    expected = {
        "sizes": (40, 48), "iterations": (1, 2), "content_weight": 2.0, "style_weight": 30.0,
        "tv_weight": 0.5, "tv_form": "squared-mean", "content_layers": (("relu1_2", 2.0),),
        "style_layers": (("relu1_1", 0.5), ("relu2_1", 0.5)), "normalization": "johnson",
        "statistic": "covariance", "style_scale": 1.25, "octaves": 1, "pooling": "average",
        "optimizer": "lbfgs", "learning_rate": 0.5, "pixel_range": 255.0, "init": "noise", "seed": 7,
        "original_colors": True, "precision": "fp32",
    }  # fmt: skip
    assert {key: getattr(recipe, key) for key in expected} == expected
    settings = {"style_weights": (3.0, 1.0), "bits": 16, "snapshot_interval": 2, "checkpoint_interval": 3}
    assert {key: getattr(job, key) for key in settings} == settings
    assert photo.with_name("out.snapshots").is_dir()


def test_a_picture_can_be_the_start(photo: Path, painting: Path, random_vgg: Path) -> None:
    start = photo.with_name("start.png")
    image_io.write_picture(start, torch.full((1, 3, 48, 48), 0.5))
    options = (*SMALL, "--iterations=1", "--lr=0.0001", f"--init={start}")
    assert gatys(photo, painting, random_vgg, *options) == 0
    image = image_io.read_picture(photo.with_name("out.png"), "result").image
    assert (image - 0.5).abs().max() < 0.01


@pytest.mark.parametrize(
    ("more", "code", "message"),
    [
        (("--preset=gatys-2016",), 8, "relu4_1, relu4_2, relu5_1: not in"),
        (("--preset=nothing",), 8, "--preset nothing: there is none of that name"),
        (("--bits=12",), 5, "8 or 16 was expected"),
        (("--optimizer=sgd",), 8, "choose lbfgs, adam"),
        (("--precision=fp16",), 8, "choose fp32, bf16"),
        (("--init=absent.png",), 3, "init absent.png"),
        (("--size=16",), 3, "is too small"),
        (("--size=9000",), 3, "GB of memory"),
        (("--size=big",), 2, "numbers with commas"),
        (("--optimizer=lbfgs", "--lr=1e36", "--iterations=2", *SMALL), 8, "last-good.png"),
    ],
)
def test_wrong_input_gets_one_line_and_its_exit_code(
    more: tuple[str, ...],
    code: int,
    message: str,
    photo: Path,
    painting: Path,
    random_vgg: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert gatys(photo, painting, random_vgg, *more) == code
    told = capsys.readouterr().err
    assert message in told
    assert "Traceback" not in told
    assert not photo.with_name("out.png").exists()


def test_an_existing_result_is_kept_unless_told(
    photo: Path, painting: Path, random_vgg: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photo.with_name("out.png").write_bytes(b"dear")
    assert gatys(photo, painting, random_vgg, *SMALL, "--iterations=1") == 5
    assert "--overwrite" in capsys.readouterr().err
    assert photo.with_name("out.png").read_bytes() == b"dear"
    assert gatys(photo, painting, random_vgg, *SMALL, "--iterations=1", "--overwrite") == 0
    assert photo.with_name("out.png").read_bytes() != b"dear"


def test_a_study_from_the_command_line_and_again(
    photo: Path, painting: Path, random_vgg: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = photo.with_name("studies")
    command = [
        "gatys-study", "content-layers", photo, painting, "-o", folder, "--size=48", "--iterations=2",
        "--layers=relu1_1", f"--vgg-weights={random_vgg}",
    ]  # fmt: skip
    assert run([str(part) for part in command]) == 0
    assert "relu1_1: step 2/2" in capsys.readouterr().out
    assert {path.name for path in folder.iterdir()} == {
        "content-layers.png", "content-layers.csv", "content-layers.cells",
    }  # fmt: skip
    assert run([str(part) for part in command]) == 0
    assert "step" not in capsys.readouterr().out
    assert run(["gatys-study", "nothing", str(photo), str(painting)]) == 2


@pytest.mark.slow
def test_ctrl_c_keeps_the_state_and_the_same_command_ends_with_the_same_picture(
    photo: Path, painting: Path, random_vgg: Path
) -> None:
    options = (*SMALL, "--iterations=8")
    assert gatys(photo, painting, random_vgg, *options, out="whole.png") == 0
    arguments = [
        "gatys",
        photo,
        painting,
        "-o",
        photo.with_name("cut.png"),
        FAST,
        f"--vgg-weights={random_vgg}",
    ]
    script = (
        "import os, signal; from training import devices; from training.cli import gatys\n"
        "real = gatys.describe\n"
        "def describe(p):\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "    return real(p)\n"
        "gatys.describe = describe; gatys.LINE_EVERY = 3\n"
        "devices.keep_freed_memory = lambda: None\n"
        "from pipeline.cli.main import main; main()"
    )
    environment = {**os.environ, "OMP_NUM_THREADS": str(torch.get_num_threads())}
    cut = subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments), *options],
        capture_output=True, text=True, timeout=200, check=False, env=environment,
    )  # fmt: skip
    assert cut.returncode == 130, cut.stderr
    assert "the same command goes on from" in cut.stdout
    assert photo.with_name("cut.resume.safetensors").exists()
    assert gatys(photo, painting, random_vgg, *options, out="cut.png") == 0
    assert photo.with_name("cut.png").read_bytes() == photo.with_name("whole.png").read_bytes()


@pytest.mark.slow
def test_the_first_interrupt_is_noted_the_second_breaks_off() -> None:
    """In a process of its own: real signals must never reach the test runner."""
    code = """
import signal
from training.cli.options import stop_after_step
signal.signal(signal.SIGINT, signal.default_int_handler)
before, broke_off = signal.getsignal(signal.SIGINT), False
try:
    with stop_after_step() as should_stop:
        assert not should_stop()
        signal.raise_signal(signal.SIGINT)
        assert should_stop()
        signal.raise_signal(signal.SIGINT)
except KeyboardInterrupt:
    broke_off = True
assert broke_off
assert signal.getsignal(signal.SIGINT) is before
"""
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False
    )
    assert ended.returncode == 0, ended.stderr


def test_a_report_is_one_line() -> None:
    terms = {"content": 0.5, "style": 0.25, "tv": 0.0, "total": 3.0}
    assert describe(RenderProgress(25, 100, 512, terms, 0.8, 60.2)) == (
        "step 25/100 at 512 px, content 0.5, style 0.25, tv 0, total 3, 0.80 s/step, 1:00 to go"
    )


def test_numbers_and_precision() -> None:
    assert whole_numbers("--size", "256,512") == (256, 512)
    assert numbers("--ratios", None) is None
    for wrong in ("a", "1.5", ""):
        with pytest.raises(typer.BadParameter, match="expected"):
            whole_numbers("--size", wrong)
    assert feature_precision("auto", "cpu", "lbfgs") == "fp32"
    assert feature_precision("bf16", "cpu", "lbfgs") == "bf16"


def test_the_paper_is_the_default(
    photo: Path, painting: Path, full_vgg: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = photo.with_name("out.png")
    options = ("-o", output, f"--vgg-weights={full_vgg}", "--size=48", "--iterations=1", "--device=cpu")
    assert run([str(argument) for argument in ("gatys", photo, painting, *options)]) == 0
    assert "gatys-2016 on cpu, features in fp32" in capsys.readouterr().out
