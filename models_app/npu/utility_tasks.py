"""Utilities on uploaded data, as the npu client sees them: tasks that are done."""

from __future__ import annotations

from typing import Any

from accounts.models import User
from models_app.errors import ModelNotFound
from models_app.npu import uploads
from models_app.npu.calls import Call
from models_app.npu.models import UtilityTask
from models_app.npu.tasks import is_task_id
from models_app.services import Caller
from models_app.utilities.service import run_utility
from models_app.utilities.table import Utility, utility_named


def start(caller: Caller, call: Call, utility: Utility) -> str:
    """The task's id. What is wrong with the data is told now, not as a failure later."""
    data = uploads.find(project=caller.project, reference=call.data_reference)
    start, end = call.place("data_start"), call.place("data_end")
    run_utility(
        caller=caller,
        utility=utility,
        items=uploads.part_of(data, start, end),
        parameters=call.keyword_arguments,
    )
    task = UtilityTask.objects.create(
        data=data, utility=utility.public_id, start=start, end=end
    )
    return task.public_id


def find(user: User, task_id: str) -> UtilityTask | None:
    if not is_task_id(task_id):
        return None
    found = UtilityTask.objects.select_related("data")
    return found.filter(public_id=task_id, data__project__user=user).first()


def status_json(
    caller: Caller, task: UtilityTask, *, include_result: bool
) -> dict[str, Any]:
    """To ask for the result is a request of the minute, since it is worked out then."""
    utility = utility_named(task.utility)
    if utility is None:
        raise ModelNotFound("This server has the utility of this task no more.")
    answer: dict[str, Any] = {
        "state": "COMPLETE",
        "taskType": "Utility",
        "progress": 1.0,
    }
    if include_result:
        items = uploads.part_of(task.data, task.start, task.end)
        answer["result"] = run_utility(
            caller=caller, utility=utility, items=items, parameters={}
        )
    return answer
