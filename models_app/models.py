"""What the site hosts, and the ledger of what it did."""

from __future__ import annotations

from django.contrib.auth.models import AnonymousUser
from django.core.validators import RegexValidator
from django.db import models
from django.urls import reverse

from accounts.identifiers import new_public_id
from accounts.models import ApiToken, Project, User
from accounts.prepared import TEXT, Given, PreparedRows
from accounts.storable import is_storable
from accounts.tiers import Tier
from models_app.errors import ModelNotFound
from models_app.nearest import nearest

# As on the hub, a slug may have a dot: gpt-neo-1.3b.
SLUG_PATTERN = r"^[a-z0-9][a-z0-9.-]*$"


class LanguageModelQuerySet(models.QuerySet["LanguageModel"]):
    def enabled(self) -> LanguageModelQuerySet:
        return self.filter(is_enabled=True)

    def open_to(self, user: User | AnonymousUser) -> LanguageModelQuerySet:
        """What the user may run. A visitor may look at everything and run nothing."""
        if not user.is_authenticated:
            return self.none()
        mine = Tier(user.tier)
        tiers = [tier for tier in Tier if mine.includes(tier)]
        return self.enabled().filter(minimum_tier__in=tiers)

    def resolve(self, ref: str) -> LanguageModel:
        """The language model of that id, slug or hub id, whatever the case.

        Raises `ModelNotFound`, whose hint names the nearest one.
        """
        wanted = ref.strip()
        if not is_storable(wanted):
            raise self._not_found(ascii(wanted))
        if exact := _with_reference.fetch(reference=wanted):
            return exact[0]
        found = self.enabled().filter(
            models.Q(public_id__iexact=wanted)
            | models.Q(slug__iexact=wanted)
            | (models.Q(hub_repo__iexact=wanted) & ~models.Q(hub_repo=""))
        )
        language_model = found.first()
        if language_model is None:
            raise self._not_found(wanted)
        return language_model

    def _not_found(self, wanted: str) -> ModelNotFound:
        slugs = list(self.enabled().values_list("slug", flat=True))
        near = nearest(wanted.split("/")[-1], slugs)
        hint = f'Did you mean "{near}"? ' if near else ""
        error = ModelNotFound(
            f'There is no model "{wanted[:100]}" here.',
            hint=f"{hint}The catalogue lists every model with its id.",
            param="model",
        )
        error.nearest = near
        return error


class LanguageModel(models.Model):
    """One entry of the catalogue.

    `sync_catalogue` fills it from the entry's card. `minimum_tier` and `is_enabled`
    come from the card once; from then on they are the operator's, set in the admin.
    """

    public_id = models.CharField(max_length=24, unique=True, default=new_public_id)
    slug = models.CharField(
        max_length=100, unique=True, validators=[RegexValidator(SLUG_PATTERN)]
    )
    name = models.CharField(max_length=100)
    summary = models.CharField(max_length=300)
    task = models.CharField(max_length=50)
    tags = models.JSONField(default=list, blank=True)
    license = models.CharField(max_length=50)
    hub_repo = models.CharField(max_length=200, blank=True)
    num_parameters = models.PositiveBigIntegerField()
    context_length = models.PositiveIntegerField()
    minimum_tier = models.CharField(choices=Tier, default=Tier.DEVELOPER, max_length=20)
    position = models.PositiveSmallIntegerField(default=100)
    is_enabled = models.BooleanField(default=True)

    objects = LanguageModelQuerySet.as_manager()

    class Meta:
        ordering = ["position", "name"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("model_detail", args=[self.slug])

    def is_open_to(self, user: User | AnonymousUser) -> bool:
        """Whether the user's tier includes this language model."""
        return user.is_authenticated and Tier(user.tier).includes(
            Tier(self.minimum_tier)
        )


# What most calls write; every other spelling takes a search.
_with_reference = PreparedRows(
    lambda: LanguageModel.objects.enabled().filter(
        models.Q(slug=Given("reference", TEXT))
        | models.Q(public_id=Given("reference", TEXT))
    )
)


class PredictionStatus(models.TextChoices):
    RUNNING = "running", "Running"
    SUCCEEDED = "succeeded", "Succeeded"
    ABORTED = "aborted", "Aborted"
    FAILED = "failed", "Failed"


class PredictionSource(models.TextChoices):
    """The door a prediction came through."""

    API = "api", "API"
    NPU = "npu", "npu"
    OPENAI = "openai", "OpenAI"
    HUGGING_FACE = "hugging_face", "Hugging Face"
    PLAYGROUND = "playground", "Playground"
    BATCH = "batch", "Batch"


class PredictionRecord(models.Model):
    """One metered call: who, which model, how much, how long. Its texts, if kept, are
    `PredictionTexts`.

    Token counts and times are of all its prompts together. `finish_reason` is the one
    they share, or empty.
    """

    public_id = models.CharField(
        max_length=24, unique=True, editable=False, default=new_public_id
    )
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="predictions")
    project = models.ForeignKey(
        Project, on_delete=models.CASCADE, related_name="predictions"
    )
    api_token = models.ForeignKey(
        ApiToken, null=True, on_delete=models.SET_NULL, related_name="predictions"
    )
    language_model = models.ForeignKey(
        LanguageModel, on_delete=models.PROTECT, related_name="predictions"
    )
    source = models.CharField(choices=PredictionSource, max_length=20)
    status = models.CharField(
        choices=PredictionStatus, default=PredictionStatus.RUNNING, max_length=20
    )
    prompts = models.PositiveSmallIntegerField()
    prompt_tokens = models.PositiveIntegerField()
    completion_tokens = models.PositiveIntegerField(default=0)
    charged_tokens = models.PositiveIntegerField(default=0)
    finish_reason = models.CharField(max_length=20, blank=True)
    seed = models.PositiveBigIntegerField()
    parameters = models.JSONField(default=dict)
    queue_ms = models.FloatField(null=True)
    ttft_ms = models.FloatField(null=True)
    duration_ms = models.FloatField(null=True)
    error_code = models.CharField(max_length=50, blank=True)
    # What a process that dies leaves behind; None where a queue begins it again. No
    # foreign key: the ends of reservations would have to look here.
    reservation_id = models.BigIntegerField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(
                fields=["created_at"],
                condition=models.Q(status="running"),
                name="ledger_running",
            ),
            models.Index(fields=["user", "-created_at"], name="ledger_of_user"),
            models.Index(fields=["project", "-created_at"], name="ledger_of_project"),
        ]

    def __str__(self) -> str:
        return f"{self.public_id} ({self.status})"

    def request_id(self, generation: int) -> str:
        """By which the backend knows one of its generations."""
        return f"{self.public_id}-{generation}"

    @property
    def request_ids(self) -> list[str]:
        """Of all it may have: one for each sequence of each prompt."""
        each = self.parameters.get("num_return_sequences", 1)
        return [
            self.request_id(generation) for generation in range(self.prompts * each)
        ]


class Refusal(models.Model):
    """The calls of one minute that one limit refused alike; `models_app.refusals` says
    how few there are."""

    public_id = models.CharField(
        max_length=24, unique=True, editable=False, default=new_public_id
    )
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="refusals")
    # When it begins.
    minute = models.DateTimeField()
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    language_model = models.ForeignKey(
        LanguageModel, on_delete=models.PROTECT, related_name="+"
    )
    # As in the hours of usage.
    api_token = models.CharField(max_length=24, blank=True)
    source = models.CharField(choices=PredictionSource, max_length=20)
    limit = models.CharField(max_length=30)
    set_by = models.CharField(max_length=10)
    error_code = models.CharField(max_length=50)
    calls = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["-minute", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=[
                    "user",
                    "minute",
                    "project",
                    "language_model",
                    "api_token",
                    "source",
                    "limit",
                    "set_by",
                    "error_code",
                ],
                name="unique_refusal",
            )
        ]

    def __str__(self) -> str:
        return f"{self.limit}, {self.user}, {self.minute}"


class PredictionTexts(models.Model):
    """Prompts and completions of one prediction, where its project keeps them."""

    record = models.OneToOneField(
        PredictionRecord,
        primary_key=True,
        on_delete=models.CASCADE,
        related_name="texts",
    )
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    # When the prediction began.
    created_at = models.DateTimeField()
    # JSON in a text: a prompt may hold a NUL, which PostgreSQL's JSON does not.
    content = models.TextField()
    is_cut = models.BooleanField()

    class Meta:
        indexes = [
            models.Index(fields=["project", "created_at"], name="texts_of_project")
        ]

    def __str__(self) -> str:
        return f"texts of {self.record_id}"


class UsageHour(models.Model):
    """What one way of calling used in one hour: the ledger's sums, for charts.

    Hours rather than days, so that days begin at midnight wherever the owner is.
    """

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="usage_hours")
    # When it begins.
    hour = models.DateTimeField()
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    language_model = models.ForeignKey(
        LanguageModel, on_delete=models.PROTECT, related_name="+"
    )
    # The API token's public id, or empty. A reference would end with the API token,
    # and an index takes two rows without one for different.
    api_token = models.CharField(max_length=24, blank=True)
    source = models.CharField(choices=PredictionSource, max_length=20)
    requests = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    # Not among the requests: calls that a limit refused.
    refused = models.PositiveIntegerField(default=0)
    prompt_tokens = models.PositiveBigIntegerField(default=0)
    completion_tokens = models.PositiveBigIntegerField(default=0)
    charged_tokens = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = [
            # Begins as every question does: whose, and when.
            models.UniqueConstraint(
                fields=[
                    "user",
                    "hour",
                    "project",
                    "language_model",
                    "api_token",
                    "source",
                ],
                name="unique_usage_hour",
            )
        ]

    def __str__(self) -> str:
        return f"{self.user}, {self.hour}"


# More models of this app, which refer to those above.
import models_app.asynchronous.models  # noqa: E402
import models_app.batches.models  # noqa: E402
import models_app.idempotency.models  # noqa: E402
import models_app.npu.models  # noqa: E402
import models_app.webhooks.models  # noqa: E402, F401
