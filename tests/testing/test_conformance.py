"""The kit for channels finds what it is for: a channel that breaks a rule fails by the name of that rule, and of no other."""

import os
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

import stentor.testing
from stentor.testing.conformance import RULES

PAGERS = Path(__file__).with_name("pager")
SECONDS = 300
_NAMED = re.compile(r"(?:Failed: )?\[(?P<rule>[a-z-]+)\]")


def outcomes(check: str, folder: Path) -> Mapping[str, set[str]]:
    """By test class: the rules that a run of `check` found broken, what was skipped, and what else went wrong."""
    report = folder / "report.xml"
    command = [sys.executable, "-m", "pytest", "-q", f"--rootdir={PAGERS}", "--config-file=/dev/null"]
    plugins = ["-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:asyncio", "-p", "no:simcord"]
    env = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    done = subprocess.run(
        [*command, *plugins, f"--junitxml={report}", str(PAGERS / check)],
        env=env,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert report.exists(), done.stdout + done.stderr
    return _read(report)


def _read(report: Path) -> Mapping[str, set[str]]:
    found = defaultdict[str, set[str]](set)
    for case in ET.parse(report).iter("testcase"):
        broken = found[case.get("classname", "").rpartition(".")[2]]
        for trouble in (*case.iter("failure"), *case.iter("error"), *case.iter("skipped")):
            message = trouble.get("message", "")
            named = _NAMED.match(message)
            broken.add(named["rule"] if named else f"{trouble.tag} {case.get('name')}: {message}")
    return found


def test_channels_that_keep_every_rule_pass(tmp_path: Path) -> None:
    assert outcomes("check_good.py", tmp_path) == {"TestGood": set(), "TestWired": set()}


@pytest.mark.parametrize("check", ["words", "hasty", "sending", "accounts", "listening"])
def test_a_channel_that_breaks_a_rule_fails_by_its_name_alone(check: str, tmp_path: Path) -> None:
    found = outcomes(f"check_{check}.py", tmp_path)

    assert found
    failed = {name: {word for word in broken if word[:8] != "skipped "} for name, broken in found.items()}
    assert {name: words for name, words in failed.items() if words != {name.split(":")[1]}} == {}


def test_every_rule_has_a_channel_that_breaks_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(PAGERS)
    bad = [import_module(f"bad_{name}").BAD for name in ("words", "sending", "accounts", "listening")]

    assert sorted(["bare-import", *(rule for channels in bad for rule in channels)]) == sorted(RULES)


def test_each_rule_says_what_it_is_and_how_to_mend_it() -> None:
    for name, rule in RULES.items():
        with pytest.raises(pytest.fail.Exception) as caught:
            rule.broken("something")
        said = str(caught.value)
        assert said.startswith(f"[{name}] {rule.says}\n")
        assert rule.mend in said


def test_the_kit_is_found_where_its_users_look_for_it() -> None:
    assert stentor.testing.ChannelConformance.__module__ == "stentor.testing.conformance"
    assert all(hasattr(stentor.testing, name) for name in stentor.testing.__all__)
