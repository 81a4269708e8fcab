"""The core knows no channel: what it may do for one, it does for a stranger's."""

import ast
import re
from collections.abc import Iterator

import pytest
from tests.architecture.source import ROOT, Module, Offence, core, forbid, planted, plugins

# Words of the channels people know, whether or not there is a plugin here.
SERVICES = ("telegram", "discord", "slack", "whatsapp", "matrix", "neonize", "apprise", "signal-cli")

# Older formats name the channels of their own day.
MAY_NAME_SERVICES = ("core/stentor/compat",)

# Where a plugin's own name would make the core depend on that plugin. Help texts may show example targets, so the
# command line is not among them, nor is the contract, whose docstrings draw examples.
CHANNELLESS = tuple(
    f"core/stentor/{part}"
    for part in (
        "adapters",
        "agents",
        "app",
        "config",
        "domain",
        "home.py",
        "http",
        "ports.py",
        "services",
    )
)

# One word of the product may equal a channel's name without meaning it.
ALSO_OTHER_WORDS = {
    (
        "core/stentor/domain/jobs/deliveries.py",
        "webhook",
    ): "a delivery mode, which is a word of the job format",
    ("core/stentor/domain/idle_options.py", "webhook"): "the same delivery mode",
    ("core/stentor/config/sections.py", "webhook"): "the same mode of a failure destination",
    ("core/stentor/services/job_answers.py", "local"): "the key of a preview's local time, beside `utc`",
}


def plugin_packages() -> set[str]:
    return {path.parent.name for path in (ROOT / "plugins").glob("*/__init__.py")}


def declared_names(module: Module) -> Iterator[str]:
    """Names and prefixes that the module's `Channel` classes declare."""
    for node in module.nodes:
        if isinstance(node, ast.ClassDef) and any(ast.unparse(base) == "Channel" for base in node.bases):
            for statement in node.body:
                yield from _words(statement)


def _words(statement: ast.stmt) -> Iterator[str]:
    match statement:
        case ast.Assign(targets=[ast.Name(id="name" | "prefixes")], value=ast.expr() as value):
            found = ast.literal_eval(value)
        case ast.AnnAssign(target=ast.Name(id="name" | "prefixes"), value=ast.expr() as value):
            found = ast.literal_eval(value)
        case _:
            return
    yield from (found,) if isinstance(found, str) else found


def channel_names() -> set[str]:
    return {name for module in plugins() for name in declared_names(module)}


def services_named(module: Module) -> Iterator[Offence]:
    """Identifiers and texts that contain the name of a known service or of a plugin's package."""
    if module.below(*MAY_NAME_SERVICES):
        return
    words = re.compile("|".join(map(re.escape, {*SERVICES, *plugin_packages()})), re.IGNORECASE)
    help_texts = _help_texts(module) if module.below("core/stentor/cli") else set[int]()
    for node in module.nodes:
        found = words.search(_said(node))
        if found and id(node) not in help_texts:
            line = getattr(node, "lineno", 1)
            yield Offence(module.path, line, f"the core names {found.group()}")


def _said(node: ast.AST) -> str:
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name) | ast.keyword(arg=str(name)):
            return name
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return name
        case ast.alias(name=name, asname=other):
            return f"{name} {other}"
        case _:
            return ""


def _help_texts(module: Module) -> set[int]:
    """What the command line prints for people who ask: docstrings and `help=`."""
    found: set[int] = set()
    for node in module.nodes:
        if isinstance(node, ast.keyword) and node.arg in ("help", "epilog", "metavar"):
            found |= {id(part) for part in ast.walk(node.value)}
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and ast.get_docstring(node) is not None:
            found |= {id(part) for part in ast.walk(node.body[0])}
    return found


def channels_compared(module: Module, names: set[str]) -> Iterator[Offence]:
    """Texts that equal the name or a prefix of a channel in `plugins/`."""
    if module.below(*CHANNELLESS):
        for node in module.nodes:
            if (
                isinstance(node, ast.Constant)
                and isinstance(node.value, str)
                and node.value in names
                and (module.path, node.value) not in ALSO_OTHER_WORDS
            ):
                yield Offence(module.path, node.lineno, f"the core names the channel {node.value!r}")


def test_the_core_names_no_service() -> None:
    forbid(offence for module in core() for offence in services_named(module))


def test_no_template_or_script_of_the_core_names_a_service() -> None:
    words = re.compile("|".join(SERVICES), re.IGNORECASE)
    forbid(
        Offence(path.relative_to(ROOT).as_posix(), number, f"the core names {found.group()}")
        for path in sorted((ROOT / "core").rglob("*"))
        if path.suffix in (".css", ".html", ".js", ".sql", ".toml")
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if (found := words.search(line))
    )


def test_the_core_names_no_channel_of_the_plugins() -> None:
    names = channel_names()
    forbid(offence for module in core() for offence in channels_compared(module, names))


def test_every_exception_is_still_needed() -> None:
    said = {
        (module.path, node.value)
        for module in core()
        for node in module.nodes
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    forbid(
        Offence(path, 1, f"no longer says {word!r}: take the exception away")
        for path, word in ALSO_OTHER_WORDS
        if (path, word) not in said
    )


def test_the_channels_of_the_plugins_are_found() -> None:
    assert {"local", "webhook"} <= channel_names()


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("if channel == 'Telegram': ...", id="a text"),
        pytest.param("def escape_for_slack() -> None: ...", id="a function"),
        pytest.param("import stentor_local", id="a plugin's package"),
        pytest.param("send(discord_token=token)", id="a keyword"),
    ],
)
def test_a_service_in_the_core_is_found(text: str) -> None:
    assert list(services_named(planted(text)))


def test_a_channel_in_the_core_is_found() -> None:
    assert list(channels_compared(planted("if channel == 'pager': ..."), {"pager"}))


def test_help_texts_may_show_example_targets() -> None:
    text = "option('--to', help='For example telegram:-100123.')"
    assert not list(services_named(planted(text, "core/stentor/cli/planted.py")))
    assert list(services_named(planted(text, "core/stentor/app/planted.py")))
