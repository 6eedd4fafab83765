from __future__ import annotations

import re

from django.test import SimpleTestCase, override_settings

from accounts import credentials


class CredentialsTestCase(SimpleTestCase):
    def test_it_has_the_published_shape(self) -> None:
        plaintext = credentials.generate()
        self.assertRegex(plaintext, r"\Anro_[0-9A-Za-z]{36}\Z")
        self.assertTrue(credentials.is_well_formed(plaintext))

    def test_it_is_never_the_same_twice(self) -> None:
        self.assertEqual(len({credentials.generate() for _ in range(200)}), 200)

    def test_it_writes_the_checksum_as_crc32_in_base62(self) -> None:
        body = "nro_" + "a" * 30
        checksum = credentials.checksum(body)
        number = 0
        for digit in checksum:
            number = number * 62 + credentials.BASE62.index(digit)
        self.assertEqual(len(checksum), 6)
        self.assertEqual(number, 0x74D1B530)

    def test_it_finds_every_mistyped_character(self) -> None:
        plaintext = credentials.generate()
        for position in range(4, len(plaintext)):
            wrong = "x" if plaintext[position] != "x" else "y"
            typo = plaintext[:position] + wrong + plaintext[position + 1 :]
            self.assertFalse(credentials.is_well_formed(typo), position)

    def test_it_finds_swapped_neighbours(self) -> None:
        plaintext = credentials.generate()
        for i in range(4, len(plaintext) - 1):
            pair = plaintext[i : i + 2]
            swapped = plaintext[:i] + pair[::-1] + plaintext[i + 2 :]
            self.assertEqual(
                credentials.is_well_formed(swapped), swapped == plaintext, i
            )

    def test_it_refuses_what_is_not_a_plaintext_at_all(self) -> None:
        plaintext = credentials.generate()
        for wrong in ("", "nro_", plaintext[:-1], plaintext + "0", plaintext + "\n"):
            self.assertFalse(credentials.is_well_formed(wrong), wrong)
        self.assertFalse(credentials.is_well_formed("é" * 40))
        self.assertFalse(credentials.is_well_formed("x" * 1_000_000))

    def test_it_shows_only_eight_random_digits_in_the_prefix(self) -> None:
        plaintext = credentials.generate()
        self.assertTrue(re.fullmatch(r"nro_\w{8}", credentials.prefix_of(plaintext)))

    def test_it_keys_the_digest_with_the_pepper(self) -> None:
        plaintext = credentials.generate()
        with override_settings(API_TOKEN_PEPPER="one"):
            digest = credentials.digest_of(plaintext)
        with override_settings(API_TOKEN_PEPPER="another"):
            self.assertNotEqual(credentials.digest_of(plaintext), digest)
        self.assertEqual(len(digest), 64)
