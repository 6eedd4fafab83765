"""How an installation gets its first staff."""

from __future__ import annotations

from allauth.core.internal import ratelimit
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from accounts import first_staff
from accounts.account_area.forms import FirstStaffForm
from accounts.http import AuthenticatedHttpRequest
from accounts.throttled import FIRST_STAFF


@require_http_methods(["GET", "HEAD", "POST"])
def first(request: AuthenticatedHttpRequest) -> HttpResponse:
    if not first_staff.is_offered():
        raise Http404
    form = FirstStaffForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        limit = {"app": "accounts", "action": "first_staff", "config": FIRST_STAFF}
        if refusal := ratelimit.consume_or_429(request, **limit):
            return refusal  # type: ignore[no-any-return]
        if first_staff.claim(user=request.user, written=form.cleaned_data["code"]):
            messages.success(request, "You have staff rights now.")
            return redirect("admin:index")
        form.add_error("code", "That is not the code. Copy it from the server's log.")
    context = {"form": form, "file": settings.FIRST_STAFF_CODE_FILE.name}
    return render(request, "accounts/area/first_staff.html", context)
