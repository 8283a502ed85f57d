"""The optimizers of a training run, driven as one."""

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor, nn

KINDS = ("adam", "muon")
_COLOURS = 3
_SCALER = "scaler."


class Optimizer:
    """Adam (Kingma & Ba 2015) for every weight, or Muon for convolutions and Adam for all else.

    Muon (Jordan et al. 2024, ``torch.optim.Muon``) replaces the momentum of a weight matrix by the nearest
    orthogonal one. Here a convolution's kernel is the matrix (out, in * k * k), and its steps are scaled to
    the root mean square of Adam's, so that one learning rate serves both. The convolution that paints the
    three colours stays with Adam, as do biases and norms.
    """

    def __init__(
        self,
        network: nn.Module,
        kind: str,
        learning_rate: float,
        fp16: bool = False,
        betas: tuple[float, float] = (0.9, 0.999),
        on_gradients: Callable[[Sequence[nn.Parameter]], None] = lambda parameters: None,
    ) -> None:
        """Take the parameters of ``network``, which must stay where they are in memory.

        Args:
            kind: one of ``KINDS``.
            fp16: scale the loss, so that small gradients are not lost (Micikevicius et al. 2018).
            betas: Adam's.
            on_gradients: called with all parameters between the gradients and the step.
        """
        self._parameters = [p for p in network.parameters() if p.requires_grad]
        self._scaler = torch.amp.GradScaler(self._parameters[0].device.type, enabled=fp16)
        hidden = [p for p in self._parameters if kind == "muon" and p.ndim == 4 and len(p) > _COLOURS]
        chosen = {id(p) for p in hidden}
        rest = [p for p in self._parameters if id(p) not in chosen]
        adam = torch.optim.Adam(rest, learning_rate, betas)
        self._on_gradients = on_gradients
        self._matrices = [(p, nn.Parameter(_matrix(p.detach(), p))) for p in hidden]
        self._parts: list[torch.optim.Optimizer] = [adam]
        if hidden:
            matrices = [matrix for _, matrix in self._matrices]
            self._parts.append(
                torch.optim.Muon(matrices, learning_rate, weight_decay=0.0, adjust_lr_fn="match_rms_adamw")
            )

    def set_learning_rate(self, learning_rate: float) -> None:
        """Of all parts, from the next step on."""
        for part in self._parts:
            for group in part.param_groups:
                group["lr"] = learning_rate

    def step(self, loss: Tensor, clip_norm: float = 0.0) -> None:
        """Gradients of ``loss``, their norm held below ``clip_norm`` (0: as they are), and one step."""
        for parameter in self._parameters:
            parameter.grad = None
        self._scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
        self._on_gradients(self._parameters)
        for weight, matrix in self._matrices:  # the same memory: what is done to one is done to the other
            matrix.grad = None if weight.grad is None else _matrix(weight.grad, weight)
        for part in self._parts:
            self._scaler.unscale_(part)
        if clip_norm:
            nn.utils.clip_grad_norm_(self._parameters, clip_norm)
        for part in self._parts:
            self._scaler.step(part)
        self._scaler.update()

    def state(self) -> dict[str, Tensor]:
        """Copies of moments and step counts by ``index.name``, parts numbered through, and the loss scale."""
        scale = {_SCALER + name: torch.tensor(value) for name, value in self._scaler.state_dict().items()}
        return scale | {
            f"{places[index]}.{name}": torch.as_tensor(value).clone()
            for places, part in self._numbered()
            for index, values in part.state_dict()["state"].items()
            for name, value in values.items()
        }

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Put back what ``state`` gave."""
        states: dict[int, dict[str, Tensor]] = {}
        scale = {k.removeprefix(_SCALER): v.item() for k, v in tensors.items() if k.startswith(_SCALER)}
        if scale:
            self._scaler.load_state_dict(scale)
        for key, value in tensors.items():
            if not key.startswith(_SCALER):
                index, name = key.split(".", 1)
                states.setdefault(int(index), {})[name] = value
        for places, part in self._numbered():
            own = {index: states[place] for index, place in enumerate(places) if place in states}
            part.load_state_dict({"state": own, "param_groups": part.state_dict()["param_groups"]})

    def _numbered(self) -> Iterator[tuple[range, torch.optim.Optimizer]]:
        """Every part with the numbers its weights have among those of all parts."""
        first = 0
        for part in self._parts:
            places = range(first, first + sum(len(group["params"]) for group in part.param_groups))
            yield places, part
            first = places.stop


def _matrix(tensor: Tensor, weight: Tensor) -> Tensor:
    """(out, in, k, k) as (out, in * k * k) in the same memory, by the layout of ``weight``.

    A gradient that lies in memory otherwise than its weight cannot be viewed so, and raises: read in its own
    order, it would step the wrong entries.
    """
    return (tensor if weight.is_contiguous() else tensor.permute(0, 2, 3, 1)).view(len(tensor), -1)
