"""Attention of one row for each of several slots."""

from __future__ import annotations

from typing import Any

import numpy as np

from inference.kernels.declare import (
    Floats2,
    Floats3,
    Floats4,
    Floats5,
    Longs1,
    Rows3,
    helper,
)
from inference.kernels.floats import exp, larger, narrow, widen
from inference.kernels.parallel import kernel
from inference.kernels.threads import my_number, my_share

# Scores are added up for so many neighbouring positions at once.
LANES = 16


@kernel
def attend_to_slots(
    rows: Rows3,
    cosines: Floats3,
    sines: Floats3,
    slots: Longs1,
    positions: Longs1,
    width: int,
    keys: Floats5,
    values: Floats4,
    scratch: Floats2,
    context: Rows3,
) -> None:
    """Store each row's keys and values in its slot, and write what its queries find
    among the last `width` positions there.

    `rows` are `[row, head, dim]`, all heads of the queries before those of the keys and
    of the values; turned by `cosines` and `sines` `[row, head, dim]` unless these have
    no rows. `keys` are `[slot, head, block, dim, place]` and `values` `[slot, head,
    position, dim]`, `scratch` `[thread, positions and dims]`, `context` `[row, head,
    dim]`.
    """
    num_kv_heads, dims = keys.shape[1], values.shape[3]
    group = rows.shape[1] // num_kv_heads - 2
    query = scratch[my_number(), :dims]
    found = scratch[my_number(), dims : 2 * dims]
    weights = scratch[my_number(), 2 * dims :]
    for item in my_share(len(rows) * num_kv_heads):
        row, kv_head = item // num_kv_heads, item % num_kv_heads
        slot, position = slots[row], positions[row]
        first_key = group * num_kv_heads
        turn(rows, cosines, sines, row, first_key + kv_head, query)
        block_length = keys.shape[4]
        block, place = position // block_length, position % block_length
        for dim in range(dims):
            keys[slot, kv_head, block, dim, place] = query[dim]
        value = rows[row, first_key + num_kv_heads + kv_head]
        for dim in range(dims):
            values[slot, kv_head, position, dim] = widen(value[dim])
        first = max(position - width + 1, 0)
        for head in range(kv_head * group, (kv_head + 1) * group):
            turn(rows, cosines, sines, row, head, query)
            weigh(query, keys[slot, kv_head], first, position, weights)
            for dim in range(dims):
                found[dim] = np.float32(0)
            seen = values[slot, kv_head, first : position + 1]
            add_lines(weights[first : position + 1], seen, found)
            for dim in range(dims):
                context[row, head, dim] = narrow(found[dim], value[dim])


@helper
def turn(rows: Any, cosines: Any, sines: Any, row: int, head: int, turned: Any) -> None:
    """One head of a row in fp32, turned by its position if that is how it is told."""
    numbers = rows[row, head]
    half = len(turned) // 2
    for dim in range(len(turned)):
        turned[dim] = widen(numbers[dim])
    if len(cosines) and head < cosines.shape[1]:
        cosine, sine = cosines[row, head], sines[row, head]
        for dim in range(half):
            low, high = widen(numbers[dim]), widen(numbers[half + dim])
            turned[dim] = low * cosine[dim] + high * sine[dim]
            turned[half + dim] = high * cosine[half + dim] + low * sine[half + dim]


@helper
def weigh(query: Any, keys: Any, first: int, last: int, weights: Any) -> None:
    """The softmax of the scores of positions from `first` to `last`, each at its place;
    the rest of their blocks holds anything."""
    length = keys.shape[2]
    for block in range(first // length, last // length + 1):
        end = min(last // LANES * LANES + LANES, (block + 1) * length)
        scores = weights[block * length : end]
        for place in range(len(scores)):
            scores[place] = np.float32(0)
        add_lines(query, keys[block], scores)
    seen = weights[first : last + 1]
    largest = seen[0]
    for place in range(len(seen)):
        largest = larger(largest, seen[place])
    total = np.float32(0)
    for place in range(len(seen)):
        seen[place] = exp(seen[place] - largest)
        total += seen[place]
    for place in range(len(seen)):
        seen[place] /= total


@helper
def add_lines(weights: Any, lines: Any, total: Any) -> None:
    """Add lines `[line, number]` by their weights, four at once, as far as `total`."""
    whole = len(weights) // 4 * 4
    for n in range(0, whole, 4):
        one, two, three, four = lines[n], lines[n + 1], lines[n + 2], lines[n + 3]
        first, second = weights[n], weights[n + 1]
        third, fourth = weights[n + 2], weights[n + 3]
        for place in range(len(total)):
            total[place] += (first * one[place] + second * two[place]) + (
                third * three[place] + fourth * four[place]
            )
    for n in range(whole, len(weights)):
        line, weight = lines[n], weights[n]
        for place in range(len(total)):
            total[place] += weight * line[place]
