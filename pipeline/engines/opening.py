"""From a style file to an engine that shows its picture: chosen, opened, compared with the reference."""

from pipeline.common.closeable import Closeable
from pipeline.engines import registry
from pipeline.engines.base import Engine, Precision
from pipeline.engines.parity import ParityReport
from pipeline.engines.parity_check import check_parity, require_parity
from pipeline.engines.registry import Selection
from pipeline.engines.stand_in import SwappingEngine, build_in_a_process
from pipeline.style import StyleFile


class OpenedEngine(Closeable):
    """The engine that runs a style at one size, and what was found out while it was opened.

    Attributes:
        engine: open; it passed the parity check.
        selection: which engine was chosen, and why others were not.
        parity: how far the engine's picture lies from the reference's; None for the reference itself.
        refused: the report of a faster precision that showed another picture, None where none did.
    """

    def __init__(
        self,
        style: StyleFile,
        size: tuple[int, int],
        *,
        engine: str = "auto",
        precision: Precision | None = None,
        in_flight: int = 1,
        stand_in: bool = False,
    ) -> None:
        """Open; this takes from 0.1 s to some seconds the first time, a build up to minutes.

        Args:
            size: (height, width) that the graph is fed, multiples of the card's ``size_multiple``.
            engine: a name of ``registry.ENGINES``, ``NAME:DEVICE``, or ``auto``.
            precision: None takes the fastest that passes the parity check, and fp32 where that does not.
            in_flight: frames that will be submitted before the first is collected, where the engine can.
            stand_in: where the engine that ``auto`` chose must be built first, let the next one show frames
                meanwhile. For live use: a file's result and a measurement must not depend on when a build
                ends.

        Raises:
            EngineError, MissingPackageError: the engine cannot run or refuses the style.
            ParityError: the precision asked for shows another picture.
        """
        self._style, self._size, self._in_flight = style, size, in_flight
        self.selection = registry.select_engine(engine)
        self.refused: ParityReport | None = None
        self.engine, self.parity = self._first(precision, stand_in)

    def _first(self, precision: Precision | None, stand_in: bool) -> tuple[Engine, ParityReport | None]:
        """The engine, or with ``auto`` another that shows frames and becomes it once it is built."""
        chosen, style = self.selection, self._style
        at_once = chosen.engine.opens_at_once(style.path, style.card, self._size, precision)
        if chosen.named or at_once or not stand_in:
            return self._checked(chosen, precision)
        first, parity = self._checked(registry.select_engine("auto", after=chosen.name), None)
        prepare = build_in_a_process(chosen.name, str(style.path), self._size, precision)
        return SwappingEngine(
            first, chosen.name, prepare, lambda: self._checked(chosen, precision)[0]
        ), parity

    def _checked(
        self, selection: Selection, precision: Precision | None
    ) -> tuple[Engine, ParityReport | None]:
        """Opened and compared; where the choice of precision was ours and is bad, opened again in fp32."""
        engine = selection.engine(
            self._style.path,
            self._style.card,
            self._size,
            precision,
            device=selection.device,
            in_flight=self._in_flight,
        )
        try:
            report = check_parity(self._style, engine)
            if report is None or report.passed or precision is not None or engine.info.precision == "fp32":
                require_parity(report)
                return engine, report
        except BaseException:
            engine.close()
            raise
        engine.close()
        self.refused = report
        return self._checked(selection, "fp32")

    def describe(self) -> str:
        """``openvino 2026.4.1, cpu, bf16``, with the reasons why preferred engines do not run."""
        refused = f" (refused: {self.refused})" if self.refused else ""
        note = f" ({self.engine.note})" if self.engine.note else ""
        return f"{self.engine.info}{self.selection.explain()}{note}{refused}"

    def close(self) -> None:
        """Give back the engine. Closing twice is no error."""
        self.engine.close()
