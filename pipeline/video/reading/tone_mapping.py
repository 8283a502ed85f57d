"""HDR (PQ and HLG) brought into BT.709, as a table that FFmpeg's lut3d filter applies.

Light is counted in units of diffuse white, 203 candelas a square metre (ITU-R BT.2408). Up to half of it
stays as it is; what is brighter is rolled off by the Möbius curve of FFmpeg's tonemap filter, so that 1000
candelas become the brightest white, and diffuse white 229 of 255. Hues stay: the largest of red, green and
blue decides for all three. Colours outside of BT.709 are cut off at its edge.
"""

from collections.abc import Callable
from contextlib import ExitStack

import numpy as np
from numpy.typing import NDArray

from pipeline.common.closeable import Closeable
from pipeline.common.scratch_folders import scratch_folder

Values = NDArray[np.float64]

_WHITE, _BRIGHTEST = 203.0, 1000.0
_NODES = 49  # a side: greys are within half a level of the formula
_KNEE = 0.5
_DISPLAY_GAMMA = 2.4  # ITU-R BT.1886
_TO_BT709 = np.array(
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]]
)  # ITU-R BT.2087
_LUMINANCE = np.array([0.2627, 0.6780, 0.0593])  # ITU-R BT.2020


def _of_pq(code: Values) -> Values:
    """(..., 3) light of a display, SMPTE ST 2084, of signals 0..1."""
    power = code ** (1 / 78.84375)
    light: Values = (np.maximum(power - 0.8359375, 0) / (18.8515625 - 18.6875 * power)) ** (
        1 / 0.1593017578125
    )
    return light * 10000


def _of_hlg(code: Values) -> Values:
    """(..., 3) light of a display of 1000 candelas, ITU-R BT.2100, of signals 0..1."""
    high = (np.exp((code - 0.55991073) / 0.17883277) + 0.28466892) / 12
    scene = np.where(code <= 0.5, code**2 / 3, high)
    shown: Values = _BRIGHTEST * scene * (scene @ _LUMINANCE)[..., None] ** 0.2
    return shown


_LIGHT: dict[int, Callable[[Values], Values]] = {16: _of_pq, 18: _of_hlg}  # by number of the transfer


def tone_mapped(code: Values, transfer: int) -> Values:
    """(..., 3) BT.709 signals 0..1 of BT.2020 RGB signals 0..1; ``transfer`` 16 is PQ, 18 HLG."""
    light = _LIGHT[transfer](code) / _WHITE @ _TO_BT709.T
    brightest = np.maximum(light.max(-1, keepdims=True), 1e-6)
    mapped: Values = np.clip(light * _rolled_off(brightest) / brightest, 0, 1) ** (1 / _DISPLAY_GAMMA)
    return mapped


def _rolled_off(light: Values) -> Values:
    """The Möbius curve: a straight line to the knee, from there smoothly to 1 at the brightest light."""
    peak, knee = _BRIGHTEST / _WHITE, _KNEE
    a = -(knee**2) * (peak - 1) / (knee**2 - 2 * knee + peak)
    b = (knee**2 - 2 * knee * peak + peak) / (peak - 1)
    curve = (b + knee) ** 2 / (b - a) * (light + a) / (light + b)
    return np.where(light <= knee, light, curve)


class ToneMap(Closeable):
    """The table in a file, for as long as a reader is open.

    Attributes:
        path: of the file, in the .cube format.
    """

    def __init__(self, transfer: int) -> None:
        """Write it; ``transfer`` as in ``tone_mapped``."""
        self._opened = ExitStack()
        self.path = self._opened.enter_context(scratch_folder()) / "table.cube"
        nodes = np.linspace(0, 1, _NODES)
        blue, green, red = np.meshgrid(nodes, nodes, nodes, indexing="ij")  # red counts fastest
        rows = tone_mapped(np.stack((red, green, blue), -1).reshape(-1, 3), transfer)
        numbers = ("%.5f %.5f %.5f\n" * len(rows)) % tuple(rows.ravel())
        self.path.write_text(f"LUT_3D_SIZE {_NODES}\n{numbers}")

    def close(self) -> None:
        """Remove the file. Twice is no error."""
        self._opened.close()
