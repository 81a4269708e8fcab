"""The job as the user configures it. Unknown keys are errors, and each field is effective or refused."""

from stentor.domain.jobs.deliveries import DeliveryModel, FailureAlert, FailureDestination
from stentor.domain.jobs.fields import one_line
from stentor.domain.jobs.job import SESSION_PREFIX, Job, Missed, Retry, fill_defaults
from stentor.domain.jobs.payloads import AgentTurn, Command, FixedText, SystemEvent

__all__ = [
    "SESSION_PREFIX",
    "AgentTurn",
    "Command",
    "DeliveryModel",
    "FailureAlert",
    "FailureDestination",
    "FixedText",
    "Job",
    "Missed",
    "Retry",
    "SystemEvent",
    "fill_defaults",
    "one_line",
]
