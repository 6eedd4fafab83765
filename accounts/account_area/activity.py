"""The audit log as its owner reads it, with its filters in the address."""

from __future__ import annotations

from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts import audit
from accounts.account_area.forms import ActivityForm
from accounts.http import AuthenticatedHttpRequest

PER_PAGE = 50


@require_safe
def activity(request: AuthenticatedHttpRequest) -> HttpResponse:
    form = ActivityForm(request.GET)
    events = request.user.audit_events.all()
    chosen = form.cleaned_data if form.is_valid() else {}
    if category := chosen.get("category"):
        events = events.filter(kind__in=audit.kinds_in(audit.Category(category)))
    if since := chosen.get("since"):
        events = events.filter(created_at__date__gte=since)
    if until := chosen.get("until"):
        events = events.filter(created_at__date__lte=until)
    filters = {name: value for name, value in chosen.items() if value}
    context = {
        "form": form,
        "page": Paginator(events, PER_PAGE).get_page(request.GET.get("page")),
        "filters": urlencode(filters),
        "is_filtered": bool(filters),
    }
    return render(request, "accounts/area/activity.html", context)
