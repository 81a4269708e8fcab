"""The options that describe a job, the same wherever one is described."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])
Option = Callable[[F], F]

_FILE = click.Path(dir_okay=False, allow_dash=True)
_THINKING = click.Choice(["off", "minimal", "low", "medium", "high", "xhigh"])


def _words(*words: str) -> click.Choice[str]:
    return click.Choice(words, case_sensitive=False)


_NAMES = (
    click.option("--name", help="What to call the job."),
    click.option("--description", help="For people."),
    click.option("--agent", help="The agent whose turn it is."),
)
_SCHEDULE = (
    click.option("--at", help="Once: ISO time, or a duration from now such as 20m."),
    click.option("--every", help="Again and again: a duration such as 1h30m."),
    click.option("--cron", help="A cron expression; with six fields the first is seconds."),
    click.option("--tz", help="IANA zone of --cron, or of an --at without offset."),
    click.option("--stagger", help="Spread a cron job's instants by up to this duration."),
    click.option("--exact", is_flag=True, help="No stagger."),
)
_SESSION = (
    click.option("--session", help="main, isolated or session:<id>."),
    click.option("--session-key", help="Let an isolated job share this session."),
    click.option("--wake", type=_words("now", "next-heartbeat"), help="When the main session hears of it."),
)
_PAYLOAD = (
    click.option("--message", help="Ask the agent this."),
    click.option("--text", help="Deliver this text as it is."),
    click.option("--system-event", help="Put this line into the main session."),
    click.option("--command", help="Run this program and deliver its output."),
    click.option("--command-argv", help='The same as a JSON list: ["ls", "-l"].'),
    click.option("--command-cwd", help="Where the program runs."),
    click.option("--command-env", multiple=True, help="KEY=VALUE for the program; repeat it for several."),
    click.option("--command-input", help="What the program reads."),
    click.option("--model", help="The model for this job."),
    click.option("--thinking", type=_THINKING, help="How hard the model thinks."),
    click.option("--timeout-seconds", type=float, help="0 means no limit."),
    click.option("--light-context", is_flag=True, help="Without the agent's bootstrap files."),
    click.option(
        "--fallbacks", help='Models that stand in for it, with commas between them; "" for none at all.'
    ),
    click.option("--tools", help="The only tools the agent gets, with commas between them."),
)
_DELIVERY = (
    click.option("--announce", is_flag=True, help="Deliver the result to --to, or to the default target."),
    click.option("--deliver", is_flag=True, hidden=True),
    click.option("--no-deliver", is_flag=True, help="Keep the result in the run log only."),
    click.option("--webhook", help="Post the finished run to this URL."),
    click.option("--to", multiple=True, help="A target such as local:inbox; repeat it for several."),
    click.option("--channel", help="The channel of a target without prefix."),
    click.option("--thread-id", help="The thread inside the target."),
    click.option("--account", help="The account to send with."),
    click.option(
        "--best-effort-deliver", is_flag=True, help="A failed delivery does not count against the job."
    ),
    click.option("--silent", is_flag=True, help="Messages make no sound."),
    click.option("--no-link-previews", is_flag=True, help="No previews under links."),
    click.option("--broadcast", is_flag=True, help="What goes to a thread is shown beside it too."),
    click.option(
        "--priority",
        type=_words("interactive", "alert", "announce", "digest"),
        help="Which target goes first when many wait.",
    ),
    click.option("--expires", help="Give up what was not sent after this duration."),
    click.option(
        "--on-unknown", type=_words("hold", "resend"), help="What becomes of a part that may have arrived."
    ),
)
_ALERTS = (
    click.option("--failure-alert", is_flag=True, help="Tell of this job's failures, whatever the default."),
    click.option("--no-failure-alert", is_flag=True, help="Tell nobody of this job's trouble."),
    click.option(
        "--failure-alert-after", type=click.IntRange(1, 1000), help="From how many errors in a row."
    ),
    click.option(
        "--failure-alert-cooldown", help="How long after it until a reminder: a duration such as 1h."
    ),
    click.option("--failure-alert-include-skipped", is_flag=True, help="Skipped runs count as errors do."),
    click.option("--failure-alert-exclude-skipped", is_flag=True, help="Skipped runs are nothing to tell."),
    click.option(
        "--failure-alert-mode", type=_words("announce", "webhook"), help="With webhook, the target is a URL."
    ),
    click.option("--failure-alert-channel", help="The channel of its target without prefix."),
    click.option("--failure-alert-to", help="Where failures are told: a target such as local:ops."),
    click.option("--failure-alert-thread-id", help="The thread inside that target."),
    click.option("--failure-alert-account-id", help="The account to tell it with."),
)
_RULES = (
    click.option(
        "--missed", type=_words("latest", "all", "skip"), help="Which missed instants are made up for."
    ),
    click.option("--grace", help="How old a missed instant may be to run: a duration such as 2h."),
    click.option(
        "--overlap", type=_words("skip", "queue"), help="What an instant does while the last run goes on."
    ),
    click.option(
        "--on-interrupt", type=_words("auto", "rerun", "report"), help="What becomes of an interrupted run."
    ),
    click.option("--retries", type=click.IntRange(0, 10), help="How often a passing failure is tried again."),
    click.option("--delete-after-run", is_flag=True, help="Remove a one-shot that is done."),
    click.option("--keep-after-run", is_flag=True, help="Keep a one-shot that is done."),
)
_ONLY_NEW = (
    click.option("--file", "file", type=_FILE, help="A job as JSON; - reads stdin."),
    click.option("--id", "id", help="Choose the job's id."),
    click.option("--disabled", is_flag=True, help="Store the job switched off."),
)
_ONLY_EDIT = (
    click.option("--file", "file", type=_FILE, help="The changes as JSON: null clears; - reads stdin."),
    click.option("--revision", type=click.IntRange(1), help="Refuse unless this is the job's revision."),
    click.option("--enable", is_flag=True, help="Switch the job on."),
    click.option("--disable", is_flag=True, help="Switch the job off."),
    click.option("--no-light-context", is_flag=True, help="With the agent's bootstrap files."),
    click.option("--no-best-effort-deliver", is_flag=True, help="A failed delivery counts against the job."),
    click.option("--no-silent", is_flag=True, help="Messages make their sound again."),
    click.option("--link-previews", is_flag=True, help="Previews under links again."),
    click.option("--no-broadcast", is_flag=True, help="What goes to a thread is shown there only."),
    click.option("--clear-agent", is_flag=True, help="The default agent again."),
    click.option("--clear-session-key", is_flag=True, help="A session of its own again."),
    click.option("--clear-model", is_flag=True, help="The agent's model again."),
    click.option("--clear-thinking", is_flag=True, help="As hard as the agent thinks."),
    click.option("--clear-to", is_flag=True, help="The default target again."),
    click.option("--clear-channel", is_flag=True, help="Targets say their channel themselves."),
    click.option("--clear-thread-id", is_flag=True, help="The target outside its thread."),
    click.option("--clear-account", is_flag=True, help="The only account again."),
    click.option("--clear-fallbacks", is_flag=True, help="The agent's fallbacks again."),
    click.option("--clear-tools", is_flag=True, help="All tools again."),
)
_COMMON = (*_NAMES, *_SCHEDULE, *_SESSION, *_PAYLOAD, *_DELIVERY, *_ALERTS, *_RULES)


def new_job_options(command: F) -> F:
    return _with((*_ONLY_NEW, *_COMMON), command)


def edit_options(command: F) -> F:
    return _with((*_ONLY_EDIT, *_COMMON), command)


def _with(options: Sequence[Callable[[Any], Any]], command: F) -> F:
    for option in reversed(options):
        command = option(command)
    return command
