"""A folder of numbered pictures, named when the last one is in it."""

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from pipeline.common.atomic_files import beside, sync_folder, write_error
from pipeline.common.errors import OutputError
from pipeline.frame import Frame
from pipeline.images.reading import read_image
from pipeline.images.transparency import off_white
from pipeline.images.writing import WITH_ALPHA, encode_image
from pipeline.video.outputs.base import OutputAssembler, OutputRequest, part_name
from pipeline.video.picture_format import PictureFormat
from pipeline.video.reading.picture_sequence import numbered
from pipeline.video.segments.segment_encoder import PacketEncoder
from pipeline.video.segments.segment_file import read_packets
from pipeline.video.writing.frame_encoder import EncodedPacket


def _part(folder: Path) -> Path:
    return beside(folder, ".", ".part")


class PictureEncoder:
    """Every frame a picture file of its own."""

    extradata = b""

    def __init__(self, suffix: str, pictures: PictureFormat) -> None:
        """Pictures in the format of ``suffix``, .png for example."""
        self._suffix, self._pictures = suffix, pictures
        self._alpha = pictures.alpha and suffix in WITH_ALPHA
        self.last_ticks: int | None = None

    def encode(self, frame: Frame) -> Iterator[EncodedPacket]:
        """One packet: the file's bytes. Raises OutputError where the format cannot hold the picture."""
        self.last_ticks = self._pictures.ticks_of(frame, self.last_ticks)
        pixels = off_white(frame.pixels, frame.alpha) if self._alpha else frame.pixels
        yield EncodedPacket(encode_image(self._suffix, pixels), self.last_ticks, None, True)

    def flush(self) -> Iterator[EncodedPacket]:
        """Nothing waits inside."""
        yield from ()


class PicturesAssembler(OutputAssembler):
    """``folder/%06d.png``: the pattern's folder, which must not be there yet or be empty."""

    def __init__(self, wanted: OutputRequest) -> None:
        """Raises OutputError where the folder holds something and ``overwrite`` is not set."""
        self.final, self.encoding = wanted.path.parent, wanted.encoding
        self._wanted = wanted
        self.keeps_alpha = wanted.pictures.alpha and wanted.path.suffix.lower() in WITH_ALPHA
        self.notes = ["pictures hold no times and no sound: the rest is left out"]
        self._check(self.final)

    def _check(self, folder: Path) -> None:
        taken = folder.exists() and (not folder.is_dir() or any(folder.iterdir()))
        if taken and not self._wanted.overwrite:
            raise OutputError(f"{folder} is already there and not empty; choose another folder")

    def new_encoder(self) -> PacketEncoder:
        """See ``OutputAssembler``."""
        return PictureEncoder(self._wanted.path.suffix.lower(), self._wanted.pictures)

    def rehearse(self) -> None:
        """Make the hidden folder, encode a black picture, and throw both away."""
        height, width = self._wanted.pictures.size
        encode_image(self._wanted.path.suffix, np.zeros((height, width, 3), np.uint8))
        part = _part(self.final)
        try:
            part.mkdir(exist_ok=True)
            part.rmdir()
        except OSError as error:
            raise write_error(self.final, error) from error

    def build(self, segments: Sequence[Path], complete: bool, damaged: bool = False) -> Path:
        """See ``OutputAssembler``."""
        folder = self.final if complete else part_name(self.final)
        part = _part(folder)
        try:
            shutil.rmtree(part, ignore_errors=True)
            part.mkdir()
            written = self._write(part, segments)
            for picture in (written[0], written[-1]):
                read_image(picture)
            self._check(self.final)
            if folder.exists():
                shutil.rmtree(folder)
            part.rename(folder)
        except OSError as error:
            shutil.rmtree(part, ignore_errors=True)
            raise write_error(folder, error) from error
        return folder

    def _write(self, part: Path, segments: Sequence[Path]) -> list[Path]:
        written: list[Path] = []
        for segment in segments:
            for packet in read_packets(segment):
                count, numbers = len(written), self._wanted.numbers
                path = part / numbered(self._wanted.path, numbers[count] if numbers else count)
                path.write_bytes(packet.data)
                written.append(path)
        sync_folder(part)
        return written
