from pathlib import Path

import pytest
from tests.fake_context import FakeContext


@pytest.fixture
def ctx(tmp_path: Path) -> FakeContext:
    return FakeContext(data_dir=tmp_path)
