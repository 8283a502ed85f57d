"""What a live source was asked for."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Asked:
    """What was asked for.

    Attributes:
        source: a camera's number or name, an address, a video file, or ``synthetic``.
        size: (height, width) to ask a camera for, to scale a file to, or to draw; None takes what comes.
        fps: to ask a camera for, or to draw; None takes what comes.
        loop: play a file again and again.
        rotate: degrees clockwise: 0, 90, 180, 270.
    """

    source: str = "0"
    size: tuple[int, int] | None = None
    fps: float | None = None
    loop: bool = False
    rotate: int = 0
