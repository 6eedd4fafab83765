"""The Hugging Face hub, as far as installing weights needs it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

import httpx2
from huggingface_hub import HfApi, constants, get_session, snapshot_download
from huggingface_hub.errors import (
    GatedRepoError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.hf_api import RepoFile

from models_app.cards import HubSource
from models_app.checkpoints import WANTED_FILES, CheckpointError

PROBE_SECONDS = 10

# A line for every request would break the progress bar into pieces.
logging.getLogger("httpx2").setLevel(logging.WARNING)


class HubError(CheckpointError):
    """Why the hub gave nothing, in one line."""


class DownloadBroken(HubError):
    """What has arrived is worth keeping for the next attempt."""


@dataclass(frozen=True, slots=True)
class Download:
    """A file that the hub offers; it knows the sha256 of large files only."""

    name: str
    size: int
    sha256: str = ""


def list_files(hub: HubSource) -> list[Download]:
    """The wanted files of the pinned revision; raises `HubError`."""
    with _plain_errors(hub):
        # The calls below try for half a minute before they give up.
        get_session().head(constants.ENDPOINT, timeout=PROBE_SECONDS)
        tree = list(HfApi().list_repo_tree(hub.repo, revision=hub.revision))
    return [
        Download(file.path, file.size, file.lfs.sha256 if file.lfs else "")
        for file in tree
        if isinstance(file, RepoFile) and _is_wanted(file.path)
    ]


def download(hub: HubSource, folder: Path) -> None:
    """Fetch the wanted files into the folder, with a progress bar."""
    with _plain_errors(hub):
        snapshot_download(
            hub.repo,
            revision=hub.revision,
            local_dir=folder,
            allow_patterns=list(WANTED_FILES),
            library_name="neuro",
        )


def _is_wanted(name: str) -> bool:
    return any(fnmatch(name, pattern) for pattern in WANTED_FILES)


@contextmanager
def _plain_errors(hub: HubSource) -> Iterator[None]:
    try:
        yield
    except OfflineModeIsEnabled as error:
        raise HubError("HF_HUB_OFFLINE is set, so nothing is fetched.") from error
    except GatedRepoError as error:
        raise HubError(f"{hub.repo} is gated: set HF_TOKEN to open it.") from error
    except RepositoryNotFoundError as error:
        raise HubError(f"{constants.ENDPOINT} has no {hub.repo}.") from error
    except RevisionNotFoundError as error:
        raise HubError(f"{hub.repo} has no revision {hub.revision}.") from error
    except (httpx2.ReadError, httpx2.ReadTimeout, httpx2.RemoteProtocolError) as error:
        raise DownloadBroken(
            f"The download broke off ({_first_line(error)}). "
            "Run the command again: it goes on where it stopped."
        ) from error
    except (httpx2.TransportError, LocalEntryNotFoundError) as error:
        raise HubError(
            f"{constants.ENDPOINT} cannot be reached ({_first_line(error)}). "
            "Bring a checkpoint folder to this machine and name it with --from DIR."
        ) from error
    except (httpx2.HTTPError, OSError) as error:
        raise HubError(
            f"{constants.ENDPOINT} did not answer as it should: {_first_line(error)}"
        ) from error


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
