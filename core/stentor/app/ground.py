"""What every part of a product stands on: its home, what is configured there, who can be talked to, and the store."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from stentor.adapters.lock import StoreLock
from stentor.adapters.registry import Registry
from stentor.adapters.secrets import Secrets
from stentor.adapters.tz_database import choose_tz_database
from stentor.app.configured import agents_of, directory_of
from stentor.app.seams import Seams
from stentor.config import Config, load_config
from stentor.domain.idents import ident
from stentor.domain.redaction import Redactor
from stentor.domain.refusals import Refused
from stentor.domain.tz_databases import TzDatabase
from stentor.ports import Store
from stentor.services.agent_turns import Agent
from stentor.services.directory import Directory


def database(home: Path) -> Path:
    return home / "stentor.db"


@dataclass(frozen=True)
class Ground:
    home: Path
    config: Config
    seams: Seams
    registry: Registry
    directory: Directory
    zones: TzDatabase
    lock: StoreLock
    redactor: Redactor
    secrets: Secrets
    agents: Mapping[str, Agent]
    store: Store

    @classmethod
    def taken(cls, home: Path, role: str, seams: Seams, registry: Registry) -> Self:
        """Of a store that is ours alone from here on. Must be called inside a running loop."""
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        zones = choose_tz_database()
        config = load_config(home)
        if registry.conflicts:
            raise Refused("plugin_conflict", "; ".join(registry.conflicts), hint="uninstall one of the two")
        directory = directory_of(registry, config)
        now = seams.clock.now_ms()
        boot = ident("b", now, seams.chance.token(8))
        lock = StoreLock.take(home, boot=boot, now_ms=now, role=role)
        try:
            redactor = Redactor()
            secrets = Secrets(redactor, os.environ, home)
            agents = agents_of(config, registry, seams)
            store = seams.open_store(database(home), seams.points)
        except BaseException:
            lock.release()
            raise
        return cls(home, config, seams, registry, directory, zones, lock, redactor, secrets, agents, store)

    @property
    def boot(self) -> str:
        return self.lock.boot
