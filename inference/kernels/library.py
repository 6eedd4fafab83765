"""The compiled kernels: made once for a processor, kept on disk, linked when loaded.

Compiling takes seconds and hundreds of megabytes, so a process of its own does it, and
numba stays out of this one. `python -m inference.kernels.library` does it beforehand.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import logging
import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import llvmlite.binding as llvm

from inference.kernels import threads

logger = logging.getLogger(__name__)

HERE = Path(__file__).parent
_NAME = "kernels"
_DIGEST_LENGTH = hashlib.sha256().digest_size


def address_of(name: str) -> int:
    """Where the compiled kernel of this name is, as long as the process lives."""
    found = _library().lookup(_NAME, name)
    _kept.append(found)
    return int(found[name])


# What keeps the code where it is.
_kept: list[object] = []


@functools.cache
def _library() -> llvm.LLJIT:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    builder = llvm.JITLibraryBuilder().add_object_img(object_code())
    for name, address in threads.symbols().items():
        builder.import_symbol(name, address)
    compiler = llvm.create_lljit_compiler()
    _kept.append(builder.add_current_process().link(compiler, _NAME))
    return compiler


def object_code() -> bytes:
    """From the first folder that has it; compiled and kept there where none has."""
    name = f"{_NAME}-{fingerprint()}.o"
    for folder in folders():
        with contextlib.suppress(OSError):
            kept = (folder / name).read_bytes()
            digest, code = kept[:_DIGEST_LENGTH], kept[_DIGEST_LENGTH:]
            if digest == _digest(code):
                return code
    return _compile(name)


def _compile(name: str) -> bytes:
    logger.info("compiling the kernels for this processor, which takes some seconds")
    code = subprocess.run(
        [sys.executable, "-m", "inference.kernels.compiler"],
        cwd=HERE.parents[1],
        check=True,
        stdout=subprocess.PIPE,
    ).stdout
    for folder in folders():
        try:
            _write(folder / name, code)
        except OSError:
            continue
        logger.info("the compiled kernels are kept in %s", folder)
        return code
    logger.warning("no folder to keep the compiled kernels in can be written")
    return code


def folders() -> list[Path]:
    """Where compiled kernels are looked for and kept, the best first."""
    return [HERE / "__pycache__", *(cache / "neuro" for cache in _caches())]


def _caches() -> list[Path]:
    """None where the environment names none and the user has no home."""
    if named := os.environ.get("XDG_CACHE_HOME"):
        return [Path(named)]
    with contextlib.suppress(RuntimeError):
        return [Path.home() / ".cache"]
    return []


def fingerprint() -> str:
    """Of all that decides what the object code is."""
    digest = hashlib.sha256()
    for file in sorted(HERE.glob("*.py")):
        digest.update(file.read_bytes())
    features = llvm.get_host_cpu_features().flatten()
    for part in (llvm.get_host_cpu_name(), features, metadata.version("numba")):
        digest.update(part.encode())
    return digest.hexdigest()[:16]


def _write(path: Path, code: bytes) -> None:
    """Whole or not at all: another process may be reading. What the disk loses when the
    power fails is told by the digest in front."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(f".{os.getpid()}")
    try:
        part.write_bytes(_digest(code) + code)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _digest(code: bytes) -> bytes:
    return hashlib.sha256(code).digest()


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    object_code()
