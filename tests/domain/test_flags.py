"""What is yes or no in a job is said as true or false, and never read out of something else."""

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from stentor.domain import behalf, heartbeats
from stentor.domain.jobs import AgentTurn
from stentor.domain.jobs.fields import JobModel


def flags(model: type[JobModel] = JobModel) -> Iterator[tuple[str, Any]]:
    for name, field in model.model_fields.items():
        if "bool" in str(field.annotation):
            yield f"{model.__name__}.{name}", field.rebuild_annotation()
    for kind in model.__subclasses__():
        yield from flags(kind)


# Turns that nobody stores are kinds of jobs' turns, too.
UNSTORED = (behalf.OnBehalf, heartbeats.Waking)
FLAGS = dict(flags())


def test_all_of_them_are_looked_at() -> None:
    assert {"Job.enabled", "Job.delete_after_run", "AgentTurn.light_context"} <= FLAGS.keys()
    assert {f"{kind.__name__}.light_context" for kind in UNSTORED} <= FLAGS.keys()
    assert len(FLAGS) > 12


@pytest.mark.parametrize("kind", FLAGS.values(), ids=FLAGS.keys())
def test_a_flag_is_true_or_false(kind: Any) -> None:
    flag: TypeAdapter[Any] = TypeAdapter(kind)
    assert [flag.validate_python(said) for said in (True, False)] == [True, False]
    for other in ("yes", "true", "", 1, 0, 1.0):
        with pytest.raises(ValidationError):
            flag.validate_python(other)


def test_a_light_context_that_is_text_is_refused_by_name() -> None:
    with pytest.raises(ValidationError) as refused:
        AgentTurn.model_validate({"kind": "agentTurn", "message": "hi", "lightContext": "yes"})
    (error,) = refused.value.errors()
    assert error["loc"] == ("lightContext",)
