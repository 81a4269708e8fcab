import textwrap
from collections.abc import Mapping
from pathlib import Path

import pytest
from pydantic import Field, field_validator

from stentor.config import (
    AgentConfig,
    Config,
    ConfigError,
    RunLogConfig,
    host_timezone,
    load_config,
    read_settings,
)
from stentor.contract.settings import AccountSettings, SecretRef
from stentor.home import home_dir

TYPED_BY_MISTAKE = "123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw1"


def written(home: Path, text: str) -> Path:
    (home / "stentor.toml").write_text(textwrap.dedent(text), "utf-8")
    return home


def refusal(home: Path, text: str) -> ConfigError:
    with pytest.raises(ConfigError) as error:
        load_config(written(home, text))
    return error.value


class TestHome:
    @pytest.mark.parametrize(
        ("explicit", "env", "platform", "expected"),
        [
            pytest.param("/a", {"STENTOR_HOME": "/b", "HOME": "/h"}, "linux", "/a", id="explicit"),
            pytest.param(None, {"STENTOR_HOME": "/b", "HOME": "/h"}, "linux", "/b", id="variable"),
            pytest.param(
                None,
                {"STENTOR_HOME": "", "HOME": "/h"},
                "linux",
                "/h/.local/share/stentor",
                id="empty variable",
            ),
            pytest.param(
                None, {"XDG_DATA_HOME": "/x", "HOME": "/h"}, "linux", "/x/stentor", id="data folder"
            ),
            pytest.param(
                None,
                {"XDG_DATA_HOME": "x", "HOME": "/h"},
                "linux",
                "/h/.local/share/stentor",
                id="relative data",
            ),
            pytest.param(
                None,
                {"XDG_DATA_HOME": "/x", "HOME": "/h"},
                "darwin",
                "/h/Library/Application Support/stentor",
                id="macOS",
            ),
        ],
    )
    def test_is_where_it_was_told_or_where_the_platform_keeps_data(
        self, explicit: str | None, env: Mapping[str, str], platform: str, expected: str
    ) -> None:
        assert home_dir(explicit, env, platform=platform) == Path(expected)

    def test_a_relative_path_is_fixed_at_the_start(self) -> None:
        assert home_dir("here", {}) == Path.cwd() / "here"

    def test_a_tilde_is_the_users_home(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HOME", "/users/ann")

        assert home_dir(None, {"STENTOR_HOME": "~/stentor"}) == Path("/users/ann/stentor")


class TestReading:
    def test_a_home_without_a_file_has_the_defaults(self, tmp_path: Path) -> None:
        config = load_config(tmp_path)

        assert config == Config()
        assert config.timezone is None
        assert config.scheduler.max_concurrent_runs == 8
        assert config.scheduler.missed.policy == "latest"
        assert config.scheduler.missed.grace_seconds is None
        assert config.scheduler.drain_seconds == 25
        assert config.scheduler.stall_seconds == 30
        assert config.scheduler.catch_up_per_minute == 6
        assert config.scheduler.max_starts_per_minute == 120
        assert config.scheduler.disable_after_errors == 10
        assert config.cron.run_log == RunLogConfig(keep_runs=2000, keep_days=30, max_bytes=0)
        assert config.agents["main"].max_concurrent_runs is None
        assert config.agents == {"main": AgentConfig()}
        assert config.agents["main"].runner == "echo"
        assert config.channels == {}

    def test_every_setting_is_read(self, tmp_path: Path) -> None:
        text = """
            timezone = "Europe/Berlin"

            [scheduler]
            max_concurrent_runs = 2
            max_starts_per_minute = 60
            catch_up_per_minute = 0
            disable_after_errors = 0
            missed = { policy = "skip", grace_seconds = 60 }
            setup_timeout_seconds = 5
            stall_timeout_seconds = 7.5
            stall_seconds = 20
            drain_seconds = 3

            [cron]
            run_log = { keep_runs = 100, keep_days = 7, max_bytes = 2000000 }

            [agents.ops]
            runner = "command"
            model = "openai:gpt-5-mini"
            workspace = "~/agents/ops"
            max_concurrent_runs = 1
            fallbacks = []
            command = ["python3", "agent.py"]
            options = { depth = 2 }

            [channels.pager]
            default_to = "pager:42"

            [channels.pager.accounts.default]
            token = { env = "PAGER_TOKEN" }
        """

        config = load_config(written(tmp_path, text))

        assert config.timezone == "Europe/Berlin"
        assert config.scheduler.model_dump() == {
            "max_concurrent_runs": 2,
            "max_starts_per_minute": 60,
            "catch_up_per_minute": 0,
            "disable_after_errors": 0,
            "missed": {"policy": "skip", "grace_seconds": 60},
            "setup_timeout_seconds": 5.0,
            "stall_timeout_seconds": 7.5,
            "stall_seconds": 20.0,
            "drain_seconds": 3.0,
        }
        assert config.cron.run_log == RunLogConfig(keep_runs=100, keep_days=7, max_bytes=2_000_000)
        ops = config.agents["ops"]
        assert (ops.runner, ops.model, ops.workspace) == ("command", "openai:gpt-5-mini", "~/agents/ops")
        assert (ops.fallbacks, ops.max_concurrent_runs) == ((), 1)
        assert ops.options == {"command": ["python3", "agent.py"], "options": {"depth": 2}}
        assert config.agents["main"].runner == "echo"
        assert config.channels["pager"].default_to == "pager:42"
        assert config.channels["pager"].accounts == {"default": {"token": {"env": "PAGER_TOKEN"}}}

    @pytest.mark.parametrize(
        ("text", "runner"),
        [
            pytest.param("", "echo", id="nothing"),
            pytest.param('model = "openai:gpt-5-mini"', "model", id="a model"),
            pytest.param('model = "m"\nrunner = "command"', "command", id="a model for another runner"),
            pytest.param('model = "m"\nrunner = "echo"', "echo", id="even for one that needs none"),
        ],
    )
    def test_who_names_a_model_wants_it_asked(self, tmp_path: Path, text: str, runner: str) -> None:
        assert load_config(written(tmp_path, f"[agents.main]\n{text}\n")).agents["main"].runner == runner

    def test_providers_and_the_models_of_an_agent_are_read(self, tmp_path: Path) -> None:
        text = """
            [agents.main]
            model = "box:llama3"
            fallbacks = ["openai:gpt-5-mini"]
            allowed_models = ["box:*", "openai:gpt-5-mini"]

            [providers.box]
            base_url = "http://192.168.1.5:8080/v1"
            api_key = { env = "BOX_KEY" }
            first_event_seconds = 30
        """
        config = load_config(written(tmp_path, text))
        main, box = config.agents["main"], config.providers["box"]
        assert (main.fallbacks, main.allowed_models) == (
            ("openai:gpt-5-mini",),
            ("box:*", "openai:gpt-5-mini"),
        )
        assert (box.api, box.api_key, box.first_event_seconds) == (None, SecretRef(env="BOX_KEY"), 30)

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            pytest.param("keepLines = 500", {"keep_runs": 500}, id="lines are runs"),
            pytest.param("maxBytes = 2000000", {"max_bytes": 2_000_000}, id="a number"),
            pytest.param('maxBytes = "2mb"', {"max_bytes": 2_000_000}, id="a size"),
            pytest.param('maxBytes = " 1.5 KB "', {"max_bytes": 1500}, id="a size written loosely"),
            pytest.param('max_bytes = "1gb"', {"max_bytes": 1_000_000_000}, id="a size by our own name"),
            pytest.param('maxBytes = "77"', {"max_bytes": 77}, id="bytes as text"),
            pytest.param(
                "keep_runs = false\nkeep_days = false\nmaxBytes = false",
                {"keep_runs": 0, "keep_days": 0},
                id="false is no limit",
            ),
            pytest.param("keep_days = 0.5", {"keep_days": 0.5}, id="half a day"),
        ],
    )
    @pytest.mark.parametrize("table", ["run_log", "runLog"])
    def test_the_limits_of_the_run_log_are_read_as_openclaw_spells_them(
        self, tmp_path: Path, table: str, text: str, expected: dict[str, float]
    ) -> None:
        config = load_config(written(tmp_path, f"[cron.{table}]\n{text}"))
        assert config.cron.run_log == RunLogConfig.model_validate(expected)

    def test_the_main_agent_can_be_configured(self, tmp_path: Path) -> None:
        config = load_config(written(tmp_path, "[agents.main]\nrunner = 'command'\n"))

        assert list(config.agents) == ["main"]
        assert config.agents["main"].runner == "command"

    def test_a_byte_order_mark_is_no_mistake(self, tmp_path: Path) -> None:
        (tmp_path / "stentor.toml").write_bytes(b"\xef\xbb\xbftimezone = 'UTC'\r\n")

        assert load_config(tmp_path).timezone == "UTC"


class TestMistakes:
    def test_broken_toml_is_named_with_file_and_line(self, tmp_path: Path) -> None:
        error = refusal(tmp_path, f"timezone = 'UTC'\ntoken = {TYPED_BY_MISTAKE}\n")

        assert str(tmp_path / "stentor.toml") in error.message
        assert "line 2" in error.message
        assert TYPED_BY_MISTAKE not in error.message
        assert error.hint
        assert error.details == []

    def test_bytes_that_are_no_text_are_refused(self, tmp_path: Path) -> None:
        (tmp_path / "stentor.toml").write_bytes(b"timezone = '\xff'\n")

        with pytest.raises(ConfigError, match="not UTF-8 text"):
            load_config(tmp_path)

    def test_a_file_that_cannot_be_read_is_not_a_missing_file(self, tmp_path: Path) -> None:
        (tmp_path / "stentor.toml").mkdir()

        with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
            load_config(tmp_path)

    @pytest.mark.parametrize(
        ("text", "path", "why"),
        [
            pytest.param(
                "[scheduler]\nmax_concurent_runs = 3",
                "scheduler.max_concurent_runs",
                "this release has no such setting, did you mean 'max_concurrent_runs'?",
                id="misspelt key",
            ),
            pytest.param(
                "[scheduler]\nmissed = { polcy = 'all' }",
                "scheduler.missed.polcy",
                "did you mean 'policy'?",
                id="misspelt key deeper down",
            ),
            pytest.param("timezon = 'UTC'", "timezon", "did you mean 'timezone'?", id="misspelt at the top"),
            pytest.param(
                "[channels.pager]\ndefault_too = 'x'",
                "channels.pager.default_too",
                "did you mean 'default_to'?",
                id="misspelt in a channel",
            ),
            pytest.param(
                "[channels.model]\nrunner = 'x'",
                "channels.model.runner",
                "there are: default_to, accounts",
                id="nothing is alike",
            ),
            *(
                pytest.param(
                    f"[{section}]\nkeep_days = 3",
                    section,
                    "no such setting; there are: timezone, scheduler, cron, sessions, heartbeat, deliveries, agents, providers, channels",
                    id=f"no section {section}",
                )
                for section in ("http", "store")
            ),
            pytest.param("timezone = 'Europe/Berlon'", "timezone", "is not an IANA time zone", id="zone"),
            pytest.param("timezone = 'localtime'", "timezone", "is not an IANA time zone", id="link as zone"),
            pytest.param("timezone = 'Europe'", "timezone", "is not an IANA time zone", id="folder of zones"),
            pytest.param("timezone = '../etc'", "timezone", "is not an IANA time zone", id="path as zone"),
            pytest.param("timezone = ''", "timezone", "is not an IANA time zone", id="empty zone"),
            pytest.param(
                "[scheduler]\nmissed.policy = 'late'",
                "scheduler.missed.policy",
                "Input should be 'latest', 'all' or 'skip'",
                id="unknown policy",
            ),
            pytest.param(
                "scheduler.max_concurrent_runs = 0", "scheduler.max_concurrent_runs", "greater than", id="few"
            ),
            pytest.param(
                "scheduler.max_concurrent_runs = 513", "scheduler.max_concurrent_runs", "less than", id="many"
            ),
            pytest.param(
                "scheduler.max_concurrent_runs = '8'", "scheduler.max_concurrent_runs", "integer", id="text"
            ),
            pytest.param(
                "scheduler.max_concurrent_runs = true",
                "scheduler.max_concurrent_runs",
                "integer",
                id="boolean",
            ),
            *(
                pytest.param(f"scheduler.{key} = {value}", f"scheduler.{key}", why, id=f"{key} {value}")
                for key, value, why in (
                    ("catch_up_per_minute", "601", "less than"),
                    ("catch_up_per_minute", "-1", "greater than"),
                    ("max_starts_per_minute", "0", "greater than"),
                    ("disable_after_errors", "false", "integer"),
                    ("stall_seconds", "0.5", "greater than"),
                    ("stall_seconds", "inf", "finite"),
                    ("setup_timeout_seconds", "0", "greater than"),
                    ("stall_timeout_seconds", "nan", "finite"),
                )
            ),
            pytest.param(
                "agents.a.max_concurrent_runs = 0", "agents.a.max_concurrent_runs", "greater than", id="idle"
            ),
            pytest.param("scheduler.drain_seconds = inf", "scheduler.drain_seconds", "finite", id="for ever"),
            pytest.param("scheduler.drain_seconds = -1", "scheduler.drain_seconds", "greater", id="negative"),
            pytest.param("scheduler = 3", "scheduler", "must be a table", id="number for a table"),
            pytest.param("agents = []", "agents", "must be a table", id="list for a table"),
            pytest.param("agents.a.fallbacks = 'x:y'", "agents.a.fallbacks", "tuple", id="one for many"),
            pytest.param("[providers.Box]", "providers.Box", "a provider's name has up to 64", id="provider"),
            pytest.param(
                "providers.box.api_key = 'sk-1'", "providers.box.api_key", "a secret is a reference", id="key"
            ),
            pytest.param("providers.box.api = 'x'", "providers.box.api", "'openai'", id="unknown protocol"),
            pytest.param("[agents.Main]", "agents.Main", "an agent's id has up to 64", id="upper-case agent"),
            pytest.param('[agents."two words"]', 'agents."two words"', "an agent's id", id="blank in agent"),
            pytest.param(f"[agents.{'a' * 65}]", f"agents.{'a' * 65}", "an agent's id", id="long agent"),
            pytest.param(
                '[channels.pager.accounts."../x"]',
                'channels.pager.accounts."../x"',
                "an account's id has up to 64",
                id="account that leaves its folder",
            ),
        ],
    )
    def test_a_mistake_is_named_by_its_path(self, tmp_path: Path, text: str, path: str, why: str) -> None:
        error = refusal(tmp_path, text)

        (detail,) = error.details
        assert detail["path"] == path
        assert why in detail["message"]
        assert error.message == f"{tmp_path / 'stentor.toml'}: {path}: {detail['message']}"
        assert error.hint == f"edit {tmp_path / 'stentor.toml'}"

    @pytest.mark.parametrize(
        ("text", "path", "why"),
        [
            pytest.param("keep_runs = true", "keep_runs", "integer", id="true is no number"),
            pytest.param("keepLines = -1", "keep_runs", "greater than", id="by its other name"),
            pytest.param("keep_days = 40000", "keep_days", "less than", id="a century"),
            pytest.param('maxBytes = "2 parsecs"', "max_bytes", "is no size; write", id="no size"),
            pytest.param('maxBytes = "-2mb"', "max_bytes", "is no size; write", id="less than nothing"),
            pytest.param("max_bytes = 1.5", "max_bytes", "integer", id="half a byte"),
            pytest.param("keep_line = 5", "keep_line", "did you mean 'keep_runs'?", id="misspelt"),
        ],
    )
    def test_a_mistake_about_the_run_log_is_named_too(
        self, tmp_path: Path, text: str, path: str, why: str
    ) -> None:
        (detail,) = refusal(tmp_path, f"[cron.runLog]\n{text}").details
        assert detail["path"] == f"cron.run_log.{path}"
        assert why in detail["message"]

    @pytest.mark.parametrize(
        ("text", "path", "why"),
        [
            (
                "[cron.run_log]\nmaxBytes = 1\nmax_bytes = 1",
                "cron.run_log",
                "max_bytes and maxBytes are the same",
            ),
            ("[cron]\nrunLog = {}\nrun_log = {}", "cron", "run_log and runLog are the same setting"),
        ],
        ids=["a key", "a table"],
    )
    def test_a_setting_is_not_made_twice_by_two_names(
        self, tmp_path: Path, text: str, path: str, why: str
    ) -> None:
        (detail,) = refusal(tmp_path, text).details
        assert detail["path"] == path
        assert why in detail["message"]

    def test_all_mistakes_are_named_at_once(self, tmp_path: Path) -> None:
        error = refusal(tmp_path, "timezone = 'Mars'\nport = 3\n[scheduler]\ndrain_seconds = 'x'\n")

        assert {detail["path"] for detail in error.details} == {"timezone", "port", "scheduler.drain_seconds"}
        assert error.message.endswith("(and 2 more)")

    @pytest.mark.parametrize(
        "text",
        [
            "timezone = '{}'",
            "scheduler = '{}'",
            "scheduler.drain_seconds = '{}'",
            "scheduler.missed.policy = '{}'",
            "agents.main = '{}'",
            "agents.main.fallbacks = '{}'",
            "providers.box.api_key = '{}'",
            "channels.pager.token = '{}'",
            "channels.pager.accounts.default = '{}'",
            "token = '{}'",
        ],
    )
    def test_a_value_is_never_repeated(self, tmp_path: Path, text: str) -> None:
        error = refusal(tmp_path, text.format(TYPED_BY_MISTAKE))

        assert TYPED_BY_MISTAKE not in f"{error} {error.hint} {error.details} {error.__cause__!r}"


class PagerSettings(AccountSettings):
    token: SecretRef
    region: str | None = Field(default=None)
    numbers: tuple[str, ...] = ()
    spare: SecretRef | None = None

    @field_validator("numbers")
    @classmethod
    def _are_numbers(cls, numbers: tuple[str, ...]) -> tuple[str, ...]:
        for number in numbers:
            if not number.isdigit():
                raise ValueError(f"{number!r} is not a number")
        return numbers


class TestSettingsOfPlugins:
    AT = ("channels", "pager", "accounts", "default")

    def test_are_checked_by_the_plugins_own_model(self) -> None:
        settings = read_settings(PagerSettings, {"token": {"env": "T"}, "numbers": ["1"]}, at=self.AT)

        assert settings == PagerSettings(token=SecretRef(env="T"), numbers=("1",))

    @pytest.mark.parametrize(
        ("raw", "path", "why"),
        [
            pytest.param({}, "token", "is required", id="missing"),
            pytest.param(
                {"token": {"env": "T"}, "regoin": "eu"}, "regoin", "did you mean 'region'?", id="misspelt"
            ),
            pytest.param(
                {"token": {"evn": "T", "env": "T"}},
                "token.evn",
                "did you mean 'env'?",
                id="misspelt in a secret",
            ),
            pytest.param(
                {"token": {"env": "T"}, "spare": {"flie": "T", "env": "T"}},
                "spare.flie",
                "did you mean 'file'?",
                id="misspelt in an optional table",
            ),
            pytest.param({"token": TYPED_BY_MISTAKE}, "token", "a secret is a reference", id="plain secret"),
            pytest.param({"token": {}}, "token", "name exactly one of env, file", id="no place"),
            pytest.param(
                {"token": {"env": "T"}, "numbers": ["1", TYPED_BY_MISTAKE]},
                "numbers",
                "'…' is not a number",
                id="a validator that quotes",
            ),
        ],
    )
    def test_mistakes_are_named_like_the_cores_own(
        self, raw: Mapping[str, object], path: str, why: str
    ) -> None:
        with pytest.raises(ConfigError) as error:
            read_settings(PagerSettings, raw, at=self.AT)

        (detail,) = error.value.details
        assert detail["path"] == f"channels.pager.accounts.default.{path}"
        assert why in detail["message"]
        assert TYPED_BY_MISTAKE not in str(error.value)


class TestHostZone:
    @pytest.fixture
    def root(self, tmp_path: Path) -> Path:
        (tmp_path / "etc").mkdir()
        return tmp_path

    @pytest.mark.parametrize(
        ("told", "expected"),
        [
            pytest.param("Asia/Tokyo", "Asia/Tokyo", id="name"),
            pytest.param(":Asia/Tokyo", "Asia/Tokyo", id="name with colon"),
            pytest.param("/usr/share/zoneinfo/Asia/Tokyo", "Asia/Tokyo", id="path"),
            pytest.param(":/usr/share/zoneinfo/posix/Asia/Tokyo", "Asia/Tokyo", id="posix path"),
            pytest.param("CET-1CEST", None, id="rule without a name"),
            pytest.param("", None, id="empty"),
        ],
    )
    def test_is_what_tz_says(self, root: Path, told: str, expected: str | None) -> None:
        assert host_timezone({"TZ": told}, root) == expected

    @pytest.mark.parametrize(
        "link",
        [
            "/usr/share/zoneinfo/Europe/Berlin",
            "../usr/share/zoneinfo/Europe/Berlin",
            "/var/db/timezone/zoneinfo/Europe/Berlin",
        ],
    )
    def test_is_what_the_link_says(self, root: Path, link: str) -> None:
        (root / "etc/localtime").symlink_to(link)
        (root / "etc/timezone").write_text("Asia/Tokyo\n")

        assert host_timezone({}, root) == "Europe/Berlin"

    def test_a_link_to_a_link_is_followed(self, root: Path) -> None:
        (root / "etc/localtime").symlink_to("zone")
        (root / "etc/zone").symlink_to(root / "zoneinfo/Europe/Oslo")

        assert host_timezone({}, root) == "Europe/Oslo"

    @pytest.mark.parametrize("content", ["Asia/Tokyo\n", "Asia/Tokyo"])
    def test_is_the_name_in_a_file_where_there_is_no_link(self, root: Path, content: str) -> None:
        (root / "etc/localtime").write_bytes(b"TZif2")
        (root / "etc/timezone").write_text(content)

        assert host_timezone({}, root) == "Asia/Tokyo"

    def test_may_be_unknown(self, root: Path) -> None:
        assert host_timezone({}, root) is None

    def test_is_used_by_a_configuration_without_a_zone(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("TZ", "Asia/Tokyo")

        assert Config().zone() == ("Asia/Tokyo", "host")
        assert Config(timezone="Europe/Berlin").zone() == ("Europe/Berlin", "config")


class TestAlerts:
    @pytest.mark.parametrize(
        ("text", "said"),
        [
            pytest.param("[cron]", (True, None, 3_600_000, False), id="defaults"),
            pytest.param("[cron]\nfailure_alert = false", (False, None, 3_600_000, False), id="off"),
            pytest.param("[cron.failure_alert]\nafter = 3", (True, 3, 3_600_000, False), id="after"),
            pytest.param(
                '[cron.failure_alert]\ncooldown = "90m"', (True, None, 5_400_000, False), id="words"
            ),
            pytest.param(
                "[cron.failureAlert]\ncooldownMs = 5\nincludeSkipped = true",
                (True, None, 5, True),
                id="openclaw",
            ),
        ],
    )
    def test_when_people_hear_of_failures(
        self, tmp_path: Path, text: str, said: tuple[bool, int | None, int, bool]
    ) -> None:
        alert = load_config(written(tmp_path, text)).cron.failure_alert
        assert (alert.enabled, alert.after, alert.cooldown, alert.include_skipped) == said

    def test_where_they_hear_of_them(self, tmp_path: Path) -> None:
        text = '[cron]\nfailureDestination = { to = "local:ops", accountId = "two", threadId = "7" }'
        place = load_config(written(tmp_path, text)).cron.failure_destination
        assert place is not None
        assert (place.to, place.account_id, place.thread_id, place.mode) == ("local:ops", "two", "7", None)

    @pytest.mark.parametrize(
        ("text", "path"),
        [
            pytest.param(
                '[cron.failure_alert]\ncooldown = "often"', "cron.failure_alert.cooldown", id="words"
            ),
            pytest.param('[cron.failure_alert]\ncooldown = "7"', "cron.failure_alert.cooldown", id="no unit"),
            pytest.param("[cron.failure_alert]\nafter = 0", "cron.failure_alert.after", id="after none"),
            pytest.param(
                "[cron.failure_destination]\nchannel = 'x'", "cron.failure_destination.to", id="no target"
            ),
            pytest.param("[cron.failure_alert]\nto = 'local:x'", "cron.failure_alert.to", id="a place"),
        ],
    )
    def test_a_mistake_in_them_is_named(self, tmp_path: Path, text: str, path: str) -> None:
        assert refusal(tmp_path, text).details[0]["path"] == path
