"""Content photographs, drawn reproducibly: sample number i is the same picture in every run."""

import hashlib
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pipeline.common.errors import InputError

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"})
HELD_OUT_ONE_IN = 20
LEAST_DEVIATION = 4.0
"""Grey levels by which a painting's pixels differ from their mean: with less it is of one colour."""
RgbImage = NDArray[np.uint8]


def find_photos(folder: Path, named: str = "--photos") -> list[Path]:
    """Every picture below ``folder``, nested or not, in a fixed order.

    Args:
        named: what a message calls the folder.

    Raises:
        InputError: the folder is missing or holds no picture.
    """
    if not folder.is_dir():
        raise InputError(f"{named} {folder}: a folder of photographs was expected, there is none")
    photos = sorted(p for p in folder.rglob("*") if p.suffix.lower() in IMAGE_SUFFIXES and p.is_file())
    if not photos:
        raise InputError(
            f"{named} {folder}: no picture in it (looked for {', '.join(sorted(IMAGE_SUFFIXES))})"
        )
    return photos


def is_held_out(photo: Path, one_in: int = HELD_OUT_ONE_IN) -> bool:
    """Whether training must leave ``photo`` aside: a fixed one in so many, chosen by file name."""
    digest = hashlib.sha256(photo.name.encode()).digest()
    return digest[0] * 256 + digest[1] < 65536 // one_in


def split_photos(photos: Sequence[Path], one_in: int = HELD_OUT_ONE_IN) -> tuple[list[Path], list[Path]]:
    """(training, held out) of ``photos``; a folder too small to give any away is used whole for both."""
    held_out = [p for p in photos if is_held_out(p, one_in)]
    train = [p for p in photos if not is_held_out(p, one_in)]
    return (train or list(photos)), (held_out or list(photos))


def read_rgb(path: Path) -> RgbImage | None:
    """(H, W, 3) uint8 RGB, EXIF orientation applied; None when the file is no readable picture."""
    data = np.fromfile(path, np.uint8)
    pixels = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    return None if pixels is None else cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB).astype(np.uint8, copy=False)


def read_painting(path: Path, longest_side_px: int) -> Tensor:
    """A painting as (1, 3, H, W) float32, RGB in [0, 1], its longest side brought to ``longest_side_px``.

    Raises:
        InputError: missing, not a picture, of one colour, or under 64 px on its short side.
    """
    if not path.is_file():
        raise InputError(f"{path}: a painting was expected, there is no such file")
    pixels = read_rgb(path)
    if pixels is None:
        raise InputError(f"{path}: a painting was expected, but this is no picture that can be read")
    pixels = resize(pixels, longest_side_px / max(pixels.shape[:2]))
    if min(pixels.shape[:2]) < 64:
        size = f"{pixels.shape[1]}x{pixels.shape[0]}"
        raise InputError(
            f"{path}: {size} with its longest side at {longest_side_px} px is too small; 64 px on the short "
            "side are needed"
        )
    require_strokes(path, pixels)
    return to_tensor(pixels).unsqueeze(0)


def require_strokes(path: Path, pixels: RgbImage) -> None:
    """Raise InputError where (H, W, 3) uint8 ``pixels`` of ``path`` are of one colour."""
    if float(pixels.std(axis=(0, 1)).max()) < LEAST_DEVIATION:
        raise InputError(f"{path} is of one colour; there are no strokes in it to learn")


def resize(pixels: RgbImage, factor: float) -> RgbImage:
    """Scale (H, W, 3) by ``factor``: area average when shrinking, cubic when growing."""
    height, width = (max(1, round(side * factor)) for side in pixels.shape[:2])
    how = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    scaled: RgbImage = cv2.resize(pixels, (width, height), interpolation=how).astype(np.uint8, copy=False)
    return scaled


def center_square(pixels: RgbImage, side_px: int) -> RgbImage:
    """(H, W, 3) -> (side, side, 3): short side scaled to ``side_px``, the middle cut out."""
    scaled = resize(pixels, side_px / min(pixels.shape[:2]))
    top, left = ((length - side_px) // 2 for length in scaled.shape[:2])
    return scaled[top : top + side_px, left : left + side_px]


def to_tensor(pixels: RgbImage) -> Tensor:
    """(H, W, 3) uint8 -> (3, H, W) float32 in [0, 1]."""
    return torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1))).float() / 255.0


def plain_picture(rng: np.random.Generator, side: int) -> RgbImage:
    """A flat, dark or gradient picture with a little sensor noise, (side, side, 3) uint8 RGB.

    Photographs have few of them and webcams many (walls, skies, a covered lens); a network that never
    saw one fills them with blobs.
    """
    first, second = rng.uniform(0, 255, (2, 3))
    kind = rng.integers(3)
    if kind == 0:  # flat
        second = first
    elif kind == 1:  # dark
        first, second = first * 0.12, second * 0.12
    angle = rng.uniform(0, 2 * np.pi)
    axis = np.linspace(-0.5, 0.5, side)
    ramp = axis[None, :] * np.cos(angle) + axis[:, None] * np.sin(angle)
    ramp = (ramp - ramp.min()) / np.ptp(ramp)
    picture = first + ramp[..., None] * (second - first)
    noisy = picture + rng.normal(0, rng.uniform(0, 4), picture.shape)
    clipped: RgbImage = np.clip(noisy, 0, 255).astype(np.uint8)
    return clipped


class PhotoSamples:
    """Sample number -> a square crop (3, side, side), float32 RGB in [0, 1].

    What comes for a number depends on it and the seed alone, so that a resumed run sees exactly what an
    uninterrupted one would. Each photograph is scaled so that its short side is ``smallest_scale`` to
    ``largest_scale`` crops long (live frames are larger than training crops), cropped and mirrored at
    random. After ``different`` samples the same come again; never where that is 0.
    """

    def __init__(
        self,
        photos: Sequence[Path],
        side_px: int,
        seed: int,
        plain_share: float = 0.08,
        largest_scale: float = 2.3,
        smallest_scale: float = 1.0,
        different: int = 0,
    ) -> None:
        self.photos = list(photos)
        self.side = side_px
        self.seed = seed
        self.plain_share = plain_share
        self.largest_scale, self.smallest_scale = largest_scale, smallest_scale
        self.different = different
        self._broken: set[Path] = set()
        self._lock = threading.Lock()

    @property
    def broken(self) -> int:
        """How many unreadable files were met and passed over so far."""
        with self._lock:
            return len(self._broken)

    def __getitem__(self, number: int) -> Tensor:
        number = number % self.different if self.different else number
        rng = np.random.default_rng((self.seed, number))
        if rng.random() < self.plain_share:
            return to_tensor(plain_picture(rng, self.side))
        return to_tensor(self._crop(self._photo(number), rng))

    def _photo(self, number: int) -> RgbImage:
        epoch, place = divmod(number, len(self.photos))
        order = np.random.default_rng((self.seed, 1 << 40, epoch)).permutation(len(self.photos))
        for offset in range(len(self.photos)):
            path = self.photos[order[(place + offset) % len(order)]]
            pixels = read_rgb(path)
            if pixels is not None:
                return pixels
            with self._lock:
                self._broken.add(path)
        raise InputError(f"none of the {len(self.photos)} files in the photo folder is a readable picture")

    def _crop(self, pixels: RgbImage, rng: np.random.Generator) -> RgbImage:
        spread = self.largest_scale / self.smallest_scale
        short = self.side * self.smallest_scale * spread ** rng.uniform(0.0, 1.0)
        pixels = resize(pixels, max(short, self.side) / min(pixels.shape[:2]))
        top, left = (int(rng.integers(0, length - self.side + 1)) for length in pixels.shape[:2])
        crop = pixels[top : top + self.side, left : left + self.side]
        return crop[:, ::-1] if rng.random() < 0.5 else crop


def batches(
    samples: PhotoSamples,
    batch_size: int,
    first_step: int,
    last_step: int,
    workers: int,
    share: slice = slice(None),
) -> Iterator[Tensor]:
    """Batches (N, 3, side, side) for steps ``first_step`` (included) to ``last_step`` (excluded).

    Where several processes train together, ``share`` are the places of each batch that are wanted here.

    ``workers`` threads read ahead. Threads, not processes: decoding and scaling release the
    interpreter's lock, and forking a process that runs OpenCV's and torch's threads can hang.
    """
    places = range(batch_size)[share]
    ahead = max(2, 2 * workers) * len(places)
    with ThreadPoolExecutor(max(1, workers), thread_name_prefix="photos") as pool:
        numbers = (step * batch_size + place for step in range(first_step, last_step) for place in places)
        waiting = deque(pool.submit(samples.__getitem__, number) for number in islice(numbers, ahead))
        try:
            while waiting:
                yield torch.stack([_next_sample(waiting, pool, samples, numbers) for _ in places])
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _next_sample(
    waiting: "deque[Future[Tensor]]", pool: ThreadPoolExecutor, samples: PhotoSamples, numbers: Iterator[int]
) -> Tensor:
    sample = waiting.popleft().result()
    waiting.extend(pool.submit(samples.__getitem__, number) for number in islice(numbers, 1))
    return sample
