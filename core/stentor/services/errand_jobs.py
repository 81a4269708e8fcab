"""What an agent asks of another one, in the words of a job: nobody scheduled it, and it is stored nowhere."""

from stentor.domain.instants import iso
from stentor.domain.jobs import AgentTurn, DeliveryModel, Job, Retry, one_line
from stentor.domain.reach import ANY
from stentor.domain.records import SessionSeed
from stentor.domain.route_plans import RoutePlan
from stentor.domain.schedules import At

_NAME_CHARACTERS = 60


def errand_job(
    job_id: str, turn: AgentTurn, session: SessionSeed, delivery: DeliveryModel, *, now_ms: int
) -> Job:
    """Done once, now, and not again by itself: whoever asked for it decides what is done about a failure."""
    return Job(
        id=job_id,
        name=one_line(session.label)[:_NAME_CHARACTERS] or "Errand",
        agent_id=session.agent_id,
        schedule=At(at=iso(now_ms)),
        session_target="isolated",
        session_key=session.key if session.kind == "named" else None,
        payload=turn,
        delivery=delivery,
        retry=Retry(max_attempts=0),
        on_interrupt="report",
    )


def rights_of(job: Job, plan: RoutePlan) -> DeliveryModel:
    """What is done for a job may be sent where the job's own agent may send, and its answer goes nowhere else."""
    delivery, reach = job.delivery, plan.reach
    to = tuple(dict.fromkeys(target.canonical for target in reach.own))
    allow = (*(target.canonical for target in reach.allowed), *(f"{name}:{ANY}" for name in reach.channels))
    if not delivery.offers_messages or not (to or allow):
        return DeliveryModel(mode="none")
    accounts = {target.account for target in reach.own}
    account = next(iter(accounts)) if delivery.account_id is None and len(accounts) == 1 else None
    return delivery.model_copy(
        update={
            "mode": "none",
            "channel": None,
            "to": to or None,
            "thread_id": None,
            "account_id": delivery.account_id or account,
            "allow": allow,
            "agent_may_send": True,
            "failure_destination": None,
            "target_source": None,
        }
    )


def tools_of(job: Job) -> tuple[str, ...] | None:
    """Which tools the job leaves its agent: nobody gets more of them by way of others."""
    return job.payload.tools_allow if isinstance(job.payload, AgentTurn) else None
