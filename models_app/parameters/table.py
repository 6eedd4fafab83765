"""Every generation parameter, in the order in which people read about them."""

from __future__ import annotations

from models_app.parameters.parameter import Parameter

PARAMETERS: tuple[Parameter, ...] = (
    Parameter(
        name="max_new_tokens",
        kind="integer",
        label="Longest completion",
        help_text="How many tokens the completion may have.",
        group="Length",
        default=50,
        minimum=1,
        maximum=2048,
        step=1,
    ),
    Parameter(
        name="max_length",
        kind="integer",
        label="Longest text",
        help_text="How many tokens prompt and completion may have together. "
        "max_new_tokens, where given, takes its place.",
        group="Length",
        minimum=1,
        maximum=1_000_000,
        step=1,
    ),
    Parameter(
        name="do_sample",
        kind="boolean",
        label="Sample",
        help_text="Draw each token by its probability; off, always take the likeliest.",
        group="Sampling",
        default=True,
    ),
    Parameter(
        name="temperature",
        kind="number",
        label="Temperature",
        help_text="Lower is more predictable, higher more surprising; "
        "0 always takes the likeliest token.",
        group="Sampling",
        default=0.9,
        minimum=0,
        maximum=5,
        step=0.05,
    ),
    Parameter(
        name="top_k",
        kind="integer",
        label="Top k",
        help_text="Draw only from this many likeliest tokens; 0 draws from all.",
        group="Sampling",
        default=50,
        minimum=0,
        maximum=1000,
        step=1,
    ),
    Parameter(
        name="top_p",
        kind="number",
        label="Top p",
        help_text="Draw only from the likeliest tokens that together have this "
        "probability; 1 draws from all.",
        group="Sampling",
        default=1.0,
        minimum=0,
        maximum=1,
        excludes_minimum=True,
        step=0.01,
    ),
    Parameter(
        name="repetition_penalty",
        kind="number",
        label="Repetition penalty",
        help_text="Above 1, tokens that the text already has become less likely.",
        group="Sampling",
        default=1.0,
        minimum=0,
        maximum=10,
        excludes_minimum=True,
        step=0.05,
    ),
    Parameter(
        name="seed",
        kind="integer",
        label="Seed",
        help_text="The same seed with the same call gives the same completion. "
        "Left out, one is drawn and reported.",
        group="Sampling",
        minimum=0,
        maximum=2**63 - 1,
        step=1,
    ),
    Parameter(
        name="stop",
        kind="strings",
        label="Stop sequences",
        help_text="The completion ends before the first of these texts.",
        group="Stopping",
        default=(),
        max_items=8,
    ),
)
PARAMETERS_BY_NAME = {parameter.name: parameter for parameter in PARAMETERS}
