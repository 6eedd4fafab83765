"""Messages that nobody waits for: sent one after another by a thread of their own."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from django.conf import settings
from django.core.mail import EmailMessage
from django.template.loader import render_to_string

logger = logging.getLogger(__name__)

_sender = ThreadPoolExecutor(max_workers=1, thread_name_prefix="mail")


def send_soon(name: str, *, to: Sequence[str], context: Mapping[str, object]) -> None:
    """Send `templates/accounts/mail/<name>.txt`, whose first line is the subject.

    Each address gets a message of its own. What cannot be sent is logged.
    """
    if not to:
        return
    text = render_to_string(f"accounts/mail/{name}.txt", dict(context))
    subject, _, body = text.strip().partition("\n")
    for address in to:
        message = EmailMessage(
            f"{settings.ACCOUNT_EMAIL_SUBJECT_PREFIX}{subject}",
            body.strip(),
            to=[address],
        )
        hand_over(message)


def hand_over(message: EmailMessage) -> None:
    """Send a message that is written already, once those before it are gone."""
    _sender.submit(_send, message)


def wait_until_sent() -> None:
    """For tests: returns once everything handed over so far is sent."""
    _sender.submit(lambda: None).result()


def _send(message: EmailMessage) -> None:
    try:
        message.send()
    except Exception:
        logger.exception("the message “%s” could not be sent", message.subject)
