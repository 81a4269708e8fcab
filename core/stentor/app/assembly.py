"""Puts a product together from its home folder, and runs it."""

import asyncio
import logging
import os
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

from stentor.adapters.lock import StoreLock
from stentor.adapters.registry import Registry
from stentor.adapters.secrets import Secrets, references
from stentor.adapters.spool import FileSpool
from stentor.adapters.sqlite.conversations import StoredConversations
from stentor.adapters.sqlite.reader import Reader
from stentor.adapters.stall_note import StallFile
from stentor.adapters.tz_database import choose_tz_database
from stentor.adapters.workspace import FolderWorkspaces
from stentor.agents.argv import run_argv
from stentor.app.alerting import Surroundings, alerts_of
from stentor.app.built_in_tools import built_in_tools
from stentor.app.configured import agents_of, directory_of
from stentor.app.heartbeat import attendance_of, heartbeat_of
from stentor.app.limits import limits_of, resets_of
from stentor.app.observing import delivery_json, receipt_json
from stentor.app.seams import Seams
from stentor.config import Config, load_config
from stentor.domain.idents import ident
from stentor.domain.jobs import Command, Job
from stentor.domain.outbox import Verdict
from stentor.domain.pacing import Pace, Starts
from stentor.domain.records import Outgoing, RunEnd
from stentor.domain.redaction import Redactor
from stentor.domain.refusals import Refused
from stentor.domain.routing import LAST
from stentor.domain.tz_databases import TzDatabase
from stentor.ports import Store
from stentor.services.accounts import account_rows
from stentor.services.admission import Admission
from stentor.services.agent_turns import Agent
from stentor.services.alerts import Alerts
from stentor.services.asking import Means
from stentor.services.attending import Attending
from stentor.services.briefing import Briefing
from stentor.services.connections import Connections
from stentor.services.cooldowns import Cooldowns
from stentor.services.courtesy import Courtesy
from stentor.services.desk import Desk
from stentor.services.directory import Directory
from stentor.services.dispatcher import Dispatcher
from stentor.services.errands import Errands
from stentor.services.executor import Executor
from stentor.services.heartbeat import Heartbeat
from stentor.services.job_rules import JobDefaults
from stentor.services.jobbook import JobBook
from stentor.services.maintenance import Maintenance
from stentor.services.mcp_access import McpTurns
from stentor.services.messenger import Messenger
from stentor.services.naming import Naming, OverConnections
from stentor.services.news import News
from stentor.services.outgoing import Outgoings
from stentor.services.preflight import Preflight
from stentor.services.readying import Readying
from stentor.services.receiving import Receiving
from stentor.services.recovery import Recovery
from stentor.services.retention import Retention
from stentor.services.scheduler import Scheduler
from stentor.services.toolbox import Toolbox
from stentor.services.turns import Turns
from stentor.services.vigil import Vigil
from stentor.services.work import Work

log = logging.getLogger(__name__)
_SEND_SLOTS = 256

Service = Callable[[], Coroutine[None, None, None]]


def database(home: Path) -> Path:
    return home / "stentor.db"


@dataclass
class App:
    """One assembled product over one store. Build it with `open`, end it with `close`."""

    home: Path
    config: Config
    seams: Seams
    registry: Registry
    directory: Directory
    redactor: Redactor
    store: Store
    lock: StoreLock
    outgoings: Outgoings
    connections: Connections
    dispatcher: Dispatcher
    executor: Executor
    scheduler: Scheduler
    book: JobBook
    boot: str
    agents: Mapping[str, Agent]
    zones: TzDatabase
    heartbeat: Heartbeat
    toolbox: Toolbox
    mcp_turns: McpTurns

    @classmethod
    def open(
        cls, home: Path, *, role: str, seams: Seams | None = None, registry: Registry | None = None
    ) -> Self:
        """Take the store's lock and build everything. Must be called inside a running loop."""
        seams = seams or Seams()
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        zones = choose_tz_database()
        config = load_config(home)
        registry = registry or Registry.load()
        if registry.conflicts:
            raise Refused("plugin_conflict", "; ".join(registry.conflicts), hint="uninstall one of the two")
        directory = directory_of(registry, config)
        now = seams.clock.now_ms()
        boot = ident("b", now, seams.chance.token(8))
        lock = StoreLock.take(home, boot=boot, now_ms=now, role=role)
        try:
            return cls._assemble(home, config, seams, registry, directory, lock, zones)
        except BaseException:
            lock.release()
            raise

    @classmethod
    def _assemble(
        cls,
        home: Path,
        config: Config,
        seams: Seams,
        registry: Registry,
        directory: Directory,
        lock: StoreLock,
        zones: TzDatabase,
    ) -> Self:
        clock, chance, boot = seams.clock, seams.chance, lock.boot
        redactor = Redactor()
        secrets = Secrets(redactor, os.environ, home)
        agents = agents_of(config, registry, seams)
        store = seams.open_store(database(home), seams.points)
        conversations = StoredConversations(database(home))
        outgoings = Outgoings(directory, clock, chance, conversations, redactor, seams.aside)
        news = News(store, clock, redactor.clean)
        connections = Connections(directory, store, clock, home, secrets, news, seams.around_connection)
        naming = Naming(directory, OverConnections(directory, connections).ask, redactor.clean)

        def new_id(kind: str) -> str:
            return ident(kind, clock.now_ms(), chance.token(10))

        def receipt_seen(part: Outgoing, verdict: Verdict) -> None:
            if registry.watches_receipts:
                registry.observe_receipt(receipt_json(part, verdict), delivery_json(part))

        def run_seen(end: RunEnd) -> None:
            errands.finished(end)
            heartbeat.finished(end)
            if registry.watches_runs:
                with Reader.open(database(home)) as reader:
                    registry.observe_run(reader.run(end.run_id) or {})

        courtesy = Courtesy()
        dispatcher = Dispatcher(
            store, clock, chance, directory, connections, courtesy, redactor, boot, _SEND_SLOTS, receipt_seen
        )
        news.on_ready = dispatcher.wake
        limits = config.scheduler
        rooms = {
            name: section.max_concurrent_runs
            for name, section in config.agents.items()
            if section.max_concurrent_runs is not None
        }
        toolbox, mcp_turns = Toolbox(registry.tools), McpTurns(chance.token)
        errands = Errands(
            store,
            clock,
            lambda run, job, nested: executor.submit(run, job, nested=nested),
            lambda run_id: executor.cancel(run_id, "the run that asked for it is over"),
            new_id,
            boot,
        )
        means = Means(
            store,
            clock,
            Briefing(clock, FolderWorkspaces(home), seams.aside, config.zone()[0]),
            Cooldowns(clock),
            Preflight(clock),
            toolbox,
            mcp_turns,
            errands,
            config.providers,
            secrets.reveal,
            redactor.clean,
            boot,
            limits.setup_timeout_seconds,
            limits.stall_timeout_seconds,
        )
        turns = Turns(agents, _run_command, means, attendance_of(config))
        spool = FileSpool(home / "spool")
        workspaces = {name: agent.workspace for name, agent in agents.items()}
        messenger = Messenger(store, clock, outgoings, naming, spool, workspaces, boot, dispatcher.wake)
        changed = asyncio.Event()
        executor = Executor(
            store,
            clock,
            Work(
                clock,
                turns,
                outgoings,
                spool,
                messenger,
                boot,
                new_id,
                redactor.clean,
                limits.disable_after_errors,
            ),
            Admission(limits.max_concurrent_runs, rooms),
            courtesy,
            boot,
            dispatcher.wake,
            run_seen,
            changed.set,
        )
        keep_days, resets = config.cron.run_log.keep_days, resets_of(config)
        scheduler = Scheduler(
            store,
            clock,
            chance,
            executor,
            courtesy,
            boot,
            Vigil(store, clock),
            Pace(limits.catch_up_per_minute),
            Starts(limits.max_starts_per_minute),
            round(keep_days * 86_400_000) or None,
            changed,
            resets,
        )
        book = JobBook(
            store,
            clock,
            chance,
            directory,
            JobDefaults.of(config),
            courtesy,
            scheduler.job_changed,
            boot,
            conversations,
            naming,
            resets,
        )
        toolbox.add(*built_in_tools(database(home), book, executor, errands, agents, new_id=new_id))
        heartbeat = heartbeat_of(config, book, scheduler, errands, turns, new_id=new_id)
        return cls(
            home,
            config,
            seams,
            registry,
            directory,
            redactor,
            store,
            lock,
            outgoings,
            connections,
            dispatcher,
            executor,
            scheduler,
            book,
            boot,
            agents,
            zones,
            heartbeat,
            toolbox,
            mcp_turns,
        )

    @cached_property
    def maintenance(self) -> Maintenance:
        return Maintenance(self.store, self.seams.clock, self.boot, StallFile(self.home))

    @cached_property
    def alerts(self) -> Alerts:
        around = Surroundings(
            self.store, self.seams.clock, self.outgoings, self.redactor.clean, self.dispatcher.wake
        )
        return alerts_of(self.config, self.directory, around)

    @cached_property
    def desk(self) -> Desk:
        return Desk(self.store, self.seams.clock, self.seams.chance, self.outgoings, self.dispatcher.wake)

    async def announce_accounts(self, *, gated: bool = False) -> None:
        """Tell the store which accounts there are: what is addressed to any other waits, blocked.

        Whoever is going to send does not know what has become of them: then one part of each goes ahead.
        """
        rows = account_rows(self.directory, gated=gated)
        await self.store.set_accounts(rows, self.seams.clock.now_ms())

    async def prepare(self) -> None:
        """Tell the store which accounts and plugins are there now, and by which zones its instants are told."""
        self.learn_secrets()
        await self.announce_accounts(gated=True)
        await Readying(self.store, self.seams.clock, self.zones.version, self._obstacle).run()

    def learn_secrets(self) -> None:
        """What must not be written anywhere is known before anything is written."""
        accounts = [self.directory.accounts(channel) for channel in self.directory.channels]
        for settings in (
            *accounts,
            [agent.settings for agent in self.agents.values()],
            self.config.providers,
        ):
            for secret in references(settings):
                self.connections.vault.glance(secret)

    async def run(self, stop: asyncio.Event, *services: Service, scheduling: bool = True) -> None:
        """Live until `stop` is set: then claim nothing more, let work finish for a while, and leave."""
        await self.prepare()
        retention = Retention(self.store, self.seams.clock, limits_of(self.config))
        async with asyncio.TaskGroup() as tasks:
            running = [
                tasks.create_task(service(), name="service")
                for service in (
                    self.executor.run,
                    self.dispatcher.run,
                    self.connections.news.run,
                    self.connections.watch,
                    Attending(self.directory, self.connections, self.seams.clock).run,
                    self.maintenance.run,
                    retention.run,
                    self.alerts.run,
                    Receiving(self.directory, self.connections, self.store, self.seams.clock).run,
                    *services,
                )
            ]
            await self._recover()
            clocks = (self.scheduler.run, self.heartbeat.run) if scheduling else ()
            ticking = [tasks.create_task(clock(), name="clock") for clock in clocks]
            await stop.wait()
            for task in ticking:
                task.cancel()
            await self._drain()
            for task in running:
                task.cancel()

    async def close(self) -> None:
        await self.connections.close()
        await self.store.close()
        self.lock.release()

    async def _recover(self) -> None:
        def new_id(kind: str) -> str:
            return ident(kind, self.seams.clock.now_ms(), self.seams.chance.token(10))

        recovery = Recovery(
            self.store,
            self.seams.clock,
            self.directory.channels,
            self.executor,
            new_id,
            self.boot,
            self.heartbeat.job_of,
        )
        await recovery.run()
        self.dispatcher.wake()

    async def _drain(self) -> None:
        """A drain only saves the next start some work: whatever it does not reach is recovered there."""
        seconds = self.config.scheduler.drain_seconds
        started = self.seams.clock.monotonic()
        if not await self.executor.drained(seconds):
            log.warning("runs are still under way after %g s", seconds, extra={"event": "drain_cut_short"})
        await self.alerts.look()
        left = max(0.0, seconds - (self.seams.clock.monotonic() - started))
        await self.dispatcher.drained(left)

    def _obstacle(self, job: Job) -> str:
        """Why a stored job cannot run now, if it cannot."""
        plan = self.outgoings.plan(job)
        # What follows the last conversation is looked up again at each run.
        if plan.fatal is None or job.delivery.target_source == LAST:
            return ""
        gone = any(error.code in ("unknown_prefix", "unknown_channel") for error in plan.errors)
        return f"{'plugin_missing' if gone else 'no_route'}: {plan.fatal}"


async def _run_command(command: Command, environment: Mapping[str, str]) -> str:
    return await run_argv(
        command.argv, cwd=command.cwd, env=command.env, input_text=command.input, extra_env=environment
    )
