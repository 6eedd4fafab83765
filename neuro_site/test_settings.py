"""The settings of tests: the real ones over a data folder that is thrown away.

Nothing that a developer keeps in `var/`, such as downloaded weights, changes a result.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

_DATA_DIR = Path(tempfile.mkdtemp(prefix="neuro-tests-"))
atexit.register(shutil.rmtree, _DATA_DIR, ignore_errors=True)
os.environ["NEURO_DATA_DIR"] = str(_DATA_DIR)

from neuro_site.settings import *  # noqa: E402, F403
from neuro_site.settings import DATABASES  # noqa: E402

# At once, where the test that was refused can see it.
REFUSALS_WRITTEN_AFTER_SECONDS = 0

if DATABASES["default"]["ENGINE"] == "neuro_site.sqlite":
    # In memory, threads would share one connection; a file locks as production does.
    DATABASES["default"]["TEST"] = {"NAME": str(_DATA_DIR / "test.sqlite3")}
