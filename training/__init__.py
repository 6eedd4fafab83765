"""Training of the models whose weights Neuro ships itself."""

from __future__ import annotations
