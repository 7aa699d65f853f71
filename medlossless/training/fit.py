# SPDX-License-Identifier: Apache-2.0
"""The training loop: Adam on the code length, cosine step size, resumable."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from .data import Samples
from .model import INPUT_UNIT, FloatNet, code_length


@dataclass(frozen=True)
class Plan:
    """How long and how to train."""

    steps: int
    batch: int = 4096
    peak_rate: float = 3e-3
    warmup: int = 200
    exact_from: float = 0.7  # the share of steps after which activations are floored
    seed: int = 1

    def rate(self, step: int) -> float:
        """Step size: linear warm-up, then half a cosine down to a fiftieth."""
        if step < self.warmup:
            return self.peak_rate * (step + 1) / self.warmup
        done = (step - self.warmup) / max(1, self.steps - self.warmup)
        return self.peak_rate * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(1.0, done))))


def fit(
    model: FloatNet,
    samples: Samples,
    plan: Plan,
    checkpoint: Path | None = None,
    seconds: float = math.inf,
) -> tuple[FloatNet, bool]:
    """Train for `plan.steps`, or until `seconds` are over.

    Returns the model and whether the plan was finished; an unfinished one goes on from
    `checkpoint` at the next call.
    """
    optimiser = torch.optim.Adam(model.parameters(), lr=plan.peak_rate, betas=(0.9, 0.995))
    first = 0
    if checkpoint is not None and checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True)
        model.load_state_dict(state["model"])
        optimiser.load_state_dict(state["optimiser"])
        first = state["step"]
    columns = _tensors(samples)
    started, total, counted = time.monotonic(), 0.0, 0
    for step in range(first, plan.steps):
        model.exact = step >= plan.exact_from * plan.steps
        loss = _step(model, optimiser, columns, plan, step)
        total, counted = total + loss, counted + 1
        if step % 2000 == 1999:
            print(f"step {step + 1}/{plan.steps}: {total / counted:.4f} bits a sample", flush=True)
            total, counted = 0.0, 0
        if time.monotonic() - started > seconds:
            _save(checkpoint, model, optimiser, step + 1)
            return model, False
    _save(checkpoint, model, optimiser, plan.steps)
    return model, True


def _tensors(samples: Samples) -> tuple[torch.Tensor, ...]:
    difference = (samples.values - samples.baseline).astype(np.float32)
    floats = (difference, samples.exponent.astype(np.float32), samples.mantissa.astype(np.float32))
    return torch.from_numpy(samples.inputs), *(torch.from_numpy(f) for f in floats)


def _step(model, optimiser, columns, plan: Plan, step: int) -> float:
    for group in optimiser.param_groups:
        group["lr"] = plan.rate(step)
    generator = torch.Generator().manual_seed(plan.seed * 1_000_003 + step)
    room = max(1, len(columns[0]) - plan.batch + 1)
    start = int(torch.randint(room, (), generator=generator))  # samples are shuffled already
    inputs, *rest = (column[start : start + plan.batch] for column in columns)
    loss = code_length(model(inputs.float() / INPUT_UNIT), *rest).mean()
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimiser.step()
    return float(loss.detach())


def _save(checkpoint: Path | None, model, optimiser, step: int) -> None:
    if checkpoint is None:
        return
    state = {"model": model.state_dict(), "optimiser": optimiser.state_dict(), "step": step}
    scratch = checkpoint.with_suffix(".tmp")
    torch.save(state, scratch)
    scratch.replace(checkpoint)
