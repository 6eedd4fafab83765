"""What TGI's `info` route says about a server, for one language model."""

from __future__ import annotations

from django.conf import settings

from accounts.models import User
from models_app.cards import read_card
from models_app.models import LanguageModel
from models_app.parameters import PARAMETERS_BY_NAME


def describe(entry: LanguageModel, user: User) -> dict[str, object]:
    """TGI's names; lengths and counts are what the account may ask for."""
    limits = user.limits
    hub = read_card(entry.slug).facts.hub
    return {
        "model_id": entry.hub_repo or entry.slug,
        "model_sha": hub.revision if hub else None,
        "model_pipeline_tag": entry.task,
        "max_concurrent_requests": limits.concurrent_requests,
        "max_best_of": limits.completions_per_call,
        "max_stop_sequences": PARAMETERS_BY_NAME["stop"].max_items,
        "max_input_tokens": entry.context_length - 1,
        "max_total_tokens": entry.context_length,
        "max_new_tokens": min(limits.max_new_tokens, entry.context_length - 1),
        "max_client_batch_size": 1,
        "max_batch_size": settings.ENGINE_SLOTS,
        "router": "neuro",
        "version": settings.SPECTACULAR_SETTINGS["VERSION"],
    }
