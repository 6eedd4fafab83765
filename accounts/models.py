"""Who may use Neuro, and with which API tokens."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.base_user import BaseUserManager
from django.contrib.auth.models import AbstractUser
from django.db import models

from accounts.identifiers import new_public_id
from accounts.tiers import Tier, TierLimits, limits_of


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
        return self.create_user(
            email, password, is_staff=True, is_superuser=True, **fields
        )

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

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    objects: ClassVar[UserManager] = UserManager()  # type: ignore[assignment]

    def get_full_name(self) -> str:
        return self.email

    def get_short_name(self) -> str:
        return self.email

    @property
    def limits(self) -> TierLimits:
        return limits_of(self.tier)

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


class Project(models.Model):
    """Where API tokens, usage and predictions belong. Everybody has "Default"."""

    DEFAULT_NAME = "Default"

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="projects")
    public_id = models.CharField(
        max_length=24, unique=True, editable=False, default=new_public_id
    )
    name = models.CharField(max_length=100)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "name"], name="unique_project_name_per_user"
            )
        ]

    def __str__(self) -> str:
        return self.name


class ApiTokenQuerySet(models.QuerySet["ApiToken"]):
    def active(self) -> ApiTokenQuerySet:
        return self.filter(revoked_at=None)


class ApiToken(models.Model):
    """A credential. Its plaintext is shown once and never stored."""

    project = models.ForeignKey(
        Project, on_delete=models.CASCADE, related_name="api_tokens"
    )
    public_id = models.CharField(
        max_length=24, unique=True, editable=False, default=new_public_id
    )
    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=20, unique=True, editable=False)
    digest = models.CharField(max_length=64, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True, editable=False)
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

    @property
    def is_revoked(self) -> bool:
        return self.revoked_at is not None


class UsageDay(models.Model):
    """What one account used, and has reserved, on one day (UTC)."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="usage_days")
    day = models.DateField()
    tokens_used = models.PositiveBigIntegerField(default=0)
    tokens_reserved = models.PositiveBigIntegerField(default=0)
    predictions = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "day"], name="unique_usage_day_per_user"
            )
        ]

    def __str__(self) -> str:
        return f"{self.user}, {self.day}"


class Reservation(models.Model):
    """Tokens set aside for one prediction; the row is gone once it is settled."""

    usage_day = models.ForeignKey(
        UsageDay, on_delete=models.CASCADE, related_name="reservations"
    )
    tokens = models.PositiveBigIntegerField()
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    def __str__(self) -> str:
        return f"{self.tokens} tokens, {self.usage_day}"
