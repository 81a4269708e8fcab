import logging
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest
from tests.left_out import is_here

from stentor import (
    Account,
    AccountSettings,
    Channel,
    ChannelContext,
    Connection,
    Example,
    Limits,
    Target,
    TargetHints,
)
from stentor.adapters.declared import PluginError
from stentor.adapters.registry import Loaded, Registry
from stentor.contract.tools import Tool, ToolCall
from stentor.contract.traits import Rate, RetrySchedule, Traits

PAGER = """
    from stentor import Channel, Example, Limits, Target, hookimpl

    class PagerChannel(Channel):
        name = "{name}"
        prefixes = ("{name}", "{prefix}")
        limits = Limits(text=160)
        examples = (Example("{prefix}:42", "{name}:42"),)

        def parse_target(self, text, hints):
            number = self.body(text)
            return Target(self.name, "person", number, number)

        async def open(self, account, ctx):
            raise NotImplementedError

    @hookimpl
    def stentor_channels():
        yield PagerChannel()
"""
TOOLS = """
    from stentor import hookimpl
    from stentor.contract.tools import Tool
    @hookimpl
    def stentor_tools():
"""
OBSERVER = """
    from stentor import hookimpl

    seen = []

    @hookimpl
    def stentor_receipt(receipt, delivery):
        seen.append((dict(receipt), dict(delivery)))
        receipt["messageId"] = "overwritten"

    @hookimpl
    def stentor_run_finished(run):
        seen.append(dict(run))

    @hookimpl
    def stentor_commands(cli):
        cli.add("pager test", lambda words: 0, help="Send a test page.")
"""
HOLLERER = """
    from stentor import hookimpl

    @hookimpl
    def stentor_receipt(receipt):
        raise SystemExit(3)

    @hookimpl
    def stentor_run_finished(run):
        raise RuntimeError("no printer")

    @hookimpl
    def stentor_commands(cli):
        raise RuntimeError("no terminal")
"""


@dataclass
class Site:
    """A folder on the import path in which a test lays out distributions."""

    folder: Path
    installed: list[str] = field(default_factory=list[str])

    def install(self, module: str, code: str, *, distribution: str = "", version: str = "1.2") -> None:
        name = distribution or f"{module}-dist"
        (self.folder / f"{module}.py").write_text(textwrap.dedent(code))
        info = self.folder / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(f"[stentor]\n{module} = {module}\n")
        self.installed.append(module)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    site = Site(tmp_path)
    yield site
    for module in site.installed:
        sys.modules.pop(module, None)


def strangers(registry: Registry) -> tuple[Loaded, ...]:
    return tuple(plugin for plugin in registry.plugins if plugin.distribution != "stentor")


def pager(name: str, prefix: str) -> str:
    return PAGER.format(name=name, prefix=prefix)


class Post(Channel):
    """A valid channel; tests spoil one thing at a time."""

    name = "post"
    prefixes = ("post", "mail")
    limits = Limits(text=100)
    examples = (Example("mail:Ann", "post:Ann"),)

    def parse_target(self, text: str, hints: TargetHints) -> Target:
        box = self.body(text)
        return Target(self.name, "box", box, box)

    async def open(self, account: Account, ctx: ChannelContext) -> Connection:
        raise NotImplementedError


def repeated(channel: Channel, text: str, hints: TargetHints) -> str:
    """No way to read a target."""
    return text


async def paired(channel: Channel, account: Account, ctx: ChannelContext, *desk: object) -> str:
    """A way to pair, and to unpair."""
    return account.id


class Boxed(AccountSettings):
    """Settings that somebody has to give."""

    box: str


def unsound(value: Any, **fields: object) -> Any:
    """A value with fields that its class would not have."""
    for name, given in fields.items():
        object.__setattr__(value, name, given)
    return value


class TestStrangers:
    def test_a_channel_of_a_stranger_is_found_under_its_name_and_its_prefixes(self, site: Site) -> None:
        site.install("pager_plugin", pager("pager", "pg"))

        registry = Registry.load()

        assert strangers(registry) == (
            Loaded("pager_plugin", "pager_plugin-dist", "1.2", channels=("pager",)),
        )
        channel = registry.channels["pager"]
        assert registry.channel_of_prefix("pager") is channel
        assert registry.channel_of_prefix("PG") is channel
        assert registry.channel_of_prefix("pgx") is None
        assert channel.parse_target("pg:42", TargetHints()).canonical == "pager:42"

    def test_plugins_are_loaded_in_the_order_of_their_names(self, site: Site) -> None:
        for name in ("zeta", "alpha", "mid"):
            site.install(f"{name}_plugin", pager(name, f"{name}x"))

        assert [plugin.name for plugin in strangers(Registry.load())] == [
            "alpha_plugin",
            "mid_plugin",
            "zeta_plugin",
        ]

    @pytest.mark.parametrize(
        ("code", "why"),
        [
            pytest.param(
                "import nosuchmodule", "importing bad failed: ModuleNotFoundError", id="broken import"
            ),
            pytest.param("def (", "importing bad failed: SyntaxError", id="syntax error"),
            pytest.param("raise SystemExit(1)", "importing bad failed: SystemExit: 1", id="leaves on import"),
            pytest.param(
                """
                from stentor import hookimpl

                @hookimpl
                def stentor_chanels():
                    return ()
                """,
                "there is no hook 'stentor_chanels', did you mean 'stentor_channels'?",
                id="misspelt hook",
            ),
            pytest.param(
                """
                from stentor import hookimpl

                @hookimpl
                def zzz():
                    return ()
                """,
                "the hooks are stentor_channels, stentor_runners",
                id="unknown hook",
            ),
            pytest.param("def stentor_channels(): return ()", "put @hookimpl above", id="forgotten marker"),
            pytest.param(
                """
                from stentor import hookimpl

                @hookimpl
                async def stentor_channels():
                    return ()
                """,
                "stentor_channels is async",
                id="async hook",
            ),
            pytest.param(
                """
                from stentor import hookimpl

                @hookimpl
                def stentor_receipt(receipt, colour):
                    pass
                """,
                "its hooks do not fit: PluginValidationError",
                id="unknown argument",
            ),
            pytest.param(
                """
                from stentor import hookimpl

                @hookimpl
                def stentor_channels():
                    raise SystemExit(3)
                """,
                "stentor_channels failed: SystemExit: 3",
                id="hook leaves",
            ),
            pytest.param(
                """
                from stentor import hookimpl

                @hookimpl
                def stentor_runners():
                    yield from ()
                    raise RuntimeError("two\\nlines")
                """,
                "stentor_runners failed: RuntimeError: two lines",
                id="generator raises",
            ),
            pytest.param(
                """
                from stentor import hookimpl

                @hookimpl
                def stentor_tools():
                    return 5
                """,
                "stentor_tools failed: TypeError",
                id="result is not iterable",
            ),
            pytest.param(
                """
                from stentor import Channel, hookimpl

                class Half(Channel):
                    name = "half"

                @hookimpl
                def stentor_channels():
                    yield Half()
                """,
                "stentor_channels failed: TypeError: Can't instantiate abstract class Half",
                id="abstract channel",
            ),
            pytest.param(
                """
                from stentor import Channel, hookimpl

                @hookimpl
                def stentor_channels():
                    yield Channel
                """,
                "declared where an instance of Channel belongs",
                id="class instead of instance",
            ),
            pytest.param(
                TOOLS + "        yield Tool('look', 'Looks.', {}, print)\n",
                "tool 'look': its handler is not async",
                id="tool that cannot be called",
            ),
        ],
    )
    def test_a_broken_plugin_is_recorded_and_hides_nobody(self, site: Site, code: str, why: str) -> None:
        site.install("bad", code, distribution="bad-things", version="0.3")
        site.install("zz_good", pager("pager", "pg"))

        registry = Registry.load()

        bad, good = strangers(registry)
        assert (bad.name, bad.distribution, bad.version, bad.channels) == ("bad", "bad-things", "0.3", ())
        assert bad.error is not None
        assert why in bad.error
        assert "\n" not in bad.error
        assert good.error is None
        assert registry.conflicts == ()
        assert "pager" in registry.channels

    def test_a_plugin_with_one_bad_channel_leaves_nothing_behind(self, site: Site) -> None:
        site.install(
            "bad",
            pager("pager", "pg")
            + "\n    @hookimpl\n    def stentor_runners():\n        yield 'not a runner'\n",
        )

        registry = Registry.load()

        assert "pager" not in registry.channels
        assert registry.channel_of_prefix("pg") is None

    def test_an_entry_without_a_distribution_is_recorded_all_the_same(self) -> None:
        registry = Registry.load([EntryPoint("lost", "nosuchmodule", "stentor")])

        (lost,) = registry.plugins
        assert (lost.name, lost.distribution, lost.version) == ("lost", "", "")
        assert lost.error == (
            "importing nosuchmodule failed: ModuleNotFoundError: No module named 'nosuchmodule'"
        )


class TestConflicts:
    def test_two_plugins_with_one_prefix_are_named_with_their_distributions(self, site: Site) -> None:
        site.install("a_plugin", pager("pager", "pg"), version="1.0")
        site.install("b_plugin", pager("phone", "pg"), version="2.0")

        registry = Registry.load()

        text = (
            "prefix 'pg' is claimed by a_plugin (a_plugin-dist 1.0) and by b_plugin (b_plugin-dist 2.0): "
            "uninstall one of them"
        )
        assert registry.conflicts == (text,)
        first, second = strangers(registry)
        assert (first.error, second.error) == (None, text)
        assert registry.channel_of_prefix("pg") is registry.channels["pager"]
        assert registry.channel_of_prefix("phone") is registry.channels["phone"]

    @pytest.mark.parametrize(
        ("name", "prefix"),
        [
            pytest.param("pager", "xx", id="the same name"),
            pytest.param("pg", "xx", id="a name that is another's prefix"),
        ],
    )
    def test_the_earlier_plugin_keeps_the_name(self, site: Site, name: str, prefix: str) -> None:
        site.install("a_plugin", pager("pager", "pg"))
        site.install("b_plugin", pager(name, prefix))

        registry = Registry.load()

        first, second = strangers(registry)
        assert (first.channels, second.channels) == (("pager",), ())
        assert registry.channel_of_prefix(name) is registry.channels["pager"]
        assert registry.channel_of_prefix(prefix) is None
        assert len(registry.conflicts) == 1

    def test_two_runners_or_tools_of_one_name_are_a_conflict(self) -> None:
        registry = Registry.of(tools=(tool("look"), tool("look")))

        assert list(registry.tools) == ["look"]
        (conflict,) = registry.conflicts
        assert conflict.startswith("tool 'look' is claimed by embedded (no distribution) and by embedded")

    def test_a_channel_may_list_its_own_name_among_its_prefixes(self) -> None:
        assert Registry.of(channels=(Post(),)).conflicts == ()


class TestValidation:
    @pytest.mark.parametrize(
        ("facts", "why"),
        [
            pytest.param({"name": ""}, "has the name ''", id="no name"),
            pytest.param({"name": "My Post"}, "has the name 'My Post'", id="blank in the name"),
            pytest.param({"name": 7}, "has the name 7", id="number for a name"),
            pytest.param({"prefixes": "post"}, "'prefixes' must be of type tuple", id="bare string"),
            pytest.param({"prefixes": ("Post",)}, "'Post' must be a lower-case word", id="upper case"),
            pytest.param({"prefixes": ("post:",)}, "'post:' must be a lower-case word", id="with colon"),
            pytest.param({"prefixes": ("",)}, "'' must be a lower-case word", id="empty"),
            pytest.param({"prefixes": ("dm",)}, "'dm' is reserved", id="reserved kind"),
            pytest.param({"name": "user"}, "'user' is reserved", id="reserved name"),
            pytest.param({"prefixes": ("last",)}, "'last' is reserved", id="reserved conversation"),
            pytest.param({"limits": None}, "'limits' must be of type Limits", id="no limits"),
            pytest.param(
                {"settings": dict}, "'settings' must be a subclass of AccountSettings", id="settings"
            ),
            pytest.param({"examples": ()}, "no example", id="no example"),
            pytest.param({"examples": ("post:Ann",)}, "instance of Example belongs", id="text as example"),
            pytest.param(
                {"examples": (Example("post:Ann", "post:Bob"),)},
                "'post:Ann' becomes 'post:Ann', not 'post:Bob'",
                id="example of another target",
            ),
            pytest.param(
                {"examples": (Example("a\x07b", "post:ab"),)},
                "does not parse: InvalidTarget",
                id="not a target",
            ),
            pytest.param(
                {"traits": Traits(rates=(Rate(0),))},
                "channel 'post': traits.rates[0].per_second is 0: it must be a number",
                id="rate of nothing",
            ),
            pytest.param(
                {"limits": Limits(100, caption=0)},
                "channel 'post': limits.caption is 0: it must be a whole number",
                id="caption of nothing",
            ),
            pytest.param(
                {"traits": Traits(retry=unsound(RetrySchedule(), delays=5))},
                "channel 'post': its declarations cannot be read: TypeError",
                id="number for delays",
            ),
            pytest.param(
                {"traits": Traits(pairs=True)},
                "channel 'post': traits.pairs is True, so it must have a pair and an unpair of its own",
                id="pairs in no way",
            ),
            pytest.param(
                {"traits": Traits(pairs=True), "pair": paired},
                "traits.pairs is True, so it must have a pair and an unpair of its own",
                id="pairs for ever",
            ),
            pytest.param(
                {"traits": Traits(pairs=True), "unpair": paired},
                "traits.pairs is True, so it must have a pair and an unpair of its own",
                id="unpairs alone",
            ),
            pytest.param(
                {"needs_account": False, "settings": Boxed},
                "channel 'post': its settings have no defaults, so it must say needs_account = True",
                id="account of nothing",
            ),
            pytest.param(
                {"parse_target": repeated},
                "does not parse: PluginFault: what parse_target returns must be a Target, not str",
                id="text as target",
            ),
        ],
    )
    def test_a_channel_that_breaks_the_contract_is_refused(
        self, facts: Mapping[str, object], why: str
    ) -> None:
        channel = type("Spoilt", (Post,), dict(facts))()

        with pytest.raises(PluginError) as refusal:
            Registry.of(channels=(channel,))

        assert why in str(refusal.value)

    def test_a_channel_that_pairs_says_how(self) -> None:
        facts = {"traits": Traits(pairs=True), "pair": paired, "unpair": paired}
        channel = type("Paired", (Post,), facts)()

        assert "post" in Registry.of(channels=(channel,)).channels

    def test_a_canonical_text_must_read_back_to_the_same_target(self) -> None:
        class Forgetful(Post):
            examples = (Example("mail:Ann", "post:Ann"),)

            def parse_target(self, text: str, hints: TargetHints) -> Target:
                kind = "mail" if text.startswith("mail:") else "box"
                return Target("post", kind, "Ann", "Ann")

        with pytest.raises(PluginError, match="read again is another target"):
            Registry.of(channels=(Forgetful(),))

    def test_a_target_of_another_channel_is_no_example(self) -> None:
        class Foreign(Post):
            examples = (Example("post:Ann", "mail:Ann"),)

            def parse_target(self, text: str, hints: TargetHints) -> Target:
                return Target("mail", "box", "Ann", "Ann")

        with pytest.raises(PluginError, match="is a target of 'mail'"):
            Registry.of(channels=(Foreign(),))


@dataclass
class Menu:
    """Takes the commands that plugins add."""

    paths: list[str] = field(default_factory=list[str])

    def add(self, path: str, handler: Callable[[Sequence[str]], int], *, help: str) -> None:  # noqa: A002
        self.paths.append(path)


class TestObservers:
    def test_one_that_raises_is_logged_and_felt_by_nobody(
        self, site: Site, caplog: pytest.LogCaptureFixture
    ) -> None:
        site.install("a_hollerer", HOLLERER)
        site.install("b_observer", OBSERVER)
        site.install("c_observer", OBSERVER)
        registry = Registry.load()
        receipt, delivery, run = {"messageId": "7"}, {"target": "post:Ann"}, {"runId": "r1"}
        menu = Menu()

        with caplog.at_level(logging.ERROR):
            registry.observe_receipt(receipt, delivery)
            registry.observe_run(run)
            registry.add_commands(menu)

        expected: list[object] = [({"messageId": "7"}, {"target": "post:Ann"}), {"runId": "r1"}]
        assert vars(sys.modules["b_observer"])["seen"] == expected
        assert vars(sys.modules["c_observer"])["seen"] == expected
        assert receipt == {"messageId": "7"}
        assert menu.paths == ["pager test", "pager test"]
        assert [record.getMessage() for record in caplog.records] == [
            "plugin a_hollerer (a_hollerer-dist 1.2): stentor_receipt failed: SystemExit: 3",
            "plugin a_hollerer (a_hollerer-dist 1.2): stentor_run_finished failed: RuntimeError: no printer",
            "plugin a_hollerer (a_hollerer-dist 1.2): stentor_commands failed: RuntimeError: no terminal",
        ]

    @pytest.mark.parametrize("raised", ["KeyboardInterrupt", "GeneratorExit", "asyncio.CancelledError"])
    def test_one_that_would_end_the_process_ends_nothing(
        self, site: Site, caplog: pytest.LogCaptureFixture, raised: str
    ) -> None:
        site.install("a_hollerer", "    import asyncio\n" + HOLLERER.replace("SystemExit(3)", f"{raised}()"))
        site.install("b_observer", OBSERVER)

        Registry.load().observe_receipt({"messageId": "7"}, {"target": "post:Ann"})

        assert vars(sys.modules["b_observer"])["seen"] == [({"messageId": "7"}, {"target": "post:Ann"})]
        assert "plugin a_hollerer" in caplog.text

    def test_a_plugin_that_was_refused_observes_nothing(self, site: Site) -> None:
        site.install("bad", OBSERVER + "\n    @hookimpl\n    def stentor_tools():\n        yield 'hammer'\n")
        registry = Registry.load()

        registry.observe_run({"runId": "r1"})

        assert vars(sys.modules["bad"])["seen"] == []


def test_what_is_handed_over_directly_needs_no_installation() -> None:
    post, look = Post(), tool("look")

    registry = Registry.of(channels=(post,), tools=(look,))

    assert registry.channels == {"post": post}
    assert registry.tools == {"look": look}
    assert registry.runners == {}
    assert registry.plugins == (Loaded("embedded", "", "", channels=("post",)),)


def test_the_built_in_plugins_come_the_way_a_stranger_comes() -> None:
    registry = Registry.load()

    built_in = {plugin.name: plugin for plugin in registry.plugins if plugin.distribution == "stentor"}
    failed = {name: plugin.error for name, plugin in built_in.items() if plugin.error}
    assert {name: error for name, error in failed.items() if is_here(name)} == {}
    assert {"agents", "local", "webhook"} <= set(built_in)
    assert "echo" in registry.runners


def test_importing_the_registry_imports_no_plugin_and_loading_imports_no_sdk() -> None:
    script = """
        import sys
        from stentor.adapters.registry import Registry
        early = {name for name in sys.modules if name.startswith(("stentor_", "stentor.agents"))}
        registry = Registry.load()
        sdks = {"telegram", "discord", "slack_sdk", "neonize", "httpx2", "httpcore2", "apprise", "nio"}
        print(sorted(early), sorted(sdks & set(sys.modules)), "webhook" in registry.channels)
    """
    command = [sys.executable, "-c", textwrap.dedent(script)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)

    assert done.stdout.strip() == "[] [] True"


def tool(name: str) -> Tool:
    async def handler(call: ToolCall, arguments: Mapping[str, object]) -> object:
        return None

    return Tool(name, "Look a word up.", {"type": "object"}, handler)
