from __future__ import annotations

from pathlib import Path
from unittest import mock

import pytest

from models_app.backends.local import LocalBackend
from models_app.tests.engines import run_engine, short_folder
from neuro_site.testing import BaseTestCase


class HealthTests(BaseTestCase):
    @pytest.mark.usefixtures("engine")
    def test_it_is_ready_once_a_model_can_serve(self) -> None:
        response = self.client.get("/health")

        self.assertEqual(response.status_code, 200)
        self.assertEqual(response.json()["status"], "ready")
        self.assertEqual(response.json()["models"]["neo-tiny"]["state"], "ready")

    def test_it_is_starting_while_there_is_no_engine(self) -> None:
        backend = LocalBackend(Path("/nonexistent/engine.sock"))

        with (
            mock.patch("models_app.health.get_backend", return_value=backend),
            self.assertNoLogs("django.request", "WARNING"),
        ):
            response = self.client.get("/health")

        self.assertEqual(response.status_code, 503)
        self.assertEqual(response.json()["engine"], "engine_unavailable")

    def test_it_is_starting_while_the_engine_has_no_model(self) -> None:
        socket = self.enterContext(short_folder()) / "engine.sock"
        backend = LocalBackend(socket)

        with (
            run_engine(socket, models=()),
            mock.patch("models_app.health.get_backend", return_value=backend),
        ):
            response = self.client.get("/health")

        self.assertEqual(response.status_code, 503)
        self.assertEqual(response.json()["engine"], "running")

    def test_it_is_never_cached(self) -> None:
        self.assertIn("no-store", self.client.get("/health")["Cache-Control"])
