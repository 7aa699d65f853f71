# SPDX-License-Identifier: Apache-2.0
"""The float twin of the integer MLP and its loss, the exact code length of a logistic."""

from __future__ import annotations

import torch
from torch import nn

from ..predict.tune import HIDDEN_CLIP, INPUT_UNIT, MEAN_CLIP, SCALE_CLIP

__all__ = ["INPUT_UNIT", "FloatNet", "code_length"]


class Rounded(torch.autograd.Function):
    """Round to multiples of 1/steps, gradient passed straight through."""

    @staticmethod
    def forward(_, values: torch.Tensor, steps: float) -> torch.Tensor:
        """Floor, as the integer shift does, to the grid of the integer net."""
        return torch.floor(values * steps) / steps

    @staticmethod
    def backward(_, gradient: torch.Tensor):
        """The gradient, unchanged."""
        return gradient, None


class FloatNet(nn.Module):
    """`n_inputs` -> hidden layers -> (mean offset, log2 scale), the output also reading the inputs.

    With `exact` the activations are floored to the grid of the integer net.
    """

    def __init__(self, n_inputs: int, widths: tuple[int, ...]) -> None:
        super().__init__()
        sizes = (n_inputs, *widths)
        self.hidden = nn.ModuleList(nn.Linear(a, b) for a, b in zip(sizes, widths, strict=False))
        self.output = nn.Linear(sizes[-1] + (n_inputs if widths else 0), 2)
        self.exact = False
        with torch.no_grad():
            self.output.weight *= 0.1
            self.output.bias.copy_(torch.tensor([0.0, -0.5]))

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """(n, n_inputs) features in units of INPUT_UNIT -> (n, 2)."""
        hidden = inputs
        for layer in self.hidden:
            hidden = layer(hidden)
            if self.exact:
                hidden = Rounded.apply(hidden, 256.0)
            hidden = nn.functional.hardtanh(hidden, 0.0, HIDDEN_CLIP)
        joined = torch.cat([hidden, inputs], 1) if len(self.hidden) else inputs
        return self.output(joined)


def code_length(
    outputs: torch.Tensor,
    difference: torch.Tensor,
    exponent: torch.Tensor,
    mantissa: torch.Tensor,
) -> torch.Tensor:
    """Bits to code `difference` = sample - baseline with a logistic on the integers.

    outputs : (n, 2); difference, exponent, mantissa : (n,) float32. Returns (n,) bits.
    """
    unit = (17 + 2 * mantissa) * torch.exp2(exponent - 8)
    mean = outputs[:, 0].clamp(-MEAN_CLIP, MEAN_CLIP) * unit
    log2_scale = exponent + mantissa / 8 - 4 + outputs[:, 1].clamp(-SCALE_CLIP, SCALE_CLIP)
    scale = torch.exp2(log2_scale.clamp(-4.0, 12.0))
    distance = (difference - mean).abs()
    near, far = (distance - 0.5) / scale, (distance + 0.5) / scale
    near_clipped = near.clamp(max=60)
    probability = torch.sigmoid(-near_clipped) - torch.sigmoid(-(far - near + near_clipped))
    excess = (near - near_clipped) * 1.4427
    return -torch.log2(probability + 1e-30) + excess
