"""A dry run in the words of the native API."""

from __future__ import annotations

from models_app.dry_run import DryRun, PromptFit, Verdict


def dry_run_json(found: DryRun) -> dict[str, object]:
    return {
        "dry_run": True,
        "model": found.language_model.slug,
        "would_run": found.fits and found.is_allowed,
        "context_length": found.context_length,
        "prompts": [_fit_json(prompt) for prompt in found.prompts],
        "prompt_tokens": found.prompt_tokens,
        "most_charged_tokens": found.most_tokens,
        "limits": [_verdict_json(verdict) for verdict in found.verdicts],
    }


def _fit_json(fit: PromptFit) -> dict[str, object]:
    return {
        "prompt_tokens": fit.prompt_tokens,
        "fits": fit.problem is None,
        "max_new_tokens": fit.max_new_tokens,
        "problem": fit.problem.message if fit.problem else None,
    }


def _verdict_json(verdict: Verdict) -> dict[str, object]:
    count = verdict.count
    return {
        "name": count.limit.name,
        "set_by": count.limit.set_by,
        "allowed": count.limit.allowed,
        "used": count.used,
        "requested": verdict.requested,
        "allows": verdict.allows,
        "resets_at": count.resets_at,
    }
