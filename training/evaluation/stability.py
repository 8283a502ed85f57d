"""Stability in time: warp error on clips with known or estimated motion, and flicker of a noisy still."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from training.evaluation.material import Paint, Pixels

Flow = NDArray[np.float32]
"""(H, W, 2), px: pixel (x, y) of a frame was at (x, y) + flow[y, x] in the frame before."""
Mask = NDArray[np.bool_]
"""(H, W): True where the flow holds: the same thing is seen in both frames."""

NOISE_DEVIATION = 3.0 / 255.0
NOISY_FRAMES = 6


@dataclass(frozen=True)
class Motion:
    """From one frame back to the one before it: where each pixel came from, and where that is known."""

    flow: Flow
    mask: Mask


@dataclass(frozen=True)
class Stability:
    """A figure of the painted clip beside the same figure of the clip itself."""

    painted: float
    input: float

    @classmethod
    def of(
        cls, painted: Sequence[Pixels], frames: Sequence[Pixels], motions: Sequence[Motion]
    ) -> "Stability":
        """The warp errors of a clip."""
        return cls(warp_error(painted, motions), warp_error(frames, motions))


@dataclass(frozen=True)
class Calmed:
    """What ``--steady`` makes of a painted clip: its warp error, and how sharp it still is.

    Attributes:
        sharpness: variance of the Laplacian over that of the clip before, 1 is as sharp.
    """

    warp_error: float
    sharpness: float

    @classmethod
    def of(cls, calm: Sequence[Pixels], painted: Sequence[Pixels], motions: Sequence[Motion]) -> "Calmed":
        """The figures of a clip."""
        return cls(warp_error(calm, motions), detail(calm) / max(detail(painted), 1e-6))


def detail(frames: Sequence[Pixels]) -> float:
    """Variance of the Laplacian of the grey frames, their mean."""
    laplacians = (cv2.Laplacian(cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY), cv2.CV_32F) for frame in frames)
    return float(np.mean([laplacian.var() for laplacian in laplacians]))


def warp_error(frames: Sequence[Pixels], motions: Sequence[Motion]) -> float:
    """Root of the masked mean square of what changes in a clip besides its motion; 0 = nothing flickers.

    ``E = sqrt( sum_t sum_x M_t(x) |S_t(x) - S_{t-1}(x + w_t(x))|^2 / (3 sum_t sum_x M_t(x)) )``

    S_t are frames with grey levels in [0, 1], w_t the flow from t back to t-1, M_t 1 where it holds;
    S_{t-1} is sampled bilinearly, which alone gives fine texture a small E. Chen et al. 2017 and Lai et
    al. 2018 use the same masked square without the root; with it E is in grey levels.

    Args:
        frames: n of them. motions: n - 1, the first from frame 1 back to frame 0.

    Raises:
        ValueError: the numbers do not fit, or no pixel's motion is known.
    """
    if len(motions) != len(frames) - 1 or not motions:
        raise ValueError(f"{len(frames)} frames need {len(frames) - 1} motions, got {len(motions)}")
    squares, count = 0.0, 0
    for before, after, motion in zip(frames[:-1], frames[1:], motions, strict=True):
        change = as_float(after) - warped(as_float(before), motion.flow)
        squares += float(np.square(change[motion.mask], dtype=np.float64).sum())
        count += int(motion.mask.sum())
    if not count:
        raise ValueError("the motion of no pixel is known in any frame")
    return float(np.sqrt(squares / (3 * count)))


def as_float(frame: Pixels) -> NDArray[np.float32]:
    """A frame with grey levels in [0, 1]."""
    return frame.astype(np.float32) / np.float32(255.0)


def warped(values: NDArray[np.float32], flow: Flow) -> NDArray[np.float32]:
    """``values`` (H, W) or (H, W, C) fetched from where ``flow`` points, bilinearly, the edge repeated."""
    rows, columns = np.indices(flow.shape[:2], dtype=np.float32)
    x, y = columns + flow[..., 0], rows + flow[..., 1]
    fetched = cv2.remap(values, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return fetched.astype(np.float32, copy=False)


def inside(flow: Flow) -> Mask:
    """Where ``flow`` points into the frame, so that all four pixels around are there."""
    height, width = flow.shape[:2]
    rows, columns = np.indices((height, width), dtype=np.float32)
    x, y = columns + flow[..., 0], rows + flow[..., 1]
    within: Mask = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
    return within


def estimated_motions(frames: Sequence[Pixels]) -> list[Motion]:
    """Motion of a real clip by OpenCV's DIS optical flow (Kroeger et al. 2016), doubtful pixels masked out.

    A pixel counts where the flow leads into the frame and the flow from there comes back:
    ``|w_b(x) + w_f(x + w_b(x))|^2 < 0.01 (|w_b|^2 + |w_f|^2) + 0.5`` (Sundaram et al. 2010).
    """
    grays = [cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY).astype(np.uint8, copy=False) for frame in frames]
    dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    return [_estimated(dis, before, after) for before, after in itertools.pairwise(grays)]


def _estimated(dis: cv2.DISOpticalFlow, before: Pixels, after: Pixels) -> Motion:
    blank = np.zeros((*before.shape[:2], 2), np.float32)
    back = dis.calc(after, before, blank.copy()).astype(np.float32, copy=False)
    forth = warped(dis.calc(before, after, blank.copy()).astype(np.float32, copy=False), back)
    lengths = np.square(back).sum(axis=2) + np.square(forth).sum(axis=2)
    returns = np.square(back + forth).sum(axis=2) < 0.01 * lengths + 0.5
    return Motion(back, returns & inside(back))


def noisy_frames(frame: Pixels, count: int = NOISY_FRAMES, seed: int = 0) -> list[Pixels]:
    """``count`` copies of a still, each with sensor noise of its own, deviation 3 grey levels of 255."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(0.0, 255.0 * NOISE_DEVIATION, (count, *frame.shape))
    frames: list[Pixels] = list(np.clip(np.rint(frame + noise), 0, 255).astype(np.uint8))
    return frames


def still_motions(frames: Sequence[Pixels]) -> list[Motion]:
    """Nothing moves, every pixel counts."""
    height, width = frames[0].shape[:2]
    still = Motion(np.zeros((height, width, 2), np.float32), np.ones((height, width), np.bool_))
    return [still] * (len(frames) - 1)


def flicker(paint: Paint, frame: Pixels, seed: int = 0) -> Stability:
    """``warp_error`` of a noisy still: the input's own is the noise, root 2 times its deviation."""
    frames = noisy_frames(frame, seed=seed)
    motions = still_motions(frames)
    return Stability(warp_error([paint(f) for f in frames], motions), warp_error(frames, motions))
