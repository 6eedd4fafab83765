"""The generation parameters, declared once.

This schema validates every door's calls, drives the playground's form and documents
the API. Names and meaning are those of transformers' `generate`, and so are the
defaults of its text-generation pipeline for GPT-Neo: sampling is on, with top_k 50 and
the temperature of 0.9 that the checkpoint's own configuration asks for.
`do_sample=false` or `temperature=0` is greedy.
"""

from __future__ import annotations

from models_app.parameters.json_schema import parameters_schema
from models_app.parameters.parameter import Parameter
from models_app.parameters.parsing import parse
from models_app.parameters.table import PARAMETERS, PARAMETERS_BY_NAME
from models_app.parameters.values import GenerationParameters

__all__ = [
    "PARAMETERS",
    "PARAMETERS_BY_NAME",
    "GenerationParameters",
    "Parameter",
    "parameters_schema",
    "parse",
]
