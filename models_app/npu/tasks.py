"""Asynchronous predictions as the npu client sees them: tasks."""

from __future__ import annotations

import re

from accounts.models import User
from models_app.asynchronous import service
from models_app.asynchronous.models import AsyncPrediction, AsyncStatus
from models_app.asynchronous.progress import progress_of
from models_app.asynchronous.stored import read_error, read_output
from models_app.errors import PredictionNotFound
from models_app.npu import uploads
from models_app.npu.calls import Call
from models_app.npu.door import sentence_of
from models_app.npu.keyword_arguments import translate
from models_app.npu.models import NpuTask
from models_app.npu.rendering import metrics_json, result_json
from models_app.services import Caller

_PUBLIC_ID = re.compile("[0-9a-f]{24}")
_STATES = {
    AsyncStatus.STARTING: "PENDING",
    AsyncStatus.PROCESSING: "PENDING",
    AsyncStatus.SUCCEEDED: "COMPLETE",
    AsyncStatus.FAILED: "FAILURE",
    AsyncStatus.CANCELED: "STOPPED",
    AsyncStatus.ABORTED: "STOPPED",
}


def start(caller: Caller, call: Call) -> NpuTask:
    """Put the call into the queue, or raise what says why not."""
    arguments = translate(call.keyword_arguments)
    data = uploads.find(project=caller.project, reference=call.data_reference)
    prompts = uploads.part_of(data, call.place("data_start"), call.place("data_end"))
    prediction = service.create(
        caller=caller,
        language_model=call.model_ref,
        prompts=prompts,
        parameters=arguments.parameters,
    )
    return NpuTask.objects.create(
        prediction=prediction, removes_input=arguments.removes_input
    )


def is_task_id(text: str) -> bool:
    return _PUBLIC_ID.fullmatch(text) is not None


def find(user: User, task_id: str) -> NpuTask:
    """One of the account's, whichever its project: the client names none."""
    found = NpuTask.objects.select_related("prediction__language_model")
    if is_task_id(task_id):
        of_user = found.filter(prediction__user=user)
        task = of_user.filter(prediction__public_id=task_id).first()
        if task is not None:
            return task
    raise PredictionNotFound("Your account has no task with this id.")


def status_json(task: NpuTask, *, include_result: bool) -> dict[str, object]:
    prediction = task.prediction
    answer: dict[str, object] = {
        "state": _STATES[AsyncStatus(prediction.status)],
        "taskType": "Prediction",
        "progress": progress_of(prediction),
    }
    if line := _new_line(task):
        answer["print"] = [line]
    if not prediction.is_finished:
        return answer
    output, error = read_output(prediction), read_error(prediction)
    if output is not None:
        answer["metrics"] = metrics_json(output)
    if include_result and output is not None:
        answer["result"] = result_json(output, removes_input=task.removes_input)
    if include_result and error is not None:
        answer["result"] = sentence_of(error)
    return answer


def _new_line(task: NpuTask) -> str:
    """What to print above the bar. The client prints whatever it gets whenever it
    looks, so each line is given once."""
    prediction = task.prediction
    if prediction.status == task.told:
        return ""
    untold = NpuTask.objects.filter(pk=task.pk, told=task.told)
    return _line(prediction) if untold.update(told=prediction.status) else ""


def _line(prediction: AsyncPrediction) -> str:
    name = prediction.language_model.slug
    match prediction.status:
        case AsyncStatus.STARTING:
            return f"Waiting for {name}."
        case AsyncStatus.PROCESSING:
            return f"Running {name} on {prediction.prompt_tokens:,} tokens."
    return ""
