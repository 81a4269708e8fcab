"""The suite's own strength: bugs that were thought of are planted one by one, and a named test must catch each.

`python -m tests.mutants` tries all of them, `python -m tests.mutants NAME…` some. Each bug is a change of a line in a
copy of the source; only its test runs against the copy. A line that is not there any more is an error: then the bug
has to be thought of anew.
"""

from tests.mutants.alerts import ALERTS
from tests.mutants.channels import CHANNELS
from tests.mutants.delivery import DELIVERY
from tests.mutants.planting import Mutant, tried
from tests.mutants.sends import SENDS
from tests.mutants.sessions import SESSIONS
from tests.mutants.time_and_runs import TIME_AND_RUNS
from tests.mutants.waiting import WAITING
from tests.mutants.whatsapp import WHATSAPP
from tests.mutants.wire import WIRE

MUTANTS = (*TIME_AND_RUNS, *DELIVERY, *SENDS, *WAITING, *ALERTS, *WIRE, *CHANNELS, *WHATSAPP, *SESSIONS)

__all__ = ["MUTANTS", "Mutant", "tried"]
