"""Holds a frame rate by choosing how large the frames are that the network sees. Decides, does nothing.

Time grows with the square of the scale. Lowering is quick, because delay is felt; raising is slow, asks
for room to spare, and waits twice as long after a raise that had to be taken back: so it does not hunt.
"""

from collections import deque
from collections.abc import Sequence

from pipeline.live.controls import SCALES

LOWER_ABOVE = 0.92
"""Share of the frame's time at which the scale goes down."""
RAISE_BELOW = 0.75
"""Share that the next larger scale must be expected to take before the scale goes up."""
LOOK_BACK_S = 1.0
FEWEST_FRAMES = 5
RAISE_AFTER_S = 3.0
LONGEST_RAISE_AFTER_S = 48.0
REGRET_WITHIN_S = 10.0


class Governor:
    """Chooses among some scales from the times that frames took.

    Attributes:
        target_fps: the rate to hold.
        scale: the present choice.
        streams: how many are painted in turn, each at that rate.
        raise_after_s: how long there must be room before the next raise.
        network: ``best`` or ``fast`` where one was chosen for the rate, else empty; only told.
        too_slow: even the smallest scale does not hold the rate.
    """

    def __init__(self, target_fps: float, scales: Sequence[float] = SCALES) -> None:
        """Start at scale 1 or the nearest below it that is on offer.

        Raises:
            ValueError: a rate that is not positive, or no scale.
        """
        if target_fps <= 0 or not scales:
            raise ValueError(f"a positive rate and at least one scale, got {target_fps} and {scales}")
        self.target_fps = target_fps
        self.streams = 1
        self.scales = sorted(scales)
        self.scale = max([s for s in self.scales if s <= 1.0], default=self.scales[0])
        self.raise_after_s = RAISE_AFTER_S
        self.network = ""
        self.too_slow = False
        self._recent: deque[tuple[float, float]] = deque(maxlen=512)
        self._room_since: float | None = None
        self._raised_at: float | None = None

    def observe(self, service_s: float, scale: float, highest: float, now: float) -> float:
        """A frame took ``service_s`` at ``scale``; returns the scale to go on with.

        Args:
            service_s: seconds from frame in to frame out, waiting left out.
            scale: it was made with; others than the present choice (the new engine is still being opened)
                do not count.
            highest: never go above this one, the person's own choice.
            now: seconds on any monotonic clock.
        """
        if self.scale > highest:
            self._choose(highest)
        elif scale == self.scale:
            self._recent.append((now, service_s))
            while len(self._recent) > FEWEST_FRAMES and self._recent[0][0] < now - LOOK_BACK_S:
                self._recent.popleft()
            if len(self._recent) >= FEWEST_FRAMES:
                self._decide(highest, now)
        return self.scale

    def describe(self) -> str:
        """For the person: ``holding 30 fps at scale 0.75``, or that even the smallest does not hold it."""
        if self.too_slow:
            return f"{self.target_fps:g} fps cannot be held, even at scale {self.scale:g}"
        network = f", {self.network} network" if self.network else ""
        return f"holding {self.target_fps:g} fps at scale {self.scale:g}{network}"

    def _decide(self, highest: float, now: float) -> None:
        busy = self._median() * self.target_fps * self.streams
        self.too_slow = busy > 1.0 and self.scale == self.scales[0]
        if busy > LOWER_ABOVE:
            self._lower(busy, now)
            return
        above = [s for s in self.scales if self.scale < s <= highest]
        if not above or busy * (above[0] / self.scale) ** 2 > RAISE_BELOW:
            self._room_since = None
            return
        self._room_since = now if self._room_since is None else self._room_since
        if now - self._room_since >= self.raise_after_s:
            self._raised_at = now
            self._choose(above[0])

    def _lower(self, busy: float, now: float) -> None:
        """To the largest scale that should fit, at least one step down."""
        below = [s for s in self.scales if s < self.scale]
        if not below:
            return
        if self._raised_at is not None and now - self._raised_at < REGRET_WITHIN_S:
            self.raise_after_s = min(LONGEST_RAISE_AFTER_S, 2 * self.raise_after_s)
        self._raised_at = None
        fitting = [s for s in below if busy * (s / self.scale) ** 2 <= RAISE_BELOW]
        self._choose(fitting[-1] if fitting else below[0])

    def _choose(self, scale: float) -> None:
        self.scale = scale
        self._recent.clear()
        self._room_since = None

    def _median(self) -> float:
        times = sorted(service_s for _, service_s in self._recent)
        return times[len(times) // 2]
