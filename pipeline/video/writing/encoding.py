"""Which encoder, with which options, for which container: the table behind ``--codec``."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from av.codec.codec import Codec, UnknownCodecError

from pipeline.common.errors import OutputError

FORMATS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska", ".webm": "webm", ".avi": "avi"}
"""Container by file extension."""

COUNTED = ("avi",)
"""Containers without times: they count pictures at one even rate, shown in the order of decoding."""

PRESETS = (
    "ultrafast",
    "superfast",
    "veryfast",
    "faster",
    "fast",
    "medium",
    "slow",
    "slower",
    "veryslow",
)
_SVT_PRESET = dict(zip(PRESETS, ("12", "11", "10", "9", "8", "7", "5", "4", "3"), strict=True))
_HARDWARE = ("nvenc", "qsv", "amf", "videotoolbox", "mf", "v4l2m2m")
_NOWHERE_BUT_MOVIES = ("mp4", "mov", "matroska")
_ALSO_AVI = (*_NOWHERE_BUT_MOVIES, "avi")


@dataclass(frozen=True)
class Encoding:
    """How frames become a file.

    Attributes:
        crf: constant quality on H.264's scale; 0 is lossless, 18 cannot be told from the original, 51 is
            the worst. Other codecs get the value that looks alike on their own scale.
        preset: x264's bargain of time and size. ``veryfast`` takes about 9 core-ms a 1280x720 frame and
            makes smaller files here than ``faster`` and ``medium`` at the same crf; ``superfast`` takes 7
            and makes files twice as large.
        codec: a family of ``CODECS``, the exact name of a hardware encoder (``h264_nvenc``), or ``auto``:
            VP9 in WebM, else H.264.
        threads: of the encoder; None takes what the machine has. The pictures depend on it with some
            encoders, so work is resumed only with the same number.
    """

    crf: int = 18
    preset: str = "veryfast"
    codec: str = "auto"
    threads: int | None = None


@dataclass(frozen=True)
class Family:
    """One way of encoding.

    Attributes:
        encoder: FFmpeg's name of it.
        pixel_format: what it is fed with.
        containers: FFmpeg's names of the containers that hold it.
        multiple: (rows, columns) the frame's sides must be multiples of.
        options: encoder options from crf and preset.
        alpha: what can be seen through stays so.
    """

    encoder: str
    pixel_format: str
    containers: tuple[str, ...]
    multiple: tuple[int, int]
    options: Callable[[int, str], dict[str, str]]
    alpha: bool = False

    @property
    def is_rgb(self) -> bool:
        """Whether colours are kept as they are, without chroma of half the size."""
        return self.pixel_format in ("bgr0", "bgra")


def _x265(crf: int, preset: str) -> dict[str, str]:
    quality = "lossless=1" if crf == 0 else f"crf={min(51, crf + 2)}"
    return {"preset": preset, "x265-params": f"{quality}:open-gop=0:log-level=error"}


def _vp9(crf: int, preset: str) -> dict[str, str]:
    quality = round(crf * 63 / 51)  # VP9 counts to 63
    return {"crf": str(quality), "b": "0", "deadline": "realtime", "cpu-used": "7", "row-mt": "1"}


_OPTIONS: Mapping[str, Callable[[int, str], dict[str, str]]] = {
    "h264": lambda crf, preset: {"preset": preset, "crf": str(crf)},
    "hevc": _x265,
    "av1": lambda crf, preset: {"preset": _SVT_PRESET[preset], "crf": str(min(63, round(crf * 63 / 51) + 6))},
    "vp9": _vp9,
    "prores": lambda crf, preset: {"profile": "hq", "vendor": "apl0"},
    "prores-4444": lambda crf, preset: {"profile": "4444", "vendor": "apl0"},
    "ffv1": lambda crf, preset: {"level": "3", "slicecrc": "1", "g": "1"},
    "nvenc": lambda crf, preset: {"rc": "vbr", "cq": str(crf + 1), "b": "0", "forced-idr": "1"},
    "qsv": lambda crf, preset: {"global_quality": str(crf + 1)},
    "amf": lambda crf, preset: {"rc": "cqp", "qp_i": str(crf), "qp_p": str(crf + 2)},
}
"""Options from crf and preset, by codec or by kind of hardware; a kind that is not here takes none."""

CODECS: Mapping[str, Family] = {
    "h264": Family("libx264", "yuv420p", _ALSO_AVI, (2, 2), _OPTIONS["h264"]),
    "hevc": Family("libx265", "yuv420p", _NOWHERE_BUT_MOVIES, (2, 2), _OPTIONS["hevc"]),
    "av1": Family("libsvtav1", "yuv420p", ("mp4", "matroska", "webm"), (2, 2), _OPTIONS["av1"]),
    "vp9": Family("libvpx-vp9", "yuv420p", ("webm", "matroska", "mp4"), (2, 2), _OPTIONS["vp9"]),
    "prores": Family("prores_ks", "yuv422p10le", ("mov", "matroska"), (1, 2), _OPTIONS["prores"]),
    "ffv1": Family("ffv1", "bgr0", ("matroska", "avi"), (1, 1), _OPTIONS["ffv1"]),
}

_WITH_ALPHA: Mapping[str, Family] = {
    "vp9": Family("libvpx-vp9", "yuva420p", ("webm", "matroska"), (2, 2), _OPTIONS["vp9"], True),
    "prores": Family("prores_ks", "yuva444p10le", ("mov", "matroska"), (1, 1), _OPTIONS["prores-4444"], True),
    "ffv1": Family("ffv1", "bgra", ("matroska",), (1, 1), _OPTIONS["ffv1"], True),
}
"""What takes the place of a family of ``CODECS`` for pictures with alpha, in these containers."""


def family_for(encoding: Encoding, container: str, alpha: bool = False) -> Family:
    """The encoder for a container (FFmpeg's name of it).

    Args:
        alpha: of the pictures; it is kept where codec and container can do that.

    Raises:
        OutputError: crf or preset out of range, no such codec, the container cannot hold it, or this
            build of PyAV has no such encoder.
    """
    if encoding.preset not in PRESETS:
        raise OutputError(f"no preset is called {encoding.preset!r}; choose {', '.join(PRESETS)}")
    if not 0 <= encoding.crf <= 51:
        raise OutputError(f"crf goes from 0 (best) to 51 (worst), got {encoding.crf}")
    name = encoding.codec
    if name == "auto":
        name = "vp9" if container == "webm" else "h264"
    family = CODECS[name] if name in CODECS else _hardware(name)
    if container not in family.containers:
        raise OutputError(
            f"{container} cannot hold {name}; choose an output ending in {_endings(family.containers)}"
        )
    clear = _WITH_ALPHA.get(name) if alpha else None
    return clear if clear is not None and container in clear.containers else family


def _endings(containers: tuple[str, ...]) -> str:
    return " ".join(suffix for suffix, name in FORMATS.items() if name in containers)


def _hardware(name: str) -> Family:
    base, _, kind = name.partition("_")
    if base not in CODECS or kind not in _HARDWARE:
        raise OutputError(f"no codec is called {name!r}; choose {', '.join((*CODECS, *hardware_encoders()))}")
    encoder = _find_encoder(name)
    if encoder is None:
        here = ", ".join(hardware_encoders()) or "none"
        raise OutputError(f"PyAV has no encoder {name} here, only these in hardware: {here}; choose {base}")
    formats = [f.name for f in encoder.video_formats or ()]
    pixel_format = "yuv420p" if "yuv420p" in formats else "nv12"
    options = _OPTIONS.get(kind, lambda crf, preset: {})
    return Family(name, pixel_format, CODECS[base].containers, (2, 2), options)


def hardware_encoders() -> tuple[str, ...]:
    """Names of the hardware encoders this build of PyAV offers; whether a device is there shows later."""
    names = (f"{base}_{kind}" for base in ("h264", "hevc", "av1") for kind in _HARDWARE)
    return tuple(name for name in names if _find_encoder(name) is not None)


def _find_encoder(name: str) -> Codec | None:
    try:
        return Codec(name, "w")
    except UnknownCodecError:
        return None
