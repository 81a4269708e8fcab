"""The rules every engine behind the `Store` port keeps, as tests; each is named by its rule.

An engine passes when a subclass with three fixtures does:

    class TestMyEngine(StoreConformance):
        @pytest.fixture
        async def store(self): ...    # yields a new, empty Store

        @pytest.fixture
        def read(self, store): ...    # its `RunLog`: each commit is seen as soon as it is made

        @pytest.fixture
        def reopen(self): ...         # an async function: the same data again, after `store` was closed

The tests are coroutines: run them with `asyncio_mode = "auto"` of pytest-asyncio. For readable failures, say
`pytest.register_assert_rewrite("stentor.testing.store_conformance")` before importing this package.
"""

from stentor.testing.store_conformance.accounts import AccountRules
from stentor.testing.store_conformance.aging import OldDeliveryRules
from stentor.testing.store_conformance.claims import ClaimRules, LeaseRules, SessionRules
from stentor.testing.store_conformance.desk import (
    CancelRules,
    DropRules,
    KnownTargetRules,
    ResendRules,
    RulingRules,
)
from stentor.testing.store_conformance.doubt import CalledOffRules, DoubtRules, EarlierAttemptRules
from stentor.testing.store_conformance.ends import EndRules
from stentor.testing.store_conformance.gates import GateRules
from stentor.testing.store_conformance.happenings import HappeningRules
from stentor.testing.store_conformance.incidents import IncidentRules, NewsRules, NoticeRules, StandingRules
from stentor.testing.store_conformance.incoming import IncomingRules
from stentor.testing.store_conformance.jobs import DueRules, JobRules
from stentor.testing.store_conformance.lanes import AttemptRules, LaneRules
from stentor.testing.store_conformance.life import LifeRules
from stentor.testing.store_conformance.moves import MeetingRules, PlaceRules
from stentor.testing.store_conformance.outcomes import (
    DeleteAfterRunRules,
    DerivedRules,
    JobAfterRunRules,
    OutboxOfRunRules,
)
from stentor.testing.store_conformance.proofs import ProofRules
from stentor.testing.store_conformance.receipts import ReceiptRules
from stentor.testing.store_conformance.recovery import OrphanRules, RecoveryRules, RestartRules
from stentor.testing.store_conformance.retention import GoneRules, KeptRules, RetentionRules
from stentor.testing.store_conformance.session_bounds import (
    DryRunRules,
    RunSessionRules,
    SessionLimitRules,
)
from stentor.testing.store_conformance.sessions import (
    FreshnessRules,
    PreferenceRules,
    SessionRemovalRules,
    SessionResetRules,
)
from stentor.testing.store_conformance.settling import (
    AlertRules,
    ExpiryRules,
    RestOfDeliveryRules,
    SettlementRules,
)
from stentor.testing.store_conformance.shares import ShareRules
from stentor.testing.store_conformance.shutting import ReopenRules, ShutRules
from stentor.testing.store_conformance.steps import Reopen, RunLog
from stentor.testing.store_conformance.tool_sends import ToolSendRules

__all__ = ["Reopen", "RunLog", "StoreConformance"]


class StoreConformance(
    JobRules,
    DueRules,
    ClaimRules,
    SessionRules,
    SessionRemovalRules,
    SessionResetRules,
    FreshnessRules,
    PreferenceRules,
    HappeningRules,
    LeaseRules,
    EndRules,
    OutboxOfRunRules,
    ToolSendRules,
    DerivedRules,
    JobAfterRunRules,
    DeleteAfterRunRules,
    RecoveryRules,
    OrphanRules,
    RestartRules,
    LaneRules,
    AttemptRules,
    AccountRules,
    GateRules,
    ShutRules,
    ReopenRules,
    ShareRules,
    IncomingRules,
    SettlementRules,
    RestOfDeliveryRules,
    DoubtRules,
    EarlierAttemptRules,
    CalledOffRules,
    MeetingRules,
    PlaceRules,
    ExpiryRules,
    AlertRules,
    ReceiptRules,
    ProofRules,
    NewsRules,
    IncidentRules,
    NoticeRules,
    StandingRules,
    LifeRules,
    RetentionRules,
    RunSessionRules,
    SessionLimitRules,
    DryRunRules,
    KeptRules,
    GoneRules,
    ResendRules,
    RulingRules,
    CancelRules,
    DropRules,
    KnownTargetRules,
    OldDeliveryRules,
):
    """All rules together."""
