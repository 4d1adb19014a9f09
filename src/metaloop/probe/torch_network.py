"""Users' torch models as networks that can be probed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from metaloop.probe.network import Array, Run

if TYPE_CHECKING:
    from torch import Tensor, nn


class TorchNetwork:
    """A `torch.nn.Module` on inputs and their images under the invariant.

    Args:
        name: how reports call it.
        module: maps inputs (examples, ...) to outputs (examples, ...); run in evaluation mode.
        inputs: (examples, ...).
        images: the same examples under the invariant, e.g. `inputs.flip(-1)`; the output should be
            the same for both.
        features: what is known of each example, (examples,) each; the image of an example has the
            same, so name what the invariant leaves alone.

    Units are the outputs of all modules without children, but for what the module returns.

    Raises:
        ValueError: inputs and images differ in shape.
        ModuleNotFoundError: torch is not installed (`pip install 'metaloop[torch]'`).
    """

    def __init__(
        self,
        name: str,
        module: nn.Module,
        inputs: Tensor,
        images: Tensor,
        features: Mapping[str, Array],
    ) -> None:
        import torch

        if inputs.shape != images.shape:
            raise ValueError(
                f"inputs {tuple(inputs.shape)} and images {tuple(images.shape)} differ"
            )
        count = len(inputs)
        self.name = name
        self.module = module
        self.inputs = torch.cat([inputs, images])
        self.partner: NDArray[np.intp] = np.roll(np.arange(2 * count), count)
        self.features = {key: np.tile(np.asarray(v, float), 2) for key, v in features.items()}
        parameters = dict(module.named_parameters())
        flat = [value.detach().double().cpu().numpy().ravel() for value in parameters.values()]
        self.weights: Array = np.concatenate(flat)

    def run(self, weights: Array) -> Run:
        """Outputs and activations, examples first and their images after."""
        import torch

        units: list[Array] = []

        def keep(_module: nn.Module, _inputs: object, output: Any) -> None:
            if isinstance(output, torch.Tensor):
                units.append(_rows(output))

        leaves = [m for m in self.module.modules() if not list(m.children())]
        hooks = [leaf.register_forward_hook(keep) for leaf in leaves]
        training = self.module.training
        try:
            self.module.eval()
            with torch.no_grad():
                output = torch.func.functional_call(
                    self.module, self._parameters(weights), (self.inputs,)
                )
        finally:
            self.module.train(training)
            for hook in hooks:
                hook.remove()
        final = _rows(output)
        return Run(final, [kept for kept in units if not np.array_equal(kept, final)])

    def _parameters(self, weights: Array) -> dict[str, Tensor]:
        """The flat vector as the module's parameters, of their type and on their device."""
        import torch

        made, start = {}, 0
        for key, parameter in self.module.named_parameters():
            part = weights[start : start + parameter.numel()].reshape(parameter.shape)
            made[key] = torch.as_tensor(part, dtype=parameter.dtype, device=parameter.device)
            start += parameter.numel()
        return made


def _rows(tensor: Tensor) -> Array:
    """(examples, everything else), on the CPU."""
    return np.asarray(tensor.detach().double().cpu().numpy().reshape(len(tensor), -1))
