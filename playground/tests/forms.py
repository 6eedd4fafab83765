"""What a browser sends when nothing was changed but this."""

from __future__ import annotations


def filled_form(**changes: object) -> dict[str, object]:
    return {
        "model": "neo-tiny",
        "prompt": "Say ",
        "max_new_tokens": "20",
        "do_sample": "on",
        "temperature": "0.9",
        "top_k": "50",
        "top_p": "1",
        "repetition_penalty": "1",
        "seed": "7",
        "stop": "",
    } | changes
