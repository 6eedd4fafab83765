from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from unittest import skipUnless

from django.db import connection, transaction
from django.test import TransactionTestCase

from accounts.models import User
from neuro_site.sqlite import base

PATIENCE = 30


def write(email: str) -> None:
    try:
        with transaction.atomic():
            User.objects.create_user(email)
    finally:
        connection.close()


@skipUnless(connection.vendor == "sqlite", "another database has a queue of its own")
class SqliteTests(TransactionTestCase):
    def test_it_lets_a_writer_wait_until_the_one_before_is_done(self) -> None:
        with ThreadPoolExecutor(1) as pool:
            with transaction.atomic():
                User.objects.create_user("first@example.org")
                second = pool.submit(write, "second@example.org")
                self.assertFalse(second.done())
            second.result(PATIENCE)
        emails = User.objects.order_by("pk").values_list("email", flat=True)
        self.assertEqual(list(emails), ["first@example.org", "second@example.org"])

    def test_it_passes_the_turn_on_when_a_transaction_is_undone(self) -> None:
        with self.assertRaises(ZeroDivisionError), transaction.atomic():
            raise ZeroDivisionError
        self.assertFalse(base.turn.locked())

    def test_it_passes_the_turn_on_when_the_connection_is_closed(self) -> None:
        with transaction.atomic():
            self.assertTrue(base.turn.locked())
            connection.close()
            self.assertFalse(base.turn.locked())

    def test_it_passes_the_turn_on_when_a_transaction_cannot_begin(self) -> None:
        connection.ensure_connection()
        connection.connection.close()
        with self.assertRaises(Exception), transaction.atomic():  # noqa: B017
            self.fail("a closed connection began a transaction")
        self.assertFalse(base.turn.locked())
        connection.close()

    def test_it_serves_many_writers(self) -> None:
        barrier = threading.Barrier(8)

        def write_together(number: int) -> None:
            barrier.wait(PATIENCE)
            for turn in range(5):
                write(f"{number}-{turn}@example.org")

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(write_together, range(8)))
        self.assertEqual(User.objects.count(), 40)
