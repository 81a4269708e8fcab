"""Models and providers in the configuration: what can mean nothing is refused, by its path."""

from pathlib import Path

import pytest

from stentor.config import ConfigError, load_config


@pytest.mark.parametrize(
    ("text", "path", "why"),
    [
        *(
            pytest.param(f"agents.a.{key} = {value}", f"agents.a.{path}", why, id=f"{key} {value}")
            for key, value, path, why in (
                ("model", "''", "model", "leave it out where there is none"),
                ("model", "' '", "model", "without blanks around it"),
                ("model", "' x:y'", "model", "without blanks around it"),
                ("fallbacks", "['x:y', ' ']", "fallbacks[1]", "names a model"),
                ("allowed_models", "['']", "allowed_models[0]", "names a model"),
                ("allowed_models", "['x:y', '*']", "allowed_models[1]", "such as openai:*"),
                ("allowed_models", "[':*']", "allowed_models[0]", "no other pattern means anything"),
                ("allowed_models", "['x:gpt-*']", "allowed_models[0]", "no other pattern means anything"),
                ("allowed_models", "['x*:*']", "allowed_models[0]", "no other pattern means anything"),
            )
        ),
        pytest.param("heartbeat.model = 'x:y '", "heartbeat.model", "without blanks", id="heartbeat's model"),
        *(
            pytest.param(
                f"providers.box.base_url = '{url}'", "providers.box.base_url", "is no address", id=name
            )
            for name, url in {
                "no scheme": "box:80",
                "another scheme": "ftp://box/",
                "no host": "http://:80",
                "no port": "http://box:port/v1",
                "port zero": "http://box:0/v1",
                "no URL": "http://[::1/v1",
                "a blank in it": "http://bo x/v1",
                "blanks": "  ",
            }.items()
        ),
        *(
            pytest.param(f"providers.box.{key} = {value}", f"providers.box.{key}", why, id=f"{key} {value}")
            for key, value, why in (
                ("first_event_seconds", "0", "greater than"),
                ("first_event_seconds", "true", "number"),
                ("idle_seconds", "-1", "greater than"),
                ("idle_seconds", "nan", "finite"),
                ("request_seconds", "'8'", "number"),
                ("request_seconds", "inf", "finite"),
            )
        ),
    ],
)
def test_what_can_mean_nothing_is_refused(tmp_path: Path, text: str, path: str, why: str) -> None:
    (tmp_path / "stentor.toml").write_text(text)

    with pytest.raises(ConfigError) as refused:
        load_config(tmp_path)

    (detail,) = refused.value.details
    assert detail["path"] == path
    assert why in detail["message"]


def test_a_name_and_all_of_a_provider_are_what_may_be_allowed(tmp_path: Path) -> None:
    (tmp_path / "stentor.toml").write_text("agents.a.allowed_models = ['openai:*', 'box:llama3:8b', 'plain']")
    assert load_config(tmp_path).agents["a"].allowed_models == ("openai:*", "box:llama3:8b", "plain")
