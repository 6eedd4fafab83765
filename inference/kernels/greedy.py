"""The greedy choice."""

from __future__ import annotations

from inference.kernels.declare import Floats2, Longs1
from inference.kernels.floats import larger
from inference.kernels.parallel import kernel
from inference.kernels.threads import my_share

# The largest number of so many is found much faster than its place among them.
RUN_LENGTH = 256


@kernel
def find_first_largest(rows: Floats2, places: Longs1) -> None:
    """The place of the first of the largest numbers in each row `[row, number]`."""
    for row in my_share(len(rows)):
        largest, start = rows[row, 0], 0
        for first in range(0, rows.shape[1], RUN_LENGTH):
            run = rows[row, first : first + RUN_LENGTH]
            found = run[0]
            for place in range(len(run)):
                found = larger(found, run[place])
            if found > largest:
                largest, start = found, first
        run = rows[row, start : start + RUN_LENGTH]
        places[row] = start
        for place in range(len(run)):
            if run[place] == largest:
                places[row] = start + place
                break
