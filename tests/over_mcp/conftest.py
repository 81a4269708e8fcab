"""Every test here needs a client that nobody here has written."""

from collections.abc import Iterator
from importlib.util import find_spec

import pytest
from tests.outside import serving
from tests.outside_fixtures import daemon, home, stentor, the_nine_invariants_hold
from tests.over_mcp.homes import AgentHome, home_with_agents
from tests.requirements import lacking

from stentor.testing.invariants import check

__all__ = ["agents", "client", "daemon", "home", "stentor", "the_nine_invariants_hold"]


@pytest.fixture(scope="session", autouse=True)
def client() -> None:
    if find_spec("mcp") is None:
        lacking("the package mcp, the extra `mcp`")


@pytest.fixture(scope="module")
def agents(client: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgentHome]:
    """A home with agents that use their tools over MCP, and a daemon that the tests of a module share."""
    found = home_with_agents(tmp_path_factory.mktemp("agents"))
    with serving(found.stentor):
        yield found
    check(found.stentor.home)
