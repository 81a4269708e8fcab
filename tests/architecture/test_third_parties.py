"""Each third-party package is known to the few modules that need it."""

import sys
from collections.abc import Iterator

import pytest
from tests.architecture.source import CONTRACT, Module, Offence, forbid, imports, planted, product

CLIENTS = ("plugins/*/client.py",)
MODELS = "core/stentor/agents/model"
MCP = "core/stentor/http/mcp"
WIRES = (*CLIENTS, "plugins/*/wire.py")
WEB_CLIENTS = (*CLIENTS, "plugins/*/guard.py")

HOMES = {
    # the kit ends processes by closing their connection, and reads invariants with SQL
    "apsw": ("core/stentor/adapters/sqlite", "core/stentor/testing"),
    "click": ("core/stentor/cli",),
    "croniter": ("core/stentor/domain",),
    "markdown_it": ("core/stentor/domain",),
    "httpcore2": WEB_CLIENTS,
    "genai_prices": (MODELS,),
    "httpx2": (*WEB_CLIENTS, MODELS, MCP),
    "aiohttp": WIRES,
    "httpx": WIRES,
    "jinja2": ("core/stentor/http",),
    "mcp": (MCP,),
    "mcp_types": (MCP,),
    "phonenumbers": ("plugins/*/numbers.py",),
    "pydantic_ai": (MODELS,),
    "pluggy": (f"{CONTRACT}/hookspecs.py", "core/stentor/adapters/registry.py"),
    "rich": ("core/stentor/cli",),
    "starlette": ("core/stentor/http",),
    "uvicorn": ("core/stentor/http",),
    **dict.fromkeys(
        ("aiosmtplib", "apprise", "discord", "neonize", "nio", "slack_sdk", "telegram"),
        CLIENTS,
    ),
}
OF_THE_CONTRACT = frozenset({"pluggy", "pydantic"})


def strangers(module: Module) -> Iterator[Offence]:
    for line, name in imports(module):
        top = name.partition(".")[0]
        if top in HOMES and not module.below(*HOMES[top]):
            yield Offence(module.path, line, f"imports {top}, which belongs in {', '.join(HOMES[top])}")
        elif module.below(CONTRACT) and not _may_be_in_the_contract(name):
            yield Offence(module.path, line, f"the contract imports {name}")


def _may_be_in_the_contract(name: str) -> bool:
    top = name.partition(".")[0]
    return top in sys.stdlib_module_names | OF_THE_CONTRACT or name.startswith("stentor.contract.")


def unneeded_homes() -> Iterator[Offence]:
    """Homes of one file that no longer import the package they are a home of."""
    imported = {(module.path, name.partition(".")[0]) for module in product() for _, name in imports(module)}
    for package, places in HOMES.items():
        for place in places:
            if place.endswith(".py") and "*" not in place and (place, package) not in imported:
                yield Offence(place, 1, f"does not import {package} any more: take it off the list")


def test_third_parties_stay_in_their_places() -> None:
    forbid(offence for module in product() for offence in strangers(module))


def test_every_single_file_on_the_list_is_still_needed() -> None:
    forbid(unneeded_homes())


@pytest.mark.parametrize(
    ("path", "text"),
    [
        pytest.param("core/stentor/app/x.py", "import rich.table", id="rich in the app"),
        pytest.param("core/stentor/services/x.py", "def f():\n    import pluggy", id="inside a function"),
        pytest.param("plugins/stentor_pager/channel.py", "import httpx2", id="HTTP in a declaration"),
        pytest.param(
            "plugins/stentor_pager/targets.py", "from telegram import Bot", id="an SDK in a grammar"
        ),
        pytest.param("core/stentor/contract/x.py", "import click", id="click in the contract"),
        pytest.param("core/stentor/contract/x.py", "import yaml", id="anything new in the contract"),
        pytest.param(
            "core/stentor/contract/x.py", "from stentor.domain.jobs import Job", id="the contract looks up"
        ),
        pytest.param("core/stentor/agents/x.py", "import pydantic_ai", id="models among other runners"),
        pytest.param("core/stentor/cli/x.py", "from mcp import Client", id="the protocol in a command"),
    ],
)
def test_a_package_out_of_place_is_found(path: str, text: str) -> None:
    assert list(strangers(planted(text, path)))


@pytest.mark.parametrize(
    ("path", "text"),
    [
        pytest.param(
            "core/stentor/cli/x.py", "from rich.console import Console", id="rich in the command line"
        ),
        pytest.param("plugins/stentor_pager/client.py", "import httpx2", id="HTTP in a client"),
        pytest.param(
            "core/stentor/contract/x.py", "from pydantic import BaseModel", id="models in the contract"
        ),
    ],
)
def test_a_package_in_its_place_is_let_through(path: str, text: str) -> None:
    assert not list(strangers(planted(text, path)))
