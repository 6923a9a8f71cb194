"""The registry, and the shared suite over every task type in it."""

import pytest

from manyhands.task_types import TASK_TYPES, UnknownTaskType, task_type
from manyhands.task_types.contract import TaskTypeContract
from manyhands.task_types.report_verdict import TASK_TYPE as REPORT_VERDICT
from manyhands.task_types.transcription import TASK_TYPE as TRANSCRIPTION


class TestTranscriptionContract(TaskTypeContract):
    task_type = TRANSCRIPTION


class TestReportVerdictContract(TaskTypeContract):
    task_type = REPORT_VERDICT


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UnknownTaskType) as refused:
        task_type("telepathy")
    assert set(refused.value.known) == set(TASK_TYPES)
