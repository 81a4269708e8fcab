"""A running daemon is asked about its accounts, and lends them to whoever pairs them."""

import pytest
from tests.api import Api
from tests.outside import JsonObject

OWNER = {"channel": "local", "accountId": "default"}


def test_an_account_is_asked_who_it_is(api: Api) -> None:
    assert api.ask("POST", "accounts/probe", OWNER) == (200, {"said": "ready"})


def test_a_target_is_checked_by_the_account_that_is_open(api: Api) -> None:
    status, found = api.ask("POST", "accounts/check", {**OWNER, "target": " LOCAL: Ops"})

    assert (status, found) == (
        200,
        {
            "channel": "local",
            "kind": "box",
            "id": "Ops",
            "address": "Ops",
            "thread": None,
            "account": "default",
            "display": found["display"],
            "warnings": [],
        },
    )


@pytest.mark.parametrize(
    ("target", "code"),
    [
        ("local:a b", "bad_target"),
        ("webhook:https://x.example/", "channel_mismatch"),
        ("local:a\x07", "bad_target"),
    ],
)
def test_a_target_that_the_account_cannot_have_is_refused(api: Api, target: str, code: str) -> None:
    status, document = api.ask("POST", "accounts/check", {**OWNER, "target": target})

    assert (status, document["error"]["code"]) == (400, code)


def test_an_account_that_is_given_away_is_not_there_until_it_is_given_back(api: Api) -> None:
    assert api.ask("POST", "accounts/give-away", OWNER) == (200, OWNER)
    status, document = api.ask("POST", "accounts/probe", OWNER)
    assert (status, document["error"]["code"]) == (400, "account_down")
    assert document["error"]["message"] == "it is being paired"
    (given,) = [row for row in api.ask("GET", "status")[1]["accounts"] if row["channel"] == "local"]
    assert (given["state"], given["reason"]) == ("down", "it is being paired")

    assert api.ask("POST", "accounts/renew", OWNER) == (200, OWNER)
    assert api.ask("POST", "accounts/probe", OWNER) == (200, {"said": "ready"})


def test_an_account_that_was_not_given_away_is_renewed_all_the_same(api: Api) -> None:
    assert api.ask("POST", "accounts/renew", OWNER) == (200, OWNER)


ROUTES = ("probe", "check", "give-away", "renew")
BODIES: dict[str, tuple[JsonObject, str, str]] = {
    "no channel": ({"channel": None}, "channel", "must not be blank"),
    "a blank channel": ({"channel": " "}, "channel", "must not be blank"),
    "a number for a channel": ({"channel": 5}, "channel", "must be text"),
    "no account": ({"accountId": None}, "accountId", "must not be blank"),
    "a list for an account": ({"accountId": ["default"]}, "accountId", "must be text"),
    "an unknown name": ({"account": "default"}, "account", "unknown field 'account'"),
}


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize(("change", "path", "said"), BODIES.values(), ids=BODIES.keys())
def test_a_body_of_wrong_parts_is_refused_by_their_names(
    api: Api, route: str, change: JsonObject, path: str, said: str
) -> None:
    body = {**OWNER, **({"target": "local:a"} if route == "check" else {}), **change}

    status, document = api.ask("POST", f"accounts/{route}", body)

    assert (status, document["error"]["code"]) == (400, "bad_request")
    (detail,) = document["error"]["details"]
    assert (detail["path"], said in detail["message"]) == (path, True)


@pytest.mark.parametrize("target", [None, "", " ", 5], ids=["none", "empty", "blank", "number"])
def test_a_check_of_no_target_is_refused_by_its_name(api: Api, target: object) -> None:
    status, document = api.ask("POST", "accounts/check", {**OWNER, "target": target})

    assert (status, [detail["path"] for detail in document["error"]["details"]]) == (400, ["target"])


@pytest.mark.parametrize("route", ["probe", "give-away", "renew"])
def test_a_target_is_only_for_a_check(api: Api, route: str) -> None:
    status, document = api.ask("POST", f"accounts/{route}", {**OWNER, "target": "local:a"})

    assert (status, [detail["path"] for detail in document["error"]["details"]]) == (400, ["target"])


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize(
    "owner", [{"accountId": "office"}, {"channel": "pager"}, {"channel": "LOCAL"}], ids=str
)
def test_an_account_that_the_daemon_does_not_have_is_not_found(
    api: Api, route: str, owner: JsonObject
) -> None:
    body = {**OWNER, **({"target": "local:a"} if route == "check" else {}), **owner}

    status, document = api.ask("POST", f"accounts/{route}", body)

    assert (status, document["error"]["code"]) == (404, "not_found")
    assert "it was started before that was configured" in document["error"]["message"]


@pytest.mark.parametrize("route", ROUTES)
def test_accounts_are_asked_by_one_method_alone(api: Api, route: str) -> None:
    status, document = api.ask_plainly("GET", f"/api/v1/accounts/{route}")

    assert (status, document["error"]["code"]) == (405, "bad_method")
