"""Taking one's data along, and going."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from accounts import audit, fresh_sign_in
from accounts.account_area.forms import DeleteAccountForm
from accounts.closing import close_account
from accounts.export import export_of, sections
from accounts.http import AuthenticatedHttpRequest
from accounts.models import User
from accounts.streaming import in_thread


@require_safe
@fresh_sign_in.required
def data(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Asks on arrival: a download that begins on the page that asks would confuse."""
    return _page(request, DeleteAccountForm(user=request.user))


@require_POST
@fresh_sign_in.required
def export(request: AuthenticatedHttpRequest) -> StreamingHttpResponse:
    audit.record(user=request.user, kind="account.exported", request=request)
    name = f"neuro-{timezone.localdate():%Y-%m-%d}.zip"
    return StreamingHttpResponse(
        in_thread(export_of(request.user)),
        content_type="application/zip",
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "Cache-Control": "no-store",
        },
    )


@require_POST
@fresh_sign_in.required
def delete(request: AuthenticatedHttpRequest) -> HttpResponse:
    form = DeleteAccountForm(request.POST, user=request.user)
    if not form.is_valid():
        return _page(request, form)
    user = User.objects.get(pk=request.user.pk)
    logout(request)
    close_account(user=user)
    messages.success(request, "Your account and everything in it are deleted.")
    return redirect("home")


def _page(request: AuthenticatedHttpRequest, form: DeleteAccountForm) -> HttpResponse:
    is_only_staff = (
        request.user.is_staff
        and not User.objects.filter(is_staff=True, is_active=True)
        .exclude(pk=request.user.pk)
        .exists()
    )
    context = {"form": form, "sections": sections(), "is_only_staff": is_only_staff}
    return render(request, "accounts/area/data.html", context)
