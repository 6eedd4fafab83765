"""Who may use Neuro, and with which API tokens."""

from __future__ import annotations

from functools import cached_property
from typing import Any, ClassVar

from allauth.account.models import EmailAddress
from django.contrib.auth.base_user import BaseUserManager
from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils import timezone

from accounts.identifiers import new_public_id
from accounts.metering import ApiTokenDay, Reservation, UsageDay
from accounts.standing import Standing
from accounts.tier_overrides import TierOverride, limits_of, with_limits
from accounts.tiers import Tier, TierLimits, validate_limits

__all__ = [
    "ApiToken",
    "ApiTokenDay",
    "AuditEvent",
    "Project",
    "Reservation",
    "Scope",
    "Theme",
    "TierOverride",
    "TierRequest",
    "UsageDay",
    "User",
]


class UserManager(BaseUserManager["User"]):
    """Accounts are known by e-mail address; there are no user names."""

    def create_user(
        self, email: str, password: str | None = None, **fields: Any
    ) -> User:
        user = self.model(email=self.normalize_email(email), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(
        self, email: str, password: str | None = None, **fields: Any
    ) -> User:
        """Whoever may run a command on the server may vouch for the address."""
        user = self.create_user(
            email, password, is_staff=True, is_superuser=True, **fields
        )
        EmailAddress.objects.create(
            user=user, email=user.email, verified=True, primary=True
        )
        return user

    @classmethod
    def normalize_email(cls, email: str | None) -> str:
        """Forms and the admin come through here too, by `AbstractUser.clean`."""
        return super().normalize_email(email).lower()

    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(email__iexact=username)


class Theme(models.TextChoices):
    AUTO = "auto", "As the system"
    LIGHT = "light", "Light"
    DARK = "dark", "Dark"


class User(AbstractUser):
    username = None  # type: ignore[assignment]
    first_name = None  # type: ignore[assignment]
    last_name = None  # type: ignore[assignment]
    email = models.EmailField("e-mail address", unique=True)
    tier = models.CharField(choices=Tier, default=Tier.FREE, max_length=20)
    time_zone = models.CharField(max_length=64, default="UTC")
    theme = models.CharField(choices=Theme, default=Theme.AUTO, max_length=5)
    awaits_approval = models.BooleanField(
        default=False, help_text="Registered, and may not sign in until staff accept."
    )
    # Limits by name that staff gave this account instead of its tier's.
    staff_limits = models.JSONField(
        default=dict,
        blank=True,
        validators=[validate_limits],
        help_text='Instead of the tier\'s, such as {"requests_per_minute": 60}.',
    )

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    objects: ClassVar[UserManager] = UserManager()  # type: ignore[assignment]

    def get_full_name(self) -> str:
        return self.email

    def get_short_name(self) -> str:
        return self.email

    @property
    def limits(self) -> TierLimits:
        return with_limits(limits_of(self.tier), self.staff_limits)

    @property
    def default_project(self) -> Project:
        return self.projects.get_or_create(name=Project.DEFAULT_NAME)[0]


class AuditEvent(models.Model):
    """What happened to one account; `accounts.audit` writes it, its owner reads it.

    A failed sign-in for an address that nobody has is kept without a user, so that the
    answer takes as long as for one that somebody has.
    """

    class Actor(models.TextChoices):
        OWNER = "owner", "You"
        STAFF = "staff", "Staff"
        SERVER = "server", "This server"

    user = models.ForeignKey(
        User, null=True, on_delete=models.CASCADE, related_name="audit_events"
    )
    kind = models.CharField(max_length=50)
    actor = models.CharField(choices=Actor, max_length=10)
    address = models.GenericIPAddressField(null=True)
    browser = models.CharField(max_length=200, blank=True)
    details = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["-created_at", "-id"]
        indexes = [
            models.Index(fields=["user", "-created_at"], name="audit_of_user"),
        ]

    def __str__(self) -> str:
        return f"{self.kind}, {self.user}"


REASON_LENGTH = 500


class TierRequestQuerySet(models.QuerySet["TierRequest"]):
    def waiting(self) -> TierRequestQuerySet:
        return self.filter(outcome=TierRequest.Outcome.WAITING)


class TierRequest(models.Model):
    """An account asks for a higher tier, and staff decide."""

    class Outcome(models.TextChoices):
        WAITING = "waiting", "Waiting"
        ACCEPTED = "accepted", "Accepted"
        REFUSED = "refused", "Refused"
        WITHDRAWN = "withdrawn", "Withdrawn"

    user = models.ForeignKey(
        User, on_delete=models.CASCADE, related_name="tier_requests"
    )
    tier = models.CharField(choices=Tier, max_length=20)
    outcome = models.CharField(choices=Outcome, default=Outcome.WAITING, max_length=20)
    created_at = models.DateTimeField(auto_now_add=True)
    decided_at = models.DateTimeField(null=True)
    decided_by = models.ForeignKey(
        User, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    # What staff wrote to the owner, if anything.
    reason = models.CharField(max_length=REASON_LENGTH, blank=True)

    objects = TierRequestQuerySet.as_manager()

    class Meta:
        ordering: ClassVar[list[str]] = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["user"],
                condition=models.Q(outcome="waiting"),
                name="one_waiting_tier_request_per_user",
            )
        ]

    def __str__(self) -> str:
        return f"{self.user} asks for {self.get_tier_display()}"

    @property
    def is_waiting(self) -> bool:
        return self.outcome == self.Outcome.WAITING

    @property
    def is_refused(self) -> bool:
        return self.outcome == self.Outcome.REFUSED


class ProjectQuerySet(models.QuerySet["Project"]):
    def active(self) -> ProjectQuerySet:
        return self.filter(archived_at=None)


class Project(models.Model):
    """Where API tokens, usage and predictions belong. Everybody has "Default"."""

    DEFAULT_NAME = "Default"

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="projects")
    public_id = models.CharField(
        max_length=24, unique=True, editable=False, default=new_public_id
    )
    name = models.CharField(max_length=100)
    created_at = models.DateTimeField(auto_now_add=True)
    archived_at = models.DateTimeField(null=True, editable=False)
    # For how long texts of calls are kept; without it none are.
    text_retention_days = models.PositiveSmallIntegerField(null=True, editable=False)

    objects = ProjectQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "name"], name="unique_project_name_per_user"
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_default(self) -> bool:
        return self.name == self.DEFAULT_NAME

    @property
    def is_archived(self) -> bool:
        return self.archived_at is not None

    @property
    def keeps_texts(self) -> bool:
        return self.text_retention_days is not None


class Scope(models.TextChoices):
    """What an API token may do."""

    PREDICT = "predict", "Run models"
    READ_USAGE = "read:usage", "Read usage"
    MANAGE_TOKENS = "manage:tokens", "Manage API tokens"
    MANAGE_WEBHOOKS = "manage:webhooks", "Manage webhooks"


def _predict_only() -> list[str]:
    return [Scope.PREDICT]


class ApiTokenQuerySet(models.QuerySet["ApiToken"]):
    def active(self) -> ApiTokenQuerySet:
        """Neither revoked nor expired nor in an archived project."""
        not_expired = models.Q(expires_at=None) | models.Q(
            expires_at__gt=timezone.now()
        )
        return self.filter(not_expired, revoked_at=None, project__archived_at=None)


class ApiToken(models.Model):
    """A credential. Its plaintext is shown once and never stored.

    Rotation gives it a new plaintext and leaves everything else; the previous one, if
    any, works until `previous_expires_at`.
    """

    project = models.ForeignKey(
        Project, on_delete=models.CASCADE, related_name="api_tokens"
    )
    public_id = models.CharField(
        max_length=24, unique=True, editable=False, default=new_public_id
    )
    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=20, unique=True, editable=False)
    digest = models.CharField(max_length=64, editable=False)
    # NULL and not empty where there is none: the index is unique.
    previous_prefix = models.CharField(  # noqa: DJ001
        max_length=20, unique=True, null=True, editable=False
    )
    previous_digest = models.CharField(max_length=64, blank=True, editable=False)
    previous_expires_at = models.DateTimeField(null=True, editable=False)
    scopes = models.JSONField(default=_predict_only)
    # Slugs of language models; an empty list allows every one that the tier includes.
    allowed_models = models.JSONField(default=list, blank=True)
    # Limits by name, each lower than the account's.
    own_limits = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    rotated_at = models.DateTimeField(null=True, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, editable=False)
    last_used_from = models.GenericIPAddressField(null=True, editable=False)
    revoked_at = models.DateTimeField(null=True, editable=False)

    objects = ApiTokenQuerySet.as_manager()

    class Meta:
        verbose_name = "API token"
        ordering: ClassVar[list[str]] = ["-created_at", "-id"]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    @property
    def user(self) -> User:
        return self.project.user

    @cached_property
    def standing(self) -> Standing:
        """How the call that it signs stands against the limits."""
        return Standing()

    @property
    def is_revoked(self) -> bool:
        return self.revoked_at is not None

    @property
    def is_expired(self) -> bool:
        return self.expires_at is not None and self.expires_at <= timezone.now()

    @property
    def is_rotating(self) -> bool:
        """Whether the plaintext before the last rotation still works."""
        ends_at = self.previous_expires_at
        return ends_at is not None and ends_at > timezone.now()

    def has_scope(self, scope: Scope) -> bool:
        return scope in self.scopes

    def allows_model(self, slug: str) -> bool:
        return not self.allowed_models or slug in self.allowed_models

    @property
    def state(self) -> str:
        if self.is_revoked:
            return "revoked"
        return "expired" if self.is_expired else "active"

    @property
    def scope_labels(self) -> list[str]:
        return [Scope(scope).label for scope in self.scopes]
