"""The pictures of two folders: checked before the work, drawn each on its own, some set aside."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from pipeline.common.errors import InputError
from training.cycle.recipe import CycleRecipe, CycleRun
from training.feed_forward.data import PhotoSamples, batches, find_photos, read_rgb, split_photos

FEWEST_PICTURES = 10
HELD_OUT_ONE_IN = 10
FLAT_DEVIATION = 2.0
_LOOKED_AT = 50


@dataclass(frozen=True)
class Side:
    """One folder's pictures.

    Attributes:
        folder: where they lie.
        train, held_out: a fixed one in ten is set aside by its file's name.
    """

    folder: Path
    train: list[Path]
    held_out: list[Path]


def two_sides(run: CycleRun) -> tuple[Side, Side]:
    """The pictures of both folders.

    Raises:
        InputError: a folder is missing, both are the same, or one has fewer than ten pictures that can be
            read, or nothing but plain areas.
    """
    sides = side_of(run.folder_a, "A_FOLDER"), side_of(run.folder_b, "B_FOLDER")
    if run.folder_a.samefile(run.folder_b):
        raise InputError(
            f"A_FOLDER and B_FOLDER {run.folder_a}: the same folder twice; give two with different pictures"
        )
    return sides


def side_of(folder: Path, named: str) -> Side:
    """One folder's pictures; InputError as for ``two_sides``."""
    pictures = find_photos(folder, named)
    looked_at = pictures[:: max(1, len(pictures) // _LOOKED_AT)] if len(pictures) > _LOOKED_AT else pictures
    readable = [pixels for path in looked_at if (pixels := read_rgb(path)) is not None]
    if len(readable) < FEWEST_PICTURES:
        of = "" if len(readable) == len(pictures) else f" of {len(looked_at)} looked at"
        raise InputError(
            f"{named} {folder}: {len(readable)} pictures{of} can be read; {FEWEST_PICTURES} at least are "
            "needed, some hundreds are better"
        )
    if all(pixels.std(axis=(0, 1)).max() < FLAT_DEVIATION for pixels in readable):
        raise InputError(
            f"{named} {folder}: every picture is of one colour, from which nothing can be learned; give "
            "pictures that show something"
        )
    return Side(folder, *split_photos(pictures, HELD_OUT_ONE_IN))


@dataclass(frozen=True)
class PairedSamples:
    """Crops of both sides by sample number; nothing pairs them but chance."""

    a: PhotoSamples
    b: PhotoSamples

    @classmethod
    def of(cls, sides: Sequence[Side], recipe: CycleRecipe) -> "PairedSamples":
        """The training pictures of both sides; each side is shuffled by a seed of its own."""
        a, b = (
            PhotoSamples(
                side.train,
                recipe.image_size,
                2 * recipe.seed + number,
                plain_share=0.0,
                largest_scale=recipe.largest_scale,
                smallest_scale=recipe.smallest_scale,
            )
            for number, side in enumerate(sides)
        )
        return cls(a, b)

    @property
    def broken(self) -> int:
        """How many unreadable files were met and passed over so far."""
        return self.a.broken + self.b.broken

    def batches(
        self, batch_size: int, first_step: int, last_step: int, workers: int, share: slice
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """A batch of either side for each step; see ``feed_forward.data.batches``."""
        drawn = (
            batches(side, batch_size, first_step, last_step, workers, share) for side in (self.a, self.b)
        )
        return zip(*drawn, strict=True)
