from __future__ import annotations

from django.urls import path

from accounts.account_area import activity, approvals, data, profile, sessions, staff

urlpatterns = [
    path("", profile.profile, name="account_profile"),
    path("theme/", profile.theme, name="account_theme"),
    path("sessions/", sessions.sessions, name="account_sessions"),
    path("sessions/end-others/", sessions.end_others, name="account_end_others"),
    path("sessions/<int:pk>/end/", sessions.end, name="account_end_session"),
    path("activity/", activity.activity, name="account_activity"),
    path("data/", data.data, name="account_data"),
    path("data/export/", data.export, name="account_export"),
    path("data/delete/", data.delete, name="account_delete"),
    path("approvals/", approvals.overview, name="account_approvals"),
    path("approvals/<int:pk>/", approvals.decide_registration, name="account_decide"),
    path(
        "approvals/tiers/<int:pk>/", approvals.decide_tier, name="account_decide_tier"
    ),
    path("first-staff/", staff.first, name="account_first_staff"),
]
