"""Loops over rows, written in Python and compiled for the processor they run on.

`declare.py` says how one is written, `docs/engine.md` how another is added.
"""
