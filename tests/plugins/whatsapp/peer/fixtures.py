"""The peer for a test, or the reason why this machine can not try the real library."""

import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.plugins.whatsapp.peer import Authority, WhatsApp
from tests.requirements import lacking

__all__ = ["authority", "whatsapp"]


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Trusted by all programs of this test session, and keeper of the sessions that were paired in it."""
    if not Path("/proc/self/maps").exists():
        lacking("Linux: elsewhere a process can not be made to trust the test peer")
    loading = subprocess.run(
        [sys.executable, "-c", "import neonize"], capture_output=True, text=True, check=False, timeout=60
    )
    if loading.returncode:
        lacking(f"a neonize that loads ({loading.stderr.strip().rpartition(chr(10))[2]})")
    return Authority.established(tmp_path_factory.mktemp("whatsapp"))


@pytest.fixture
async def whatsapp(authority: Authority) -> AsyncIterator[WhatsApp]:
    async with WhatsApp(authority) as running:
        yield running
