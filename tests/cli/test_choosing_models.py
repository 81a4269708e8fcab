"""A model of a provider that is not there is refused where somebody names it."""

from pathlib import Path

from tests.outside import Stentor

MEND = "there is no provider 'x'; add [providers.x] with its base_url, or use anthropic, google, ollama, openai, shed"
ADDING = ("--id", "tea", "--every", "1d", "--to", "local:a", "--agent", "main")


def test_a_model_of_nobody_is_refused_with_the_providers_there_are(stentor: Stentor, home: Path) -> None:
    home.mkdir()
    (home / "stentor.toml").write_text(
        '[agents.main]\nmodel = "shed:1"\n[providers.shed]\nbase_url = "http://127.0.0.1:9/v1"\n'
    )
    for command in ("add", "preview"):
        error = stentor.refusal("cron", command, *ADDING, "--message", "hi", "--model", "x:y")
        assert (error["code"], error["details"][0]["path"]) == ("unknown_model", "payload.model")
        assert MEND in error["message"]

    stentor.ask("cron", "add", *ADDING, "--message", "hi", "--model", "shed:2")
    error = stentor.refusal("cron", "edit", "tea", "--model", "nonsense")
    assert "write provider:model, such as openai:gpt-5-mini" in error["message"]
    assert stentor.job("tea")["payload"]["model"] == "shed:2"

    stentor.ask("cron", "add", "--id", "told", "--every", "1d", "--to", "local:a", "--text", "hi")
    stentor.ask("cron", "run", "told", "--wait")
    assert MEND in stentor.refusal("sessions", "set", "agent:main:cron:told", "--model", "x:y")["message"]
    wanted = stentor.ask("sessions", "set", "agent:main:cron:told", "--model", "openai:gpt-5")
    assert wanted["preferences"]["model"] == "openai:gpt-5"


def test_a_tool_that_nobody_has_is_a_warning(stentor: Stentor) -> None:
    adding = (*ADDING, "--message", "hi", "--tools", "message,nosuchtool")
    for command in ("preview", "add"):
        warnings = stentor.ask("cron", command, *adding)["warnings"]
        (warning,) = [each for each in warnings if not each.startswith("no-daemon")]
        assert warning.startswith(
            "payload.toolsAllow names what is no tool here: 'nosuchtool'; there are cron, "
        )
