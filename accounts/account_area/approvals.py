"""Where staff accept or refuse registrations and requests for a higher tier."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from accounts import approvals, registration, tier_requests
from accounts.account_area.forms import DecisionForm
from accounts.billing import get_billing
from accounts.http import AuthenticatedHttpRequest
from accounts.models import TierRequest, User

View = Callable[..., HttpResponse]


def _for(permission: str) -> Callable[[View], View]:
    """Opens a view to staff who have the permission; others get 403."""

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(
            request: AuthenticatedHttpRequest, *args: object, **kwargs: object
        ) -> HttpResponse:
            if not approvals.may_decide(request.user, permission):
                raise PermissionDenied
            return view(request, *args, **kwargs)

        return guarded

    return decorate


@require_safe
def overview(request: AuthenticatedHttpRequest) -> HttpResponse:
    if not approvals.decides_anything(request.user):
        raise PermissionDenied
    context = {
        "newcomers": approvals.registrations_for(request.user),
        "tier_requests": approvals.tier_requests_for(request.user),
        "registration": settings.REGISTRATION,
        "tiers_need_approval": get_billing().needs_approval,
        "has_mail_server": settings.MAIL_IS_CONFIGURED,
    }
    return render(request, "accounts/area/approvals.html", context)


@require_POST
@_for(approvals.REGISTRATIONS)
def decide_registration(request: AuthenticatedHttpRequest, pk: int) -> HttpResponse:
    newcomer = get_object_or_404(registration.waiting(), pk=pk)
    if form := _decision(request):
        _settle_registration(request, newcomer, form)
    return redirect("account_approvals")


@require_POST
@_for(approvals.TIER_REQUESTS)
def decide_tier(request: AuthenticatedHttpRequest, pk: int) -> HttpResponse:
    asked = get_object_or_404(TierRequest.objects.select_related("user"), pk=pk)
    if not asked.is_waiting:
        outcome = asked.get_outcome_display().lower()
        messages.info(request, f"That request is {outcome} already.")
    elif form := _decision(request):
        _settle_tier_request(request, asked, form)
    return redirect("account_approvals")


def _decision(request: AuthenticatedHttpRequest) -> DecisionForm | None:
    """None, and a message, for a form that was tampered with: nothing is decided."""
    form = DecisionForm(request.POST)
    if form.is_valid():
        return form
    messages.error(
        request, "Nothing is decided: accept or refuse, with a short reason."
    )
    return None


def _settle_registration(
    request: AuthenticatedHttpRequest, newcomer: User, form: DecisionForm
) -> None:
    if form.accepts:
        registration.approve_account(
            user=newcomer, request=request, reason=form.cleaned_data["reason"]
        )
        messages.success(request, f"{newcomer.email} may sign in now.")
    else:
        registration.refuse_account(user=newcomer, reason=form.cleaned_data["reason"])
        messages.success(request, f"{newcomer.email} is refused; nothing is kept.")


def _settle_tier_request(
    request: AuthenticatedHttpRequest, asked: TierRequest, form: DecisionForm
) -> None:
    settle = (
        tier_requests.accept_request if form.accepts else tier_requests.refuse_request
    )
    settle(asked=asked, staff=request.user, reason=form.cleaned_data["reason"])
    tier, email = asked.get_tier_display(), asked.user.email
    done = (
        f"{email} is on {tier} now."
        if form.accepts
        else f"{email} stays on {asked.user.get_tier_display()}."
    )
    messages.success(request, done)
