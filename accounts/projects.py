"""Everything that makes and changes projects."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts import audit
from accounts.closing import project_archived
from accounts.models import Project, User
from accounts.storable import is_storable, validate_name

MAX_PROJECTS = 100
LONGEST_NAME = 100


@transaction.atomic
def create_project(*, user: User, name: str) -> Project:
    """Raises `ValidationError` for a bad name, a taken one, and one project too many."""
    name = _checked(name)
    if user.projects.count() >= MAX_PROJECTS:
        raise ValidationError(f"An account has at most {MAX_PROJECTS} projects.")
    if user.projects.filter(name__iexact=name).exists():
        raise _taken(name)
    try:
        with transaction.atomic():
            project = Project.objects.create(user=user, name=name)
    except IntegrityError:
        raise _taken(name) from None
    audit.record(user=user, kind="project.created", name=name)
    return project


def select_project(*, user: User, name: str) -> Project:
    """The account's project of that name, made where there is none.

    Raises `ValidationError` as `create_project` does, and for an archived project.
    """
    project = _find(user, name)
    if project is None:
        try:
            project = create_project(user=user, name=name)
        except ValidationError:
            # Another call may have made it in between.
            project = _find(user, name)
            if project is None:
                raise
    if project.is_archived:
        raise ValidationError(f"Your project “{project.name}” is archived.")
    return project


@transaction.atomic
def rename_project(*, project: Project, name: str) -> None:
    """Raises `ValidationError` for a bad name, a taken one, and for "Default"."""
    _require_changeable(project)
    name, before = _checked(name), project.name
    others = project.user.projects.exclude(pk=project.pk)
    if others.filter(name__iexact=name).exists():
        raise _taken(name)
    if name == before:
        return
    project.name = name
    try:
        with transaction.atomic():
            project.save(update_fields=["name"])
    except IntegrityError:
        raise _taken(name) from None
    audit.record(user=project.user, kind="project.renamed", before=before, after=name)


@transaction.atomic
def archive_project(*, project: Project) -> None:
    """Its API tokens stop working; what it did stays. Raises for "Default"."""
    _require_changeable(project)
    active = Project.objects.active().filter(pk=project.pk)
    if active.update(archived_at=timezone.now()):
        audit.record(user=project.user, kind="project.archived", name=project.name)
        project_archived.send(sender=Project, project=project)


@transaction.atomic
def restore_project(*, project: Project) -> None:
    """Its API tokens work again, but for those that were revoked or have expired."""
    archived = Project.objects.exclude(archived_at=None).filter(pk=project.pk)
    if archived.update(archived_at=None):
        audit.record(user=project.user, kind="project.restored", name=project.name)


def _find(user: User, name: str) -> Project | None:
    """Upper and lower case tell no two projects apart."""
    return user.projects.filter(name__iexact=_storable(name.strip())).first()


def _checked(name: str) -> str:
    name = _storable(name.strip())
    if not 1 <= len(name) <= LONGEST_NAME:
        raise ValidationError(
            f"The name of a project has between 1 and {LONGEST_NAME} characters."
        )
    return name


def _storable(name: str) -> str:
    if not is_storable(name):
        raise ValidationError("The name of a project holds what is no text.")
    validate_name(name)
    return name


def _require_changeable(project: Project) -> None:
    if project.is_default:
        raise ValidationError(
            f"“{Project.DEFAULT_NAME}” is every account's own: "
            "it can be neither renamed nor archived."
        )


def _taken(name: str) -> ValidationError:
    return ValidationError(f"You have a project “{name}” already.")
