from __future__ import annotations

import json
from pathlib import Path

import pytest

from inference.errors import CheckpointInvalid
from inference.loader import end_of_text_ids


def write(folder: Path, name: str, **content: object) -> None:
    (folder / name).write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("ids", "expected"), [(2, {2}), ([2, 0], {0, 2}), (None, set())]
)
def test_it_ends_the_text_at_one_id_several_or_none(
    ids: object, expected: set[int], tmp_path: Path
) -> None:
    write(tmp_path, "config.json", eos_token_id=ids)

    assert end_of_text_ids(tmp_path) == expected


def test_it_prefers_what_the_checkpoint_says_of_generation(tmp_path: Path) -> None:
    write(tmp_path, "config.json", eos_token_id=7)
    write(tmp_path, "generation_config.json", eos_token_id=[1, 2])

    assert end_of_text_ids(tmp_path) == {1, 2}


def test_it_falls_back_on_the_config(tmp_path: Path) -> None:
    write(tmp_path, "config.json", eos_token_id=7)
    write(tmp_path, "generation_config.json", bos_token_id=1)

    assert end_of_text_ids(tmp_path) == {7}


def test_it_names_the_file_that_it_cannot_read(tmp_path: Path) -> None:
    write(tmp_path, "config.json", eos_token_id=7)
    (tmp_path / "generation_config.json").write_text("{")

    with pytest.raises(CheckpointInvalid, match="generation_config"):
        end_of_text_ids(tmp_path)
