"""`python -m bench`: measure, then print tables and one last line of JSON."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from bench.checkpoint import NEO_TINY, make_checkpoint
from bench.peers import KINDS
from bench.plan import PARTS
from bench.report import render
from bench.run import measure

PRECISIONS = ("fp32", "bf16", "int8")


def main() -> None:
    options = parse_options()
    folder = NEO_TINY if options.quick else make_checkpoint(options.cache)
    started = time.monotonic()
    samples = measure(options, folder)
    about = {
        "model": "Neo-Tiny" if options.quick else "GPT-Neo-125M's shape, random",
        "processor": _processor(),
        "cores": os.cpu_count(),
        "rounds": options.rounds,
        "minutes": round((time.monotonic() - started) / 60, 1),
    }
    sys.stdout.write(render(samples, about=about) + "\n")


def parse_options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    kinds = [kind.name for kind in KINDS]
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="only see that it works, with Neo-Tiny"
    )
    parser.add_argument("--rounds", type=int, help="questions repeated (5)")
    _add_choice(parser, "--parts", list(PARTS))
    _add_choice(parser, "--peers", kinds)
    _add_choice(parser, "--precisions", list(PRECISIONS))
    parser.add_argument(
        "--openvino-python",
        type=Path,
        metavar="PYTHON",
        help="a Python that has openvino and optimum-intel",
    )
    parser.add_argument("--seed", type=int, default=0, help="of the random prompts")
    parser.add_argument(
        "--cache",
        type=Path,
        default=Path(os.environ.get("NEURO_DATA_DIR", "var")).resolve() / "bench",
        metavar="DIR",
        help="where the model of random weights is kept",
    )
    options = parser.parse_args(arguments)
    options.rounds = options.rounds or (1 if options.quick else 5)
    return options


def _add_choice(parser: argparse.ArgumentParser, name: str, choices: list[str]) -> None:
    parser.add_argument(
        name, nargs="+", choices=choices, default=choices, metavar=choices[0].upper()
    )


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return "unknown"


if __name__ == "__main__":
    main()
