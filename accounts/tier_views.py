"""The tiers side by side, and the way from one to another."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts.billing import Outcome, get_billing
from accounts.downgrade import consequences
from accounts.forms import ChangeTierForm
from accounts.http import AuthenticatedHttpRequest
from accounts.tier_cards import TierCard, tier_cards
from accounts.tier_changes import change_tier as change_at_once
from accounts.tier_requests import last_request_of, withdraw_request
from accounts.tiers import Tier


@login_not_required
@require_safe
def tiers(request: HttpRequest) -> HttpResponse:
    user = request.user
    context = {
        "tier_cards": tier_cards(Tier(user.tier) if user.is_authenticated else None),
        "asked": last_request_of(user) if user.is_authenticated else None,
        "verb": get_billing().verb,
        "needs_approval": get_billing().needs_approval,
    }
    return render(request, "accounts/tiers.html", context)


@require_safe
@never_cache
def downgrade(request: AuthenticatedHttpRequest, tier: str) -> HttpResponse:
    """What stops working, before it does."""
    if tier not in Tier.values:
        raise Http404
    card = TierCard(tier=Tier(tier), current=Tier(request.user.tier))
    if not card.is_downgrade:
        return redirect("tiers")
    context = {"card": card, "stops": consequences(request.user, card.tier)}
    return render(request, "accounts/downgrade.html", context)


@require_POST
def change_tier(request: AuthenticatedHttpRequest) -> HttpResponse:
    form = ChangeTierForm(request.POST)
    if form.is_valid():
        _change(request, form.cleaned_data["tier"])
    else:
        messages.error(request, "There is no such tier. Choose one of these.")
    return redirect("tiers")


@require_POST
def withdraw(request: AuthenticatedHttpRequest) -> HttpResponse:
    withdraw_request(user=request.user)
    messages.success(request, "Your request is withdrawn.")
    return redirect("tiers")


def _change(request: AuthenticatedHttpRequest, tier: Tier) -> None:
    user, change = request.user, TierCard(tier=tier, current=Tier(request.user.tier))
    outcome = Outcome.CHANGED
    if change.is_upgrade:
        outcome = get_billing().upgrade(user=user, tier=tier, request=request)
    else:
        withdraw_request(user=user)
        change_at_once(user=user, tier=tier)
    context = {"change": change, "is_waiting": outcome == Outcome.WAITING}
    text = render_to_string("accounts/_tier_changed.txt", context, request)
    messages.success(request, " ".join(text.split()))
