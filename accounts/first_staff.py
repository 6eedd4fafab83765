"""Staff rights for the first account of a new installation.

Whoever registers first on a public address need not be who runs the server, and behind
a proxy every address looks like this machine's own. So the proof is a code that only
the server's log and its data folder show. It works once, and only while no account has
staff rights.
"""

from __future__ import annotations

import hmac
import secrets
from pathlib import Path

from django.conf import settings

from accounts import audit
from accounts.models import User
from accounts.private_files import put_private

_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"
_GROUPS, _GROUP_LENGTH = 4, 4


def is_offered() -> bool:
    return not User.objects.filter(is_staff=True, is_active=True).exists()


def code() -> str:
    """The one that is asked for now, made up if there is none; only its owner reads it."""
    path: Path = settings.FIRST_STAFF_CODE_FILE
    if not path.exists():
        put_private(_new_code(), path)
    return path.read_text()


def claim(*, user: User, written: str) -> bool:
    """Give `user` every right if `written` is the code; else nothing happens."""
    wanted = _bare(code())
    if not is_offered() or not hmac.compare_digest(_bare(written), wanted):
        return False
    settings.FIRST_STAFF_CODE_FILE.unlink(missing_ok=True)
    user.is_staff = user.is_superuser = True
    user.awaits_approval = False
    user.save(update_fields=["is_staff", "is_superuser", "awaits_approval"])
    audit.record(user=user, kind="account.made_staff")
    return True


def _new_code() -> str:
    groups = (
        "".join(secrets.choice(_ALPHABET) for _ in range(_GROUP_LENGTH))
        for _ in range(_GROUPS)
    )
    return "-".join(groups)


def _bare(written: str) -> bytes:
    """However it was copied: capitals, spaces and hyphens do not matter."""
    return "".join(written.lower().split()).replace("-", "").encode()
