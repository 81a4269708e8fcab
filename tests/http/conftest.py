"""Every test here speaks to a daemon over its socket."""

import pytest
from tests.api import Api
from tests.outside import Stentor
from tests.outside_fixtures import daemon, home, served, stentor, the_nine_invariants_hold

__all__ = ["api", "daemon", "home", "served", "stentor", "the_nine_invariants_hold"]


@pytest.fixture
def api(served: Stentor) -> Api:
    return Api(served)
