"""A call for every operation that takes a body, which any server can answer.

The page of the APIs begins with them, and a test sends each.
"""

from __future__ import annotations

_PROMPT = "When I visit Bath I will"

_NPU_FILE = "the bytes that numpy.savez wrote"
_LINE = '{"custom_id": "bath-1", "model": "neo-tiny", "inputs": "In Bath"}\n'

PATH_EXAMPLES = {"ref": "neo-tiny"}

# By the operation's id.
EXAMPLES: dict[str, object] = {
    "create_token": {
        "name": "nightly job",
        "scopes": ["predict"],
        "expires_in_seconds": 2_592_000,
        "limits": {"tokens_per_day": 50_000},
    },
    "update_token": {"name": "weekly job"},
    "rotate_token": {"grace_seconds": 3600},
    "predict": {
        "inputs": _PROMPT,
        "parameters": {"max_new_tokens": 9, "seed": 7},
        "stream": False,
    },
    "create_prediction": {
        "model": "neo-tiny",
        "inputs": _PROMPT,
        "parameters": {"max_new_tokens": 9},
    },
    "create_webhook": {
        "url": "https://hooks.example.org/neuro",
        "events": ["prediction.failed"],
    },
    "update_webhook": {"is_enabled": False},
    "renew_webhook_secret": {"grace_seconds": 86_400},
    "tokenize": {"inputs": ["Hello world", "naïve"]},
    "detokenize": {"token_ids": [[31, 995]]},
    "openai_complete": {
        "model": "neo-tiny",
        "prompt": _PROMPT,
        "max_tokens": 9,
        "temperature": 0.8,
    },
    "openai_chat": {
        "model": "neo-tiny",
        "messages": [{"role": "user", "content": "Where do you go in Bath?"}],
        "max_completion_tokens": 20,
    },
    "hugging_face_call": {
        "inputs": _PROMPT,
        "parameters": {"max_new_tokens": 9, "details": True},
        "stream": False,
    },
    "hugging_face_chat": {
        "messages": [{"role": "user", "content": "Where do you go in Bath?"}],
        "max_tokens": 20,
    },
    "hugging_face_generate": {
        "inputs": _PROMPT,
        "parameters": {"max_new_tokens": 9, "temperature": 0.8},
    },
    "hugging_face_generate_stream": {
        "inputs": _PROMPT,
        "parameters": {"max_new_tokens": 9},
    },
    "hugging_face_tokenize": {"inputs": "Hello world"},
    "npu_token": {"token": "API_TOKEN", "project_name": "Default"},
    "npu_sync_predict": {
        "modelId": "neo-tiny",
        "data": [_PROMPT],
        "input_kwargs": {"max_length": 15},
    },
    "npu_predict": {
        "modelId": "neo-tiny",
        "dataId": "0123456789abcdef01234567",
        "input_kwargs": {"max_length": 15},
    },
}

# What depends on how the body is sent.
EXAMPLES_BY_MEDIA_TYPE: dict[str, dict[str, object]] = {
    "create_batch": {
        "application/jsonl": _LINE,
        "multipart/form-data": {"file": _LINE},
    },
    "npu_sync_predict": {
        "multipart/form-data": {
            "file": _NPU_FILE,
            "json": '{"modelId": "neo-tiny", "input_kwargs": {"max_length": 15}}',
        },
    },
    "npu_upload_data": {
        "multipart/form-data": {
            "file": _NPU_FILE,
            "json": '{"hash": "d41d8cd98f00b204e9800998ecf8427e", "given_name": ""}',
        },
    },
}
