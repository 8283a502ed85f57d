"""What commands of training show and write down while they run. Loads no torch."""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from pipeline.common.progress import Standing, progress_shown

Scalars = Callable[[int, Mapping[str, Mapping[str, float]], float], None]
"""Takes a step, its terms by group and name, and the pace in seconds a step."""


@contextmanager
def scalars_written(log_dir: Path | None) -> Iterator[Scalars]:
    """A function that writes TensorBoard scalars into ``log_dir``, or does nothing where there is none."""
    if log_dir is None:
        yield lambda step, groups, pace: None
        return
    from torch.utils.tensorboard import SummaryWriter

    writer = SummaryWriter(str(log_dir))

    def log(step: int, groups: Mapping[str, Mapping[str, float]], pace: float) -> None:
        for group, terms in groups.items():
            for name, value in terms.items():
                writer.add_scalar(f"{group}/{name}", value, step)
        writer.add_scalar("pace/seconds_per_step", pace, step)

    try:
        yield log
    finally:
        writer.close()


Tell = Callable[[Any, Mapping[str, Mapping[str, float]]], None]
"""Takes a training's progress, and its terms by group and name for TensorBoard."""


@contextmanager
def training_shown(run: Any, describe: Callable[[Any], str], log_dir: Path | None) -> Iterator[Tell]:
    """Says how a training begins, and after Ctrl-C how it goes on; gives a function that shows its progress.

    Args:
        run: has ``resume_file`` and ``init_from``.
        describe: what a line says of a progress.
        log_dir: for TensorBoard; None writes none.
    """
    if run.resume_file.exists():
        print(f"going on from {run.resume_file}", flush=True)
    elif run.init_from:
        print(f"starting from the weights of {run.init_from}", flush=True)
    shown = progress_shown(
        lambda now: Standing(now.step, now.steps, describe(now)),
        lambda now: print(describe(now), flush=True),
    )
    with scalars_written(log_dir) as log, shown as show:

        def tell(progress: Any, groups: Mapping[str, Mapping[str, float]]) -> None:
            log(progress.step, groups, progress.seconds_per_step)
            show(progress)
            for warning in progress.warnings:
                print(f"warning: step {progress.step}: {warning}", file=sys.stderr, flush=True)

        try:
            yield tell
        except KeyboardInterrupt:
            print(f"stopped; the same command goes on from {run.resume_file}", flush=True)
            raise


def trials_shown(
    trials: int, describe: Callable[[Any], str]
) -> AbstractContextManager[Callable[[str, Any], None]]:
    """A function that shows progress: a bar a trial on a terminal, a line at a trial's end elsewhere.

    Args:
        describe: what a line says of a progress, which has ``step`` and ``steps``.
    """
    labels: dict[str, str] = {}

    def standing(label: str, progress: Any) -> Standing:
        numbered = labels.setdefault(label, f"{len(labels) + 1}/{trials} {label}")
        return Standing(progress.step, progress.steps, describe(progress), numbered)

    def tell_end(label: str, progress: Any) -> None:
        if progress.step == progress.steps:
            print(f"{label}: {describe(progress)}", flush=True)

    return progress_shown(standing, tell_end)
