from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from allauth.account.decorators import secure_admin_login
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.core.exceptions import PermissionDenied
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest
from django.shortcuts import redirect

from accounts import audit, registration, tier_overrides, tier_requests
from accounts.api_tokens import revoke_api_token
from accounts.closing import close_account
from accounts.limit_fields import PREFIX
from accounts.limit_forms import TierOverrideForm
from accounts.models import (
    ApiToken,
    AuditEvent,
    Project,
    TierOverride,
    TierRequest,
    UsageDay,
    User,
)
from accounts.services import set_up_account, vouch_for_address
from accounts.tier_changes import note_change
from accounts.tiers import LIMIT_KINDS, LIMIT_KINDS_BY_NAME, Tier

admin.site.site_header = "Neuro administration"
admin.site.site_title = "Neuro administration"
admin.site.index_title = "Administration"
# Staff sign in through the same throttled page as everybody else.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]


def _change_password(request: HttpRequest, extra_context: object = None) -> Any:
    """Where everybody does: limited, noted under Activity, and told by mail."""
    return redirect("account_change_password")


admin.site.password_change = _change_password  # type: ignore[method-assign]
# These would show staff what only the owner may know: TOTP secrets, where they sit.
admin.site.unregister(Authenticator)
admin.site.unregister(UserSession)
# Addresses are confirmed and changed with their account.
admin.site.unregister(EmailAddress)


@admin.register(User)
class UserAdmin(DjangoUserAdmin):  # type: ignore[type-arg]
    ordering = ["email"]
    list_display = [
        *("email", "tier", "is_active", "is_confirmed", "awaits_approval"),
        *("is_staff", "date_joined"),
    ]
    list_filter = ["tier", "is_active", "is_staff", "awaits_approval"]
    search_fields = ["email"]
    readonly_fields = ["last_login", "date_joined"]
    fieldsets = [
        (None, {"fields": ["email", "password", "tier", "staff_limits"]}),
        (
            "Permissions",
            {
                "fields": [
                    "is_active",
                    "awaits_approval",
                    "is_staff",
                    "is_superuser",
                    "groups",
                ]
            },
        ),
        ("Dates", {"fields": ["last_login", "date_joined"]}),
    ]
    add_fieldsets = [(None, {"fields": ["email", "tier", "password1", "password2"]})]
    actions = ["accept", "refuse", "confirm"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        confirmed = EmailAddress.objects.filter(user=OuterRef("pk"), verified=True)
        users: QuerySet[User] = super().get_queryset(request)
        return users.annotate(confirmed=Exists(confirmed))

    def save_model(
        self, request: HttpRequest, obj: User, form: Any, change: bool
    ) -> None:
        super().save_model(request, obj, form, change)
        if change and "tier" in form.changed_data:
            note_change(user=obj, before=Tier(form.initial["tier"]))
        if "email" in form.changed_data:
            vouch_for_address(user=obj)
        if not change:
            set_up_account(user=obj)

    @admin.action(description="Accept the selected users", permissions=["change"])
    def accept(self, request: HttpRequest, users: QuerySet[User]) -> None:
        for user in users.filter(awaits_approval=True):
            registration.approve_account(user=user, request=request)

    @admin.action(description="Refuse the selected users", permissions=["delete"])
    def refuse(self, request: HttpRequest, users: QuerySet[User]) -> None:
        for user in users.filter(awaits_approval=True):
            registration.refuse_account(user=user)

    @admin.action(
        description="Confirm the addresses of the selected users",
        permissions=["change"],
    )
    def confirm(self, request: HttpRequest, users: QuerySet[User]) -> None:
        for user in users.exclude(emailaddress__verified=True):
            vouch_for_address(user=user)

    @admin.display(description="address confirmed", boolean=True)
    def is_confirmed(self, user: User) -> bool:
        return bool(user.confirmed)  # type: ignore[attr-defined]

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Of what goes with an account only the kinds: its rows may be a million, and
        some say where its owner signs in."""
        found = [
            f"{user}, with its projects, API tokens, predictions, usage and activity"
            for user in objs
        ]
        return found, {"accounts": len(found)}, set(), []

    def delete_model(self, request: HttpRequest, obj: User) -> None:
        close_account(user=obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        for user in queryset:
            close_account(user=user)


class ReadOnlyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Records that only the services write, and that go with their account."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(
        self, request: HttpRequest, obj: object | None = None
    ) -> bool:
        return False

    def has_delete_permission(
        self, request: HttpRequest, obj: object | None = None
    ) -> bool:
        return False


class HappenedFilter(admin.EmptyFieldListFilter):
    """By a moment that is empty until it comes."""

    def choices(self, changelist: Any) -> Iterator[Any]:
        for choice, said in zip(
            super().choices(changelist), ("All", "Not yet", "Yes"), strict=True
        ):
            yield {**choice, "display": said}


@admin.register(TierOverride)
class TierAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """The limits of the tiers; what is left empty is as the code has it."""

    form = TierOverrideForm
    list_display = ["tier", "changed_limits", "updated_at"]
    ordering = ["pk"]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        names = [f"{PREFIX}{kind.name}" for kind in LIMIT_KINDS]
        description = "Empty: as the placeholder says. In effect within five seconds."
        return [(None, {"fields": names, "description": description})]

    def get_form(self, *args: Any, **kwargs: Any) -> Any:
        # Its fields are made for each tier: Django would look for them in the class.
        return self.form

    def save_model(
        self, request: HttpRequest, obj: TierOverride, form: Any, change: bool
    ) -> None:
        tier_overrides.set_limits(Tier(obj.tier), obj.limits)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(
        self, request: HttpRequest, obj: object | None = None
    ) -> bool:
        return False

    @admin.display(description="Changed")
    def changed_limits(self, override: TierOverride) -> str:
        return ", ".join(
            f"{LIMIT_KINDS_BY_NAME[name].label}: {value:,}"
            for name, value in override.limits.items()
            if name in LIMIT_KINDS_BY_NAME
        )


@admin.register(TierRequest)
class TierRequestAdmin(ReadOnlyAdmin):
    list_display = ["user", "tier", "outcome", "created_at", "decided_by"]
    list_filter = ["outcome", "tier"]
    list_select_related = ["user", "decided_by"]
    search_fields = ["user__email"]
    actions = ["accept", "refuse"]

    @admin.action(description="Accept the selected requests", permissions=["view"])
    def accept(self, request: HttpRequest, asked: QuerySet[TierRequest]) -> None:
        self._decide(request, asked, tier_requests.accept_request)

    @admin.action(description="Refuse the selected requests", permissions=["view"])
    def refuse(self, request: HttpRequest, asked: QuerySet[TierRequest]) -> None:
        self._decide(request, asked, tier_requests.refuse_request)

    def _decide(
        self,
        request: HttpRequest,
        asked: QuerySet[TierRequest],
        decide: Callable[..., None],
    ) -> None:
        if not request.user.has_perm("accounts.change_tierrequest"):
            raise PermissionDenied
        for one in asked.waiting():  # type: ignore[attr-defined]
            decide(asked=one, staff=request.user)


@admin.register(Project)
class ProjectAdmin(ReadOnlyAdmin):
    list_display = ["name", "user", "public_id", "created_at", "archived_at"]
    list_select_related = ["user"]
    list_filter = [("archived_at", HappenedFilter)]
    search_fields = ["name", "user__email", "public_id"]
    fields = [
        *("name", "user", "public_id", "created_at", "archived_at"),
        "text_retention_days",
    ]


@admin.register(ApiToken)
class ApiTokenAdmin(ReadOnlyAdmin):
    list_display = [
        *("name", "prefix", "project", "owner", "last_used_at", "expires_at"),
        "revoked_at",
    ]
    list_select_related = ["project__user"]
    list_filter = [("revoked_at", HappenedFilter)]
    search_fields = ["name", "prefix", "public_id", "project__user__email"]
    # Never its digests.
    fields = [
        *("name", "owner", "project", "public_id", "prefix", "scopes"),
        *("allowed_models", "own_limits", "created_at", "last_used_at"),
        *("expires_at", "revoked_at"),
    ]
    actions = ["revoke"]

    @admin.action(description="Revoke the selected API tokens", permissions=["revoke"])
    def revoke(self, request: HttpRequest, api_tokens: QuerySet[ApiToken]) -> None:
        for api_token in api_tokens:
            revoke_api_token(api_token=api_token)

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("accounts.delete_apitoken")

    @admin.display(ordering="project__user__email")
    def owner(self, api_token: ApiToken) -> str:
        return api_token.user.email


@admin.register(UsageDay)
class UsageDayAdmin(ReadOnlyAdmin):
    list_display = ["day", "user", "tokens_used", "tokens_reserved", "predictions"]
    list_select_related = ["user"]
    search_fields = ["user__email"]
    date_hierarchy = "day"


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnlyAdmin):
    list_display = ["created_at", "user", "what", "who"]
    list_select_related = ["user"]
    list_filter = ["kind"]
    search_fields = ["user__email"]
    fields = ["created_at", "user", "what", "kind", "who", "details"]
    date_hierarchy = "created_at"

    @admin.display(description="what happened")
    def what(self, event: AuditEvent) -> str:
        return audit.sentence_of(event)

    @admin.display(description="by", ordering="actor")
    def who(self, event: AuditEvent) -> str:
        """To its owner, the owner is "You"."""
        is_owner = event.actor == AuditEvent.Actor.OWNER
        return "The owner" if is_owner else event.get_actor_display()
