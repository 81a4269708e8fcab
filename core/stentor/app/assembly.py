"""Puts a product together from its home folder, and runs it."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

from stentor.adapters.registry import Registry
from stentor.adapters.secrets import references
from stentor.adapters.spool import FileSpool
from stentor.adapters.sqlite.conversations import StoredConversations
from stentor.adapters.sqlite.reader import Reader
from stentor.adapters.stall_note import StallFile
from stentor.app.alerting import Surroundings, alerts_of
from stentor.app.built_in_tools import built_in_tools
from stentor.app.ground import Ground, database
from stentor.app.heartbeat import heartbeat_of
from stentor.app.limits import limits_of, resets_of
from stentor.app.observing import delivery_json, receipt_json
from stentor.app.seams import Seams
from stentor.app.turning import turning_of
from stentor.domain.jobs import Job
from stentor.domain.outbox import Verdict
from stentor.domain.pacing import Pace, Starts
from stentor.domain.records import Outgoing, RunEnd
from stentor.domain.routing import LAST
from stentor.services.accounts import account_rows
from stentor.services.admission import Admission
from stentor.services.alerts import Alerts
from stentor.services.attending import Attending
from stentor.services.connections import Connections
from stentor.services.courtesy import Courtesy
from stentor.services.desk import Desk
from stentor.services.dispatcher import Dispatcher
from stentor.services.errands import Errands
from stentor.services.executor import Executor
from stentor.services.heartbeat import Heartbeat
from stentor.services.job_memory import JobMemory
from stentor.services.job_rules import JobDefaults
from stentor.services.jobbook import JobBook
from stentor.services.maintenance import Maintenance
from stentor.services.mcp_access import McpTurns
from stentor.services.messenger import Messenger
from stentor.services.naming import Naming, OverConnections
from stentor.services.news import News
from stentor.services.outgoing import Outgoings
from stentor.services.readying import Readying
from stentor.services.receiving import Receiving
from stentor.services.recovery import Recovery
from stentor.services.retention import Retention
from stentor.services.scheduler import Scheduler
from stentor.services.toolbox import Toolbox
from stentor.services.vigil import Vigil
from stentor.services.work import Work

log = logging.getLogger(__name__)
_SEND_SLOTS = 256

Service = Callable[[], Coroutine[None, None, None]]


@dataclass
class App:
    """One assembled product over one store. Build it with `open`, end it with `close`."""

    ground: Ground
    outgoings: Outgoings
    connections: Connections
    dispatcher: Dispatcher
    executor: Executor
    scheduler: Scheduler
    book: JobBook
    heartbeat: Heartbeat
    toolbox: Toolbox
    mcp_turns: McpTurns

    @classmethod
    def open(
        cls, home: Path, *, role: str, seams: Seams | None = None, registry: Registry | None = None
    ) -> Self:
        """Take the store's lock and build everything. Must be called inside a running loop."""
        ground = Ground.taken(home, role, seams or Seams(), registry or Registry.load())
        try:
            return cls._on(ground)
        except BaseException:
            ground.lock.release()
            raise

    @classmethod
    def _on(cls, ground: Ground) -> Self:
        config, directory, registry = ground.config, ground.directory, ground.registry
        store, redactor, boot = ground.store, ground.redactor, ground.boot
        seams, clock, chance = ground.seams, ground.seams.clock, ground.seams.chance
        conversations = StoredConversations(database(ground.home))
        outgoings = Outgoings(directory, clock, chance, conversations, redactor, seams.aside)
        news = News(store, clock, redactor.clean)
        connections = Connections(
            directory, store, clock, ground.home, ground.secrets, news, seams.around_connection
        )
        naming = Naming(directory, OverConnections(directory, connections).ask, redactor.clean)

        def receipt_seen(part: Outgoing, verdict: Verdict) -> None:
            if registry.watches_receipts:
                registry.observe_receipt(receipt_json(part, verdict), delivery_json(part))

        def run_seen(end: RunEnd) -> None:
            errands.finished(end)
            heartbeat.finished(end)
            if registry.watches_runs:
                with Reader.open(database(ground.home)) as reader:
                    registry.observe_run(reader.run(end.run_id) or {})

        courtesy, memory = Courtesy(), JobMemory()
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
        errands = Errands(
            store,
            clock,
            lambda run, job, nested: executor.submit(run, job, nested=nested),
            lambda run_id: executor.cancel(run_id, "the run that asked for it is over"),
            seams.new_id,
            redactor.clean,
            boot,
        )
        turning = turning_of(ground, errands)
        spool = FileSpool(ground.home / "spool")
        workspaces = {name: agent.workspace for name, agent in ground.agents.items()}
        messenger = Messenger(store, clock, outgoings, naming, spool, workspaces, boot, dispatcher.wake)
        changed = asyncio.Event()
        executor = Executor(
            store,
            clock,
            Work(
                clock,
                turning.turns,
                outgoings,
                spool,
                messenger,
                boot,
                seams.new_id,
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
            memory,
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
            JobDefaults.of(config, ground.agents, registry.tools),
            courtesy,
            memory,
            scheduler.job_changed,
            boot,
            conversations,
            naming,
            resets,
        )
        turning.toolbox.add(
            *built_in_tools(
                database(ground.home), book, executor, errands, ground.agents, new_id=seams.new_id
            )
        )
        heartbeat = heartbeat_of(config, book, scheduler, errands, turning.turns, new_id=seams.new_id)
        return cls(
            ground,
            outgoings,
            connections,
            dispatcher,
            executor,
            scheduler,
            book,
            heartbeat,
            turning.toolbox,
            turning.mcp_turns,
        )

    @cached_property
    def maintenance(self) -> Maintenance:
        return Maintenance(
            self.ground.store, self.ground.seams.clock, self.ground.boot, StallFile(self.ground.home)
        )

    @cached_property
    def alerts(self) -> Alerts:
        around = Surroundings(
            self.ground.store,
            self.ground.seams.clock,
            self.outgoings,
            self.heartbeat.standing,
            self.ground.redactor.clean,
            self.dispatcher.wake,
        )
        return alerts_of(self.ground.config, self.ground.directory, around)

    @cached_property
    def desk(self) -> Desk:
        return Desk(
            self.ground.store,
            self.ground.seams.clock,
            self.ground.seams.chance,
            self.outgoings,
            self.dispatcher.wake,
        )

    async def announce_accounts(self, *, gated: bool = False) -> None:
        """Tell the store which accounts there are: what is addressed to any other waits, blocked.

        Whoever is going to send does not know what has become of them: then one part of each goes ahead.
        """
        rows = account_rows(self.ground.directory, gated=gated)
        await self.ground.store.set_accounts(rows, self.ground.seams.clock.now_ms())

    async def prepare(self) -> None:
        """Tell the store which accounts and plugins are there now, and by which zones its instants are told."""
        self.learn_secrets()
        await self.announce_accounts(gated=True)
        await Readying(
            self.ground.store,
            self.ground.seams.clock,
            self.scheduler.memory,
            self.ground.zones.version,
            self._obstacle,
        ).run()

    def learn_secrets(self) -> None:
        """What must not be written anywhere is known before anything is written."""
        accounts = [self.ground.directory.accounts(channel) for channel in self.ground.directory.channels]
        for settings in (
            *accounts,
            [agent.settings for agent in self.ground.agents.values()],
            self.ground.config.providers,
        ):
            for secret in references(settings):
                self.connections.vault.glance(secret)

    async def run(self, stop: asyncio.Event, *services: Service, scheduling: bool = True) -> None:
        """Live until `stop` is set: then claim nothing more, let work finish for a while, and leave."""
        await self.prepare()
        retention = Retention(self.ground.store, self.ground.seams.clock, limits_of(self.ground.config))
        async with asyncio.TaskGroup() as tasks:
            running = [
                tasks.create_task(service(), name="service")
                for service in (
                    self.executor.run,
                    self.dispatcher.run,
                    self.connections.news.run,
                    self.connections.watch,
                    Attending(self.ground.directory, self.connections, self.ground.seams.clock).run,
                    self.maintenance.run,
                    retention.run,
                    self.alerts.run,
                    Receiving(
                        self.ground.directory, self.connections, self.ground.store, self.ground.seams.clock
                    ).run,
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
        await self.ground.store.close()
        self.ground.lock.release()

    async def _recover(self) -> None:
        recovery = Recovery(
            self.ground.store,
            self.ground.seams.clock,
            self.ground.directory.channels,
            self.executor,
            self.heartbeat.errands,
            self.ground.seams.new_id,
            self.ground.boot,
            self.heartbeat.job_of,
        )
        await recovery.run()
        self.dispatcher.wake()

    async def _drain(self) -> None:
        """A drain only saves the next start some work: whatever it does not reach is recovered there."""
        seconds = self.ground.config.scheduler.drain_seconds
        started = self.ground.seams.clock.monotonic()
        if not await self.executor.drained(seconds):
            log.warning("runs are still under way after %g s", seconds, extra={"event": "drain_cut_short"})
        await self.alerts.look()
        left = max(0.0, seconds - (self.ground.seams.clock.monotonic() - started))
        await self.dispatcher.drained(left)

    def _obstacle(self, job: Job) -> str:
        """Why a stored job cannot run now, if it cannot."""
        plan = self.outgoings.plan(job)
        # What follows the last conversation is looked up again at each run.
        if plan.fatal is None or job.delivery.target_source == LAST:
            return ""
        gone = any(error.code in ("unknown_prefix", "unknown_channel") for error in plan.errors)
        return f"{'plugin_missing' if gone else 'no_route'}: {plan.fatal}"
