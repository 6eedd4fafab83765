from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from unittest import TestCase
from unittest.mock import patch

from limits import RateLimitItemPerMinute

from accounts.moving_windows import SWEEP_EVERY, MemoryWindows

TWO = RateLimitItemPerMinute(2)


class MemoryWindowsTests(TestCase):
    def setUp(self) -> None:
        self.now = 1000.0
        self.windows = MemoryWindows()
        self.enterContext(patch("time.time", lambda: self.now))

    def test_it_lets_through_what_is_allowed_and_no_more(self) -> None:
        self.assertTrue(self.windows.hit(TWO, "alice"))
        self.assertTrue(self.windows.hit(TWO, "alice"))
        self.assertFalse(self.windows.test(TWO, "alice"))
        self.assertFalse(self.windows.hit(TWO, "alice"))

        self.assertTrue(self.windows.hit(TWO, "bob"))

    def test_it_moves_with_the_clock(self) -> None:
        self.windows.hit(TWO, "alice")
        self.now += 30
        self.windows.hit(TWO, "alice")
        self.assertEqual(self.windows.get_window_stats(TWO, "alice"), (1060.0, 0))

        self.now += 30

        self.assertEqual(self.windows.get_window_stats(TWO, "alice"), (1090.0, 1))
        self.assertTrue(self.windows.hit(TWO, "alice"))
        self.assertFalse(self.windows.hit(TWO, "alice"))

    def test_it_counts_what_it_refuses_nowhere(self) -> None:
        for _ in range(5):
            self.windows.hit(TWO, "alice")
        self.now += 60

        self.assertEqual(self.windows.get_window_stats(TWO, "alice").remaining, 2)

    def test_it_forgets_keys_that_nobody_asks_for(self) -> None:
        for number in range(100):
            self.windows.hit(TWO, str(number))
        self.now += 61

        for _ in range(SWEEP_EVERY):
            self.windows.test(TWO, "alice")

        self.assertLessEqual(len(self.windows._hits), 1)

    def test_it_holds_when_many_ask_at_once(self) -> None:
        many = RateLimitItemPerMinute(50)
        with ThreadPoolExecutor(8) as threads:
            hits = list(threads.map(lambda _: self.windows.hit(many, "a"), range(400)))

        self.assertEqual(sum(hits), 50)
