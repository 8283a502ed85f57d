"""Run the figures of the early literature again and put the program's own results beside them on a page.

python scripts/reproduce.py -o FOLDER [DATA] [--quick] [--only tv,ratio] [--page PAGE.md --notes NOTES.md]

DATA (else the folder that BRUSHSTREAM_DATA names) holds clips/webcam-person.mkv, styles/, photos/ and faces/.
FOLDER keeps every render and every network: Ctrl-C stops, the same command goes on and redoes nothing. The
page gets its pictures beside it, in a folder of its name. They show the clip and paintings alone; of
portraits it gives figures. The notes have a part ``## NAME`` a study: what is seen in its picture.
"""

import argparse
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

import torch  # noqa: E402 - the repository is no package on the path
from torch import Tensor  # noqa: E402

from pipeline.common.atomic_files import make_folder  # noqa: E402
from pipeline.common.errors import BrushstreamError, InputError  # noqa: E402
from scripts.gallery import frame_at  # noqa: E402
from scripts.reproduction_figures import FIGURES, QUICK, WHOLE, Figure, Scale  # noqa: E402
from scripts.reproduction_page import Section, figures_of, read_notes, write_page  # noqa: E402
from training import devices, image_io  # noqa: E402
from training.cli.gatys import describe, feature_precision  # noqa: E402
from training.cli.options import stop_after_step  # noqa: E402
from training.cli.progress import trials_shown  # noqa: E402
from training.feed_forward import loop, presets, report  # noqa: E402
from training.feed_forward.recipe import TrainingRecipe, TrainingRun  # noqa: E402
from training.gatys import recipe as recipes  # noqa: E402
from training.gatys.recipe import RenderRecipe  # noqa: E402
from training.gatys.render import Inputs  # noqa: E402
from training.losses import color, functional  # noqa: E402
from training.studies import feed_forward, plans  # noqa: E402
from training.studies.options import StudyOptions  # noqa: E402
from training.studies.runner import Outcome, Place, run_study  # noqa: E402
from training.studies.train_grid import run_train_study  # noqa: E402

CLIP_AT, PAINTING = "webcam-person.mkv@1.5", "starry-night"
FACE_IN_CLIP, PAINTED_FACE = (70, 230, 160), ("tahiti", (60, 116, 160))  # top, left, side in px

NETWORK, GRID, PORTRAITS = "feed-forward", "weights", "portraits"
NAMES = (*(figure.name for figure in FIGURES), PORTRAITS, NETWORK, GRID)


@dataclass(frozen=True)
class Bench:
    """What every study takes: the data, the folder of results, how large, and on which device."""

    data: Path
    folder: Path
    scale: Scale
    device: str

    def inputs(self, faces: bool = False) -> Inputs:
        """The clip's frame and the painting, or the face in each."""
        content = image_io.read_picture(self.frame(), "clip").image
        if not faces:
            return Inputs(content, (self._painting(PAINTING),))
        name, box = PAINTED_FACE
        return Inputs(_cropped(content, *FACE_IN_CLIP), (_cropped(self._painting(name), *box),))

    def frame(self) -> Path:
        """The clip's frame as a file, made where it is not there yet."""
        path = self.folder / "content.png"
        if not path.exists():
            pixels = torch.from_numpy(frame_at(str(self.data / "clips" / CLIP_AT))[:, :, ::-1].copy())
            image_io.write_picture(path, pixels.permute(2, 0, 1).unsqueeze(0) / 255)
        return path

    def painting_file(self, name: str = PAINTING) -> Path:
        """Where the painting of that name lies."""
        return self.data / "styles" / f"{name}.jpg"

    def _painting(self, name: str) -> Tensor:
        return image_io.read_picture(self.painting_file(name), "painting").image

    def base(self, preset: str) -> RenderRecipe:
        """The preset at the scale's size, in the precision the processor is good at."""
        recipe = recipes.PRESETS[preset]
        precision = feature_precision("auto", self.device, recipe.optimizer)
        return recipes.changed(recipe, sizes=(self.scale.size_px,), precision=precision)

    def marks(self, marks: tuple[int, ...]) -> tuple[int, ...]:
        """Steps to look after, at this scale."""
        return tuple(dict.fromkeys(max(1, mark // self.scale.divisor) for mark in marks))

    def render(self, study: plans.Study, inputs: Inputs) -> Outcome:
        """Run a study; KeyboardInterrupt where it was stopped."""
        place = Place(self.folder, device=self.device)
        with stop_after_step() as should_stop, trials_shown(len(study.trials), describe) as show:
            done = run_study(study, inputs, place, show, should_stop)
        return _whole(done)


def _whole(done: Outcome) -> Outcome:
    if not done.finished:
        raise KeyboardInterrupt
    return done


def _cropped(image: Tensor, top: int, left: int, side: int) -> Tensor:
    return image[:, :, top : top + side, left : left + side].contiguous()


def reproduce(figure: Figure, bench: Bench) -> Section:
    """Run one figure of the literature that is made of renders."""
    marks = bench.marks(figure.marks)
    study = plans.plan(figure.plan, bench.base(figure.preset), StudyOptions(marks=marks, **figure.options))
    study = replace(study, name=figure.name, title=figure.title)
    inputs = bench.inputs(figure.faces)
    done = bench.render(study, inputs)
    recipe = study.trials[0].recipe
    height, width = image_io.fitted_size(inputs.content, bench.scale.size_px)
    settings = (
        f"`{figure.preset}`, {recipe.optimizer} at {recipe.learning_rate:g} from {recipe.init}, "
        f"{marks[-1]} iterations, {recipe.pooling} pooling, {width}x{height}, features in {recipe.precision}"
    )
    return Section(figure.name, figure.title, figure.literature, settings, figures_of(done.table), done.sheet)


def portraits(bench: Bench) -> Section:
    """Old faces with young faces as style: figures alone, for portraits stay off the page."""
    folders = [sorted((bench.data / "faces" / age).glob("*.jpg"))[:3] for age in ("old", "young")]
    marks, rows = bench.marks((60,)), []
    for number, (old, young) in enumerate(zip(*folders, strict=True), start=1):
        pair = [image_io.read_picture(path, "portrait").image for path in (old, young)]
        base = recipes.changed(bench.base("adam-content-start"), sizes=(0,))
        study = plans.plan("iterations", base, StudyOptions(marks=marks))
        bench.render(replace(study, name=f"{PORTRAITS}-{number}"), Inputs(pair[0], (pair[1],)))
        cell = next((bench.folder / f"{PORTRAITS}-{number}.cells").rglob(f"{marks[-1]:06d}.png"))
        result = image_io.read_picture(cell, "result").image
        rows.append({"pair": number, **_moved(pair[0], pair[1], result)})
    literature = "Whether a young face as style makes an old face younger."
    settings = f"`adam-content-start`, {marks[-1]} iterations, three pairs of portraits at their own size"
    return Section(PORTRAITS, "An old face with a young face as style", literature, settings, rows)


def _moved(old: Tensor, young: Tensor, result: Tensor) -> dict[str, float]:
    """What of the old face is left, what the young one gave; pictures (1, 3, H, W) of any size."""
    young = image_io.resized(young, (old.shape[2], old.shape[3]))
    away, before = ((face - young).mean(dim=(0, 2, 3)).norm() for face in (result, old))
    grain = {name: _grain(face) for name, face in (("old", old), ("young", young), ("result", result))}
    return {
        "luma's correlation with the old face": _correlation(result, old),
        "with the young face": _correlation(result, young),
        "of the two with one another": _correlation(young, old),
        "mean colour moved": float(1 - away / before),
        **{f"total variation, {name}": value for name, value in grain.items()},
    }


def _grain(image: Tensor) -> float:
    return float(functional.total_variation(color.luma(image), "l1-mean"))


def _correlation(one: Tensor, other: Tensor) -> float:
    both = torch.stack([color.luma(one).flatten(), color.luma(other).flatten()])
    return float(torch.corrcoef(both)[0, 1])


def trained_recipe(bench: Bench, steps: int) -> TrainingRecipe:
    """Johnson's recipe with VGG-19 in a short run."""
    scale = bench.scale
    precision = devices.pick_precision("auto", bench.device)
    given: dict[str, Any] = {"steps": steps, "batch_size": scale.batch_size, "image_size": scale.crop_px}
    given |= {"largest_scale": max(1.0, 256 / scale.crop_px), "precision": precision}
    return presets.recipe_of(presets.PRESETS["johnson-2016-vgg19"], 0, given)


def training_run(bench: Bench, output: Path) -> TrainingRun:
    """Where the trainings read and write."""
    painting, photos = bench.painting_file(), bench.data / "photos"
    return TrainingRun(painting, photos, output, device=bench.device, checkpoint_interval=100)


def trained_network(bench: Bench) -> Path:
    """Checkpoint of the feed-forward network, trained where it is not there yet."""
    run = training_run(bench, bench.folder / "network.safetensors")
    if not run.output.exists():
        recipe = trained_recipe(bench, bench.scale.training_steps)
        with trials_shown(1, report.describe) as show:
            loop.train(recipe, run, lambda progress: show("network", progress))
    return run.output


def network_against_renders(bench: Bench) -> Section:
    """The feed-forward network beside the optimisation of its own losses: loss and time."""
    network, marks = trained_network(bench), bench.marks((10, 30, 100, 300, 1000))
    base, place = bench.base("adam-content-start"), Place(bench.folder, device=bench.device)
    options = StudyOptions(marks=marks, checkpoint=network)
    with stop_after_step() as should_stop, trials_shown(1, describe) as show:
        done = _whole(
            feed_forward.run_feed_forward_study(base, bench.inputs(), place, options, show, should_stop)
        )
    literature = (
        "A network trained once for the same losses (content 2, style 40, total variation 200, VGG-19, "
        "256x256, Adam at 0.001, batches of 8, two epochs) comes near the loss of the optimisation, in 0.04 "
        "s a picture instead of 49.43 s for 1,000 iterations."
    )
    settings = f"{_training(bench, bench.scale.training_steps)}. {done.notes[0]}"
    rows = figures_of(done.table, (0, *marks))
    return Section(NETWORK, "Network against optimisation", literature, settings, rows, done.sheet)


def weights_grid(bench: Bench) -> Section:
    """The same network under other weights, each begun from the trained one."""
    network, scale = trained_network(bench), bench.scale
    recipe = replace(trained_recipe(bench, scale.grid_steps), learning_rate=scale.grid_learning_rate)
    run = replace(training_run(bench, bench.folder), init_from=network)
    with trials_shown(4, report.describe) as show:
        done = run_train_study(recipe, run, scale.grid, bench.frame(), show)
    literature = (
        "Content weight 0.5, 1 and 2 and style weight 4, 40 and 400 of that network: more style weight, "
        "larger departures from the photograph; more content weight, the reverse."
    )
    settings = (
        f"{_training(bench, scale.grid_steps)}, each begun from the network above with Adam at "
        f"{scale.grid_learning_rate:g}; the corners of the literature's grid"
    )
    title = "Content and style weight of the network"
    rows = [{k: v for k, v in row.items() if "weight" in k or "held" in k} for row in figures_of(done.table)]
    return Section(GRID, title, literature, settings, rows, done.sheet)


def _training(bench: Bench, steps: int) -> str:
    recipe = trained_recipe(bench, steps)
    return (
        f"`johnson-2016-vgg19`, a short run: {recipe.steps} steps in {recipe.precision}, crops of "
        f"{recipe.image_size} px, batches of {recipe.batch_size}"
    )


def plan(names: tuple[str, ...]) -> dict[str, Callable[[Bench], Section]]:
    """What to run, in the order of the page.

    Raises:
        InputError: a name is none of ``NAMES``.
    """
    known: dict[str, Callable[[Bench], Section]] = {
        figure.name: partial(reproduce, figure) for figure in FIGURES
    }
    known |= {PORTRAITS: portraits, NETWORK: network_against_renders, GRID: weights_grid}
    if unknown := [name for name in names if name not in known]:
        raise InputError(f"--only {', '.join(unknown)}: choose among {', '.join(known)}")
    return {name: run for name, run in known.items() if name in names or not names}


def data_folder(given: Path | None) -> Path:
    """The folder of clips, paintings, photographs and faces; InputError where it is not there."""
    folder = given or Path(os.environ.get("BRUSHSTREAM_DATA", ""))
    missing = [name for name in ("clips", "styles", "photos", "faces") if not (folder / name).is_dir()]
    if missing:
        raise InputError(
            f"{folder}: a folder with clips, styles, photos and faces was expected, it lacks "
            f"{', '.join(missing)}; give it, or set BRUSHSTREAM_DATA"
        )
    return folder


def main(arguments: list[str]) -> int:
    """Run the studies and write the page; 0 when it was written, 130 when it was stopped."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("data", nargs="?", type=Path, metavar="DATA")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--quick", action="store_true", help="small and short: minutes")
    parser.add_argument("--only", default="", metavar="NAME,...", help=f"of {', '.join(NAMES)}")
    parser.add_argument("--page", type=Path, help="else FOLDER/reproduction.md")
    parser.add_argument("--notes", type=Path, help="what is seen in the pictures")
    options = parser.parse_args(arguments)
    devices.keep_freed_memory()
    try:
        chosen = plan(tuple(name for name in options.only.split(",") if name))
        data, device = data_folder(options.data), devices.pick_device("auto")
        make_folder(options.output)
        bench = Bench(data, options.output, QUICK if options.quick else WHOLE, device)
        page = options.page or options.output / "reproduction.md"
        make_folder(page.with_suffix(""), parents=True)
        notes = read_notes(options.notes) if options.notes else {}
        write_page(page, [run(bench) for run in chosen.values()], notes, device)
    except BrushstreamError as error:
        print(f"reproduce: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print(f"stopped; the same command goes on from {options.output}", file=sys.stderr)
        return 130
    print(f"wrote {page}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
