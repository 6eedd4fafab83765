from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path


def put_private(text: str, path: Path) -> None:
    """Make a file that its owner alone reads, unless there is one: whole or not at all,
    whoever else does so at the same time."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    with contextlib.suppress(FileExistsError):
        os.link(temporary, path)
    os.unlink(temporary)
