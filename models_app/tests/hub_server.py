"""A stand-in for the Hugging Face hub: the routes that pulling a model calls."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from e2e.serving import serving

COMMIT = "a" * 40


class HubHandler(BaseHTTPRequestHandler):
    """Serves one folder as one repository at one commit."""

    server: HubServer

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def log_message(self, *args: object) -> None:
        self.server.requests.append(f"{self.command} {self.path}")

    def _answer(self, *, with_body: bool) -> None:
        path = self.path.split("?")[0]
        repo = self.server.repo
        resolve = f"/{repo}/resolve/{COMMIT}/"
        if path == f"/api/models/{repo}/tree/{COMMIT}":
            self._send_json(self.server.tree())
        elif path.startswith(resolve):
            self._send_file(self.server.folder / path.removeprefix(resolve), with_body)
        elif f"/{repo}/" in path:
            self._send_error(404, "RevisionNotFound")
        else:
            self._send_error(404, "RepoNotFound")

    def _send_json(self, content: object) -> None:
        body = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _send_file(self, file: Path, with_body: bool) -> None:
        if not file.is_file():
            return self._send_error(404, "EntryNotFound")
        body = file.read_bytes()
        self.send_response(200)
        self.send_header("ETag", f'"{hashlib.sha256(body).hexdigest()}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if with_body:
            self.wfile.write(body[: self.server.break_after])

    def _send_error(self, status: int, code: str) -> None:
        self.send_response(status)
        self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", "0")
        self.end_headers()


class HubServer(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, folder: Path, repo: str) -> None:
        super().__init__(("127.0.0.1", 0), HubHandler)
        self.folder = folder
        self.repo = repo
        self.requests: list[str] = []
        # Bytes after which every download breaks off; None for none.
        self.break_after: int | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def tree(self) -> list[dict[str, object]]:
        return [_tree_entry(path) for path in sorted(self.folder.iterdir())]


def _tree_entry(path: Path) -> dict[str, object]:
    body = path.read_bytes()
    entry: dict[str, object] = {
        "type": "file",
        "path": path.name,
        "size": len(body),
        "oid": hashlib.sha1(body, usedforsecurity=False).hexdigest(),
    }
    if path.suffix == ".safetensors":
        sha256 = hashlib.sha256(body).hexdigest()
        entry["lfs"] = {"oid": sha256, "size": len(body), "pointerSize": 134}
    return entry


@contextmanager
def hub_server(folder: Path, *, repo: str) -> Iterator[HubServer]:
    with serving(HubServer(folder, repo)) as server:
        yield server
