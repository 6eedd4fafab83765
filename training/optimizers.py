"""Muon for the matrices inside the blocks, AdamW for everything else."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from torch import nn
from torch.optim import AdamW, Muon, Optimizer

from training.model import GPTNeo


@dataclass(frozen=True, slots=True)
class PeakRates:
    """Peak learning rates; the schedule scales them all alike."""

    muon: float = 0.01
    adamw: float = 2e-3
    muon_weight_decay: float = 0.05


def build_optimizers(model: GPTNeo, rates: PeakRates) -> list[Optimizer]:
    """Return the optimizers, each group remembering its peak as ``peak_lr``."""
    matrices, scores, others = _sort_parameters(model)
    # Attention scores are not divided by the root of the head size in GPT-Neo;
    # smaller updates of query and key come to the same.
    score_rate = rates.muon * model.config.head_dim**-0.25
    muon = Muon(
        [{"params": matrices}, {"params": scores, "lr": score_rate}],
        lr=rates.muon,
        weight_decay=rates.muon_weight_decay,
    )
    adamw = AdamW(
        others, lr=rates.adamw, betas=(0.9, 0.98), weight_decay=0.0, fused=True
    )
    optimizers: list[Optimizer] = [muon, adamw]
    for group in _groups(optimizers):
        group["peak_lr"] = group["lr"]
    return optimizers


def set_learning_rate(optimizers: Iterable[Optimizer], share: float) -> None:
    for group in _groups(optimizers):
        group["lr"] = group["peak_lr"] * share


def apply_gradients(model: GPTNeo, optimizers: Iterable[Optimizer]) -> float:
    """Clip the gradients, take one step, forget them; return their norm."""
    norm = float(nn.utils.clip_grad_norm_(model.parameters(), 1.0))
    for optimizer in optimizers:
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    return norm


def _sort_parameters(
    model: GPTNeo,
) -> tuple[list[nn.Parameter], list[nn.Parameter], list[nn.Parameter]]:
    matrices, scores, others = [], [], []
    for name, parameter in model.named_parameters():
        if "transformer.h." not in name or parameter.ndim < 2:
            others.append(parameter)
        elif "q_proj" in name or "k_proj" in name:
            scores.append(parameter)
        else:
            matrices.append(parameter)
    return matrices, scores, others


def _groups(optimizers: Iterable[Optimizer]) -> list[dict[str, Any]]:
    return [group for optimizer in optimizers for group in optimizer.param_groups]
