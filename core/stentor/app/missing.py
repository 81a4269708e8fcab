"""What somebody names and nobody knows, in the same words at every door."""


class NotFound(Exception):
    """There is nothing of that name. The hint says where to look."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class NoSuchJob(NotFound):
    def __init__(self, name: object) -> None:
        super().__init__(f"there is no job {name!r}", "`stentor cron list --all` shows them")


class NoSuchRun(NotFound):
    def __init__(self, run_id: object) -> None:
        super().__init__(f"there is no run {run_id!r}", "`stentor cron runs` shows them")


class NoSuchDelivery(NotFound):
    def __init__(self, delivery_id: object) -> None:
        super().__init__(f"there is no delivery {delivery_id!r}", "`stentor deliveries list` shows them")
