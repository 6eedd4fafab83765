"""How Neuro looks and tells the time to one account."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods, require_POST

from accounts import first_staff
from accounts.account_area.forms import ProfileForm, ThemeForm
from accounts.http import AuthenticatedHttpRequest


@require_http_methods(["GET", "HEAD", "POST"])
def profile(request: AuthenticatedHttpRequest) -> HttpResponse:
    form = ProfileForm(request.POST or None, instance=request.user)
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, "Your profile is saved.")
        return redirect("account_profile")
    # A refused form leaves its values on the user, whom the page shows as well.
    request.user.refresh_from_db(fields=form.changed_data or None)
    context = {
        "form": form,
        "now": timezone.now(),
        "offers_staff": first_staff.is_offered(),
    }
    return render(request, "accounts/area/profile.html", context)


@require_POST
def theme(request: AuthenticatedHttpRequest) -> HttpResponse:
    """The switch at the foot of every page; its script needs no answer."""
    form = ThemeForm(request.POST, instance=request.user)
    if not form.is_valid():
        return HttpResponse(status=400)
    form.save()
    if request.headers.get("Sec-Fetch-Mode") == "navigate":
        return redirect(_where_from(request))
    return HttpResponse(status=204)


def _where_from(request: AuthenticatedHttpRequest) -> str:
    referer = request.headers.get("Referer", "")
    if url_has_allowed_host_and_scheme(referer, {request.get_host()}):
        return referer
    return reverse("account_profile")
