from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("accounts/", include("allauth.account.urls")),
    path("accounts/2fa/", include("allauth.mfa.urls")),
    path("account/", include("accounts.account_area.urls")),
    path("", include("accounts.urls")),
    path("api/", include("accounts.api.urls")),
    path("", include("models_app.urls")),
    path("", include("playground.urls")),
]

handler400 = "neuro_site.error_handler.bad_request"
handler403 = "neuro_site.error_handler.permission_denied"
handler404 = "neuro_site.error_handler.page_not_found"
handler429 = "accounts.throttled.too_many_attempts"
handler500 = "neuro_site.error_handler.server_error"
