"""Batches as a pure function of the step, so that a resumed run needs no position."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from training.bpe import TokenIds


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows of token ids, the ids that follow them, and each row's first position."""

    token_ids: Tensor
    targets: Tensor
    first_positions: Tensor


class Batches:
    """Windows of a token stream: every epoch cuts it anew and shuffles the pieces."""

    def __init__(
        self, stream: TokenIds, *, batch_tokens: int, max_positions: int, seed: int
    ) -> None:
        self.stream = stream
        self.batch_tokens = batch_tokens
        self.max_positions = max_positions
        self.seed = seed
        self._epochs: dict[tuple[int, int], npt.NDArray[np.uint32]] = {}

    def at(self, step: int, length: int) -> Batch:
        """Return the batch of a step, in rows of ``length`` tokens."""
        rows = self.batch_tokens // length
        starts = [self._start(step * rows + row, length) for row in range(rows)]
        windows = np.stack([self.stream[at : at + length + 1] for at in starts])
        ids = torch.from_numpy(windows.astype(np.int64))
        return Batch(ids[:, :-1], ids[:, 1:], self._first_positions(step, rows, length))

    def _start(self, window: int, length: int) -> int:
        # One window is left over in each epoch: room to shift the cuts.
        per_epoch = (len(self.stream) - 1) // length - 1
        epoch, index = divmod(window, per_epoch)
        rng = np.random.default_rng((self.seed, length, epoch))
        shift = int(rng.integers(length))
        if (length, epoch) not in self._epochs:
            order = rng.permutation(per_epoch).astype(np.uint32)
            self._epochs = {(length, epoch): order}
        return shift + int(self._epochs[length, epoch][index]) * length

    def _first_positions(self, step: int, rows: int, length: int) -> Tensor:
        """Start every other row anywhere, so that late positions learn from the start."""
        rng = np.random.default_rng((self.seed, step))
        spare = self.max_positions - length
        first = rng.integers(spare + 1, size=rows)
        first[::2] = 0
        return torch.from_numpy(first)
