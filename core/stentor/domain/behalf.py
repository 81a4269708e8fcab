"""What one agent asks of another."""

from stentor.domain.jobs import AgentTurn


class OnBehalf(AgentTurn):
    """Asked in the name of a session: the answer goes back there, and to nobody else."""

    sender: str
