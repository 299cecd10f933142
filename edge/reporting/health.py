"""The health report: the full list of faults each time, with load, drops and rates."""

from collections.abc import Iterator

import structlog

from config.certificates import IdentityWatch
from edge.reporting import computer
from edge.reporting.body_findings import roll_call_findings
from edge.reporting.camera_desk import CameraDesk
from edge.reporting.carrier_findings import carrier_findings
from edge.reporting.command_findings import command_findings, local_findings
from edge.reporting.computer import CpuMeter
from edge.reporting.delivery_findings import (
    budget_findings,
    certificate_findings,
    identity_findings,
    link_findings,
    outbox_findings,
)
from edge.reporting.device_findings import (
    clock_findings,
    computer_findings,
    device_findings,
    easing_findings,
    model_findings,
    onlooker_findings,
    provider_findings,
    sound_findings,
    worker_findings,
)
from edge.reporting.drops import drops_of
from edge.reporting.fault_list import FaultList
from edge.reporting.finder_findings import finder_findings
from edge.reporting.finding import Finding
from edge.reporting.firmware_findings import firmware_findings
from edge.reporting.media_findings import media_findings
from edge.reporting.microphone_findings import microphone_findings
from edge.reporting.moving_findings import moving_findings
from edge.reporting.parts import Parts
from edge.reporting.rates import RateMeter, percentile
from edge.reporting.receiver_desk import ReceiverDesk
from edge.reporting.rule_findings import rule_findings
from edge.reporting.slot_findings import slot_findings
from edge.reporting.task_findings import office_findings
from telemetry.contract.envelope import Draft
from telemetry.contract.unit import Budget, CameraFigures, Fault, Health, Link, Queue, Rate
from telemetry.contract.wire_types import text

REOPEN_GRACE_S = 3.0  # a camera's driver reopens a stalled one by itself; a fault comes after that


class HealthDesk:
    """Looks at all parts and writes the report. One thread."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._faults = FaultList()
        self._logged: dict[tuple[str, str], Fault] = {}
        self._newest: tuple[Fault, ...] = ()
        self._cpu = CpuMeter()
        self._rates = RateMeter(parts.clock)
        self._cameras = CameraDesk(parts.settings.cameras, parts.cameras, parts.camera_watches)
        self._receivers = ReceiverDesk(parts)
        self._identity = IdentityWatch(parts.settings)
        self._sent_mono_s = float("-inf")

    @property
    def faults(self) -> tuple[Fault, ...]:
        """The newest list. Any thread."""
        return self._newest

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The same, worst first or not, in words that can be said in another language."""
        return self._faults.findings

    def camera_figures(self) -> Iterator[CameraFigures]:
        """Of the pictures that came. Any thread: it only reads."""
        return self._cameras.figures()

    def tell_again(self) -> None:
        """The next look is followed by a report. Any thread."""
        self._sent_mono_s = float("-inf")

    def due(self) -> Draft | None:
        """The report, when its time has come or a fault came or went; else None."""
        now_mono_s = self._parts.clock.mono_s()
        utc, quality = self._parts.timebase.now()
        faults, changed = self._faults.update(self._findings(now_mono_s), utc, now_mono_s)
        self._newest = faults
        if changed:
            self._log(faults)
        if (
            not changed
            and now_mono_s - self._sent_mono_s < self._parts.office.tuning.now.health_every_s
        ):
            return None
        self._sent_mono_s = now_mono_s
        return Draft.of(self._report(faults, now_mono_s), utc, quality)

    def _log(self, faults: tuple[Fault, ...]) -> None:
        """To the journal too: the hub may be the one that cannot be told."""
        log = structlog.get_logger()
        before, now = self._logged, {(fault.code, fault.component): fault for fault in faults}
        for code, component in now.keys() - before.keys():
            fault = now[code, component]
            log.warning("fault_raised", code=code, component=component, text=fault.text)
        for code, component in before.keys() - now.keys():
            log.info("fault_cleared", code=code, component=component)
        self._logged = now

    def _findings(self, now_mono_s: float) -> list[Finding]:
        parts = self._parts
        found = clock_findings(parts.timebase.now()[1])
        found += self._device_findings(now_mono_s)
        if parts.vision is not None:
            found += model_findings(parts.vision.model_name, parts.vision.model_error)
            if parts.vision.detector is not None:
                session = parts.vision.detector.session
                found += provider_findings(session.skipped, session.providers)
            found += easing_findings(parts.vision.easing.text)
            found += onlooker_findings(parts.vision.onlookers.failing(now_mono_s))
        if parts.rules is not None:
            found += rule_findings(parts.rules, now_mono_s)
        if parts.media is not None:
            found += media_findings(parts.media)
        found += parts.body.findings(now_mono_s)
        found += parts.acting.findings(now_mono_s)
        found += self._firmware_findings(now_mono_s)
        found += slot_findings(parts.slots, parts.clock.utc())
        found += roll_call_findings(parts.roll_call.fault)
        found += moving_findings(parts.moving)
        found += parts.resting.findings()
        found += worker_findings(parts.workers())
        found += finder_findings(parts.finders)
        found += identity_findings(self._identity.doubts(parts.timebase.now()[0]))
        found += office_findings(parts.office)
        outbox = parts.outbox.stats()
        link = parts.publisher.stats()
        found += link_findings(link)
        found += budget_findings(link)
        found += certificate_findings(link)
        found += outbox_findings(outbox)
        found += local_findings(parts.local.fault)
        found += command_findings(parts.commanding.health())
        found += computer_findings(
            computer.disk(parts.settings.state_dir),
            computer.temperatures(),
            computer.memory_percent(),
        )
        return found

    def _firmware_findings(self, now_mono_s: float) -> list[Finding]:
        parts = self._parts
        known = parts.firmware.remembered(now_mono_s)
        boards = parts.settings.boards
        running = {
            each.name: each.firmware
            for each in parts.body.boards.identities()
            if each.firmware and parts.body.boards.all[each.name].health.open
        }
        return firmware_findings(known, parts.firmware.fault, boards, running)

    def _device_findings(self, now_mono_s: float) -> list[Finding]:
        """Of receivers, cameras, microphones, and what carries the unit."""
        parts, found = self._parts, list[Finding]()
        found += self._receivers.findings(now_mono_s)
        for name, camera in parts.cameras.items():
            silent_after_s = parts.settings.cameras[name].stalled_after_s + REOPEN_GRACE_S
            found += device_findings(camera, silent_after_s, now_mono_s)
        found += self._cameras.findings(now_mono_s)
        for name, microphone in parts.listening.devices.items():
            silent_after_s = parts.settings.microphones[name].silent_after_s + REOPEN_GRACE_S
            found += device_findings(microphone, silent_after_s, now_mono_s)
            faults = parts.listening.faults.get(name, ""), parts.listening.disk_faults.get(name, "")
            found += sound_findings(name, *faults)
            found += microphone_findings(name, parts.listening.watches[name].standing)
        for name, carrier in parts.body.carriers.items():
            silent_after_s = parts.settings.platforms[name].silent_after_s + REOPEN_GRACE_S
            found += device_findings(carrier.health, silent_after_s, now_mono_s)
            found += carrier_findings(carrier, now_mono_s)
        for sensor in parts.body.sensors.values():
            found += device_findings(sensor.health, sensor.silent_after_s, now_mono_s)
        return found

    def _report(self, faults: tuple[Fault, ...], now_mono_s: float) -> Health:
        return Health(
            faults=faults,
            load=computer.load(self._cpu, now_mono_s - self._parts.started_mono_s),
            temperatures=(*computer.temperatures(), *self._parts.body.temperatures()),
            disk=computer.disk(self._parts.settings.state_dir),
            link=self._link(),
            queue=self._queue(),
            budget=self._budget(),
            batteries=self._parts.body.charges(),
            cameras=tuple(self._cameras.figures()),
            receivers=tuple(self._receivers.figures()),
            rates=self._rate_list(),
            drops=drops_of(self._parts),
        )

    def _link(self) -> Link:
        stats = self._parts.publisher.stats()
        return Link(
            connected=stats.connected,
            protocol=stats.protocol,
            since=stats.since,
            reconnects=stats.reconnects,
            unacked=stats.unacked + stats.awaiting_hub,
            last_error=text(stats.last_error) if stats.last_error else None,
        )

    def _budget(self) -> Budget | None:
        figures = self._parts.publisher.stats().budget
        if figures is None:
            return None
        return Budget(
            day=figures.day.isoformat(),
            used_mib=round(figures.used_bytes / computer.MIB, 3),
            limit_mib=figures.limit_bytes / computer.MIB,
            holding_back=figures.holding_back,
        )

    def _queue(self) -> Queue:
        stats = self._parts.outbox.stats()
        return Queue(
            depth=stats.depth + stats.in_memory,
            by_priority=stats.by_priority,
            oldest_age_s=stats.oldest_age_s,
            size_mib=stats.size_bytes / computer.MIB,
            limit_mib=stats.limit_bytes / computer.MIB,
            parked=stats.parked,
        )

    def _rate_list(self) -> tuple[Rate, ...]:
        parts = self._parts
        counts = {f"gnss.{name}": part.health.samples for name, part in parts.receivers.items()}
        counts |= {f"camera.{name}": health.samples for name, health in parts.cameras.items()}
        counts |= {
            f"microphone.{name}": health.samples for name, health in parts.listening.devices.items()
        }
        counts |= {
            f"{health.component}.{health.name}": health.samples
            for health in (*parts.body.devices(), *parts.acting.devices())
        }
        vision = parts.vision
        if vision is not None:
            counts["inference"] = sum(tally.looked_at for tally in vision.tallies.values())
        rates = self._rates.rates(counts)
        times = {"inference": list(vision.inference_ms)} if vision is not None else {}
        times |= {
            name: [1000 * each for each in figures.round_trips_s]
            for name, figures in parts.body.boards.round_trips().items()
        }
        return tuple(
            Rate(
                name=name,
                per_s=round(per_s, 2),
                p50_ms=percentile(times.get(name, []), 50),
                p95_ms=percentile(times.get(name, []), 95),
                p99_ms=percentile(times.get(name, []), 99),
            )
            for name, per_s in rates.items()
        )
