"""What staff do about accounts, and how an installation gets its first."""

from __future__ import annotations

from allauth.core.internal import ratelimit
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)

from accounts import first_staff, registration
from accounts.account_area.forms import FirstStaffForm
from accounts.http import AuthenticatedHttpRequest

ATTEMPTS = {"first_staff": "20/h/ip,10/h/user"}


@require_safe
@permission_required("accounts.change_user", raise_exception=True)
def approvals(request: AuthenticatedHttpRequest) -> HttpResponse:
    context = {
        "waiting": registration.waiting(),
        "registration": settings.REGISTRATION,
        "has_mail_server": settings.MAIL_IS_CONFIGURED,
    }
    return render(request, "accounts/area/approvals.html", context)


@require_POST
@permission_required("accounts.change_user", raise_exception=True)
def decide(request: AuthenticatedHttpRequest, pk: int) -> HttpResponse:
    newcomer = get_object_or_404(registration.waiting(), pk=pk)
    if request.POST.get("decision") == "accept":
        registration.approve_account(user=newcomer, request=request)
        messages.success(request, f"{newcomer.email} may sign in now.")
    else:
        registration.refuse_account(user=newcomer)
        messages.success(request, f"{newcomer.email} is refused; nothing is kept.")
    return redirect("account_approvals")


@require_http_methods(["GET", "HEAD", "POST"])
def first(request: AuthenticatedHttpRequest) -> HttpResponse:
    if not first_staff.is_offered():
        raise Http404
    form = FirstStaffForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        limit = {"app": "accounts", "action": "first_staff", "config": ATTEMPTS}
        if refusal := ratelimit.consume_or_429(request, **limit):
            return refusal  # type: ignore[no-any-return]
        if first_staff.claim(user=request.user, written=form.cleaned_data["code"]):
            messages.success(request, "You have staff rights now.")
            return redirect("admin:index")
        form.add_error("code", "That is not the code. Copy it from the server's log.")
    context = {"form": form, "file": settings.FIRST_STAFF_CODE_FILE.name}
    return render(request, "accounts/area/first_staff.html", context)
