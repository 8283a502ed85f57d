"""A camera that other programs can choose: the painting in a video call. Needs ``pyvirtualcam``."""

import sys
from typing import Any

import pyvirtualcam

from pipeline.common.errors import OutputError
from pipeline.drawing.letterbox import letterbox
from pipeline.frame import Frame
from pipeline.stream import Sink, StreamInfo

_CURES = {
    "linux": "sudo apt install v4l2loopback-dkms && sudo modprobe v4l2loopback devices=1 exclusive_caps=1",
    "darwin": "install OBS Studio 28 or later, start its virtual camera once, and allow the extension",
    "win32": "install OBS Studio, which brings the virtual camera",
}


class VirtualCameraSink(Sink):
    """Sends every frame, scaled to the size it was opened with, as it comes: the caller keeps the pace.

    Attributes:
        device: the name under which other programs see it, empty before ``open``.
    """

    def __init__(self) -> None:
        self.device = ""
        self._camera: Any = None
        self._size = (0, 0)

    def open(self, info: StreamInfo) -> None:
        """Open the virtual camera. Raises OutputError, with every backend's reason, where none opens."""
        height, width = info.size
        rate = float(info.rate or 30)
        try:
            self._camera = pyvirtualcam.Camera(
                width=width, height=height, fps=rate, fmt=pyvirtualcam.PixelFormat.BGR
            )
        except RuntimeError as error:
            reasons = "; ".join(line.strip() for line in str(error).splitlines() if line.strip())
            cure = _CURES.get(sys.platform, "see pyvirtualcam's page for this system")
            raise OutputError(f"no virtual camera can be opened ({reasons}); {cure}") from error
        self._size = info.size
        self.device = str(self._camera.device)

    def write(self, frame: Frame) -> None:
        """Send the frame. Raises OutputError where the device is gone."""
        try:
            self._camera.send(letterbox(frame.pixels, self._size))
        except RuntimeError as error:
            raise OutputError(
                f"the virtual camera {self.device} broke off ({error}); start again, or leave out "
                "--virtual-camera"
            ) from error

    def close(self) -> None:
        """Give the device back. Closing twice is no error."""
        camera, self._camera = self._camera, None
        if camera is not None:
            camera.close()
