"""The engine: token ids in, token ids and text out. Importing it never imports torch."""

from __future__ import annotations
