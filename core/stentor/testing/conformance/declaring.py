"""Rules about what a channel declares, and what it costs to ask it."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from stentor.adapters.declared import PluginError
from stentor.adapters.registry import Registry
from stentor.testing.conformance import rules
from stentor.testing.conformance.case import ChannelCase

_SECONDS = 60


class DeclarationRules(ChannelCase):
    def test_the_declaration_is_sound(self) -> None:
        try:
            Registry.of(channels=[self.channel()])
        except PluginError as error:
            rules.DECLARATION.broken(str(error))

    def test_declaring_and_parsing_cost_nothing(self) -> None:
        seen = _asked_in_a_process_of_its_own(self.channel(), self.sdk)
        for what, found in seen.items():
            rules.BARE_IMPORT.holds(not found, f"{what}: {found}")

    def test_a_missing_sdk_is_named_when_an_account_opens(self, tmp_path: Path) -> None:
        channel = self.channel()
        if not channel.extra or not self.sdk:
            pytest.skip("the channel names no extra, or its test no sdk")
        provider = self.provider()
        given = json.dumps({"settings": dict(provider.settings()), "secrets": dict(provider.secrets)})
        said = _asked_in_a_process_of_its_own(channel, self.sdk, "open", given, str(tmp_path))
        rules.MISSING_SDK.holds(
            said["error"] == "Unavailable", f"open came to {said['error']}: {said['text']}"
        )
        rules.MISSING_SDK.holds(channel.extra in said["text"], f"it names no extra: {said['text']}")


def _asked_in_a_process_of_its_own(channel: object, sdk: Sequence[str], *more: str) -> dict[str, str]:
    kind = type(channel)
    words = [sys.executable, "-m", "stentor.testing.bare", kind.__module__, kind.__qualname__, ",".join(sdk)]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(
        [*words, *more], env=env, capture_output=True, text=True, timeout=_SECONDS, check=False
    )
    if done.returncode:
        rules.BARE_IMPORT.broken(f"importing {kind.__module__} in a process of its own failed: {done.stderr}")
    answer: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    return answer
