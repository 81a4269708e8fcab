"""The models' library costs most of a second: nobody loads it before a turn needs it."""

import json
import subprocess
import sys

_PROGRAM = """
import json, sys
from stentor.adapters.registry import Registry
assert "model" in Registry.load().runners
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


def test_declaring_the_runners_loads_no_library() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=True, timeout=60
    )
    loaded = set(json.loads(done.stdout))
    assert not loaded & {"pydantic_ai", "openai", "anthropic", "google", "genai_prices", "httpx2"}
