"""What is wrong with devices, the computer, the clock and the runtime itself, as findings.

Each function looks at one part of the unit and returns what it finds; `docs/troubleshooting.md`
has a paragraph for every code.
"""

from collections.abc import Iterable, Sequence

from config.language import tell
from edge.reporting.finding import Finding, about
from edge.running.driver_loop import DriverHealth
from edge.running.worker import Worker, WorkerState
from edge.seeing.onlookers import Failure
from edge.timebase import TimeQuality
from telemetry.contract.unit import Disk, Temperature
from telemetry.contract.wire_types import text

STUCK_AFTER_S = 10.0
HOT_C = 85.0  # most boards throttle from here on
DISK_LOW_MIB = 200
DISK_LOW_SHARE = 0.05
MEMORY_HIGH_PERCENT = 95.0

# How a provider comes to be there (onnxruntime.ai/docs/execution-providers).
PROVIDER_CURES = {
    "cuda": tell("install onnxruntime-gpu instead of onnxruntime, and NVIDIA's driver"),
    "tensorrt": tell("install onnxruntime-gpu instead of onnxruntime, and TensorRT"),
    "openvino": tell("install onnxruntime-openvino instead of onnxruntime"),
}

# What to do about a device: by component and by what is wrong with it.
DEVICE_ACTIONS = {
    ("gnss", "missing"): tell(
        "check cable and port; `patrol-edge config check` lists what is there"
    ),
    ("gnss", "silent"): tell("check the baud rate and the power of the receiver"),
    ("camera", "missing"): tell("check cable, power and address of the camera"),
    ("camera", "silent"): tell("power-cycle the camera"),
    ("microphone", "missing"): tell(
        "check its cable; `patrol-edge audio devices` lists what is there"
    ),
    ("microphone", "silent"): tell("unplug the microphone and plug it in again"),
    ("platform", "missing"): tell("check its cable, its power and its address in the unit's file"),
    ("platform", "silent"): tell("check that it is switched on, and its baud rate or port"),
    ("sensor", "missing"): tell("check its cable; `patrol-edge devices` lists what is there"),
    ("sensor", "silent"): tell("unplug the sensor and plug it in again"),
    ("board", "missing"): tell(
        "check its cable and power; `patrol-edge devices` lists what is there"
    ),
    ("board", "silent"): tell("switch the board off and on; `patrol-edge firmware info` asks it"),
    ("actuator", "missing"): tell(
        "see to what drives it (its `via`): is it there, has it this channel?"
    ),
    ("actuator", "silent"): tell("check its cable and power"),
}


def device_findings(
    health: DriverHealth, silent_after_s: float, now_mono_s: float
) -> list[Finding]:
    """A device that is missing or silent, or a recording that has ended: at most one of them."""
    if health.resting:
        return []
    if health.ended:
        return [_end_of_recording(health)]
    silent_s = health.silent_s(now_mono_s)
    if health.last_error:
        what, text = "missing", health.last_error
    elif silent_s > silent_after_s:
        what, text = "silent", tell("nothing came for {silent_s:.0f} s", silent_s=silent_s)
    else:
        return []
    return [
        Finding(
            code=f"{health.component}_{what}",
            severity="error",
            component=health.name,
            text=text,
            action=DEVICE_ACTIONS[health.component, what],
        )
    ]


def _end_of_recording(health: DriverHealth) -> Finding:
    finding = about(health.name)
    if health.samples:
        text = tell("the recording has been played to its end")
        return finding("recording_ended", "info", text, tell("set loop: true to repeat it"))
    action = tell(
        "see whether it is the right file: `patrol-edge gnss replay` and "
        "`patrol-edge detect` tell what is in it"
    )
    text = tell("the recording holds nothing that can be read")
    return finding("recording_empty", "error", text, action)


def worker_findings(workers: Iterable[Worker]) -> list[Finding]:
    """Parts of the runtime itself that crashed, were given up, or hang."""
    found = []
    for worker in workers:
        if worker.state is WorkerState.FAILED:
            code, text = "worker_off", tell("gave up after {count} crashes", count=worker.crashes)
        elif worker.state is WorkerState.WAITING:
            code, text = "worker_crashed", tell("crashed and is being started again")
        elif worker.stuck_for_s() > STUCK_AFTER_S and not worker.opening:
            stuck_s = worker.stuck_for_s()
            code, text = "worker_stuck", tell("no sign of life for {s:.0f} s", s=stuck_s)
        else:
            continue
        if worker.last_error:
            text = tell("{what}: {error}", what=text, error=worker.last_error)
        found.append(
            Finding(
                code=code,
                severity="error",
                component=worker.name,
                text=text,
                action=tell("send home the journal of patrol-edge; restart the service"),
            )
        )
    return found


def model_findings(model: str, error: str) -> list[Finding]:
    """The detector's model cannot be used, so nothing is detected."""
    if not error:
        return []
    return [
        Finding(
            code="model_refused",
            severity="error",
            component="perception",
            text=tell("{what}: {error}", what=model, error=error),
            action=tell(
                "`patrol-edge models verify {model}` says what is wrong with it", model=model
            ),
        )
    ]


def onlooker_findings(failing: Sequence[Failure]) -> list[Finding]:
    """Somebody who draws conclusions from pictures fails; the others go on."""
    return [
        Finding(
            code="observer_failed",
            severity="error",
            component=f"perception.{each.name}",
            text=tell(
                "{name} failed {times} times since the start: {error}",
                name=each.name,
                times=each.times,
                error=each.error,
            ),
            action=tell(
                "what it tells may be missing, the rest goes on; report it with the "
                "traceback in the journal"
            ),
        )
        for each in failing
    ]


def provider_findings(missing: Sequence[str], used: Sequence[str]) -> list[Finding]:
    """An execution provider was asked for and is not there: the model runs on another."""
    return [
        Finding(
            code="provider_missing",
            severity="warning",
            component=name,
            text=tell(
                "perception.providers asks for {name}, which is not there; using {used}",
                name=name,
                used=used[0],
            ),
            action=tell(
                "{cure}; or take {name} out of the list",
                cure=PROVIDER_CURES.get(name, tell("install it")),
                name=name,
            ),
        )
        for name in missing
    ]


def sound_findings(microphone: str, model_fault: str, disk_fault: str) -> list[Finding]:
    """A model that is listened with cannot be had, or sound that is to be kept cannot be."""
    finding, found = about(microphone), []
    if model_fault:
        action = tell("install or pull what is named; the other kinds of sound are listened for")
        found.append(finding("sound_model_refused", "error", text(model_fault), action))
    if disk_fault:
        action = tell("free space where state_dir lies, or set audio.clips.keep: false")
        told = tell("sound around an event could not be kept: {fault}", fault=disk_fault)
        found.append(finding("sound_clip_failed", "warning", text(told), action))
    return found


def easing_findings(text: str) -> list[Finding]:
    """Perception works less hard than it was asked to, for what is said in `text`."""
    if not text:
        return []
    return [
        Finding(
            code="perception_degraded",
            severity="warning",
            component="perception",
            text=text,
            action=tell(
                "shade, cool or charge the unit, or ask less of it: fewer cameras, a lower "
                "max_fps; what was given up comes back by itself"
            ),
        )
    ]


def clock_findings(quality: TimeQuality) -> list[Finding]:
    """Neither network nor receiver nor a clock that was ever set."""
    if quality != "none":
        return []
    return [
        Finding(
            code="clock_unset",
            severity="warning",
            component="clock",
            text=tell("the time of day is unknown, and messages are stamped with a guess"),
            action=tell("give the receiver a view of the sky, or the unit a time server"),
        )
    ]


def computer_findings(
    disk: Disk | None, temperatures: Sequence[Temperature], memory_percent: float | None
) -> list[Finding]:
    """Disk, heat and memory."""
    found = []
    if disk and disk.free_mib < min(DISK_LOW_MIB, disk.total_mib * DISK_LOW_SHARE):
        found.append(
            Finding(
                code="disk_low",
                severity="error",
                component="disk",
                text=tell(
                    "{free_mib} MiB of {total_mib} MiB are free",
                    free_mib=disk.free_mib,
                    total_mib=disk.total_mib,
                ),
                action=tell("free space where state_dir lies; old journals are a good start"),
            )
        )
    found += [
        Finding(
            code="too_hot",
            severity="warning",
            component=zone.name,
            text=f"{zone.celsius:.0f} °C",
            action=tell("shade the unit, clean its fan; it slows down until it is cooler"),
        )
        for zone in temperatures
        if zone.celsius >= HOT_C
    ]
    if memory_percent is not None and memory_percent >= MEMORY_HIGH_PERCENT:
        found.append(
            Finding(
                code="memory_low",
                severity="warning",
                component="memory",
                text=tell(
                    "{memory_percent:.0f} % of the memory is in use", memory_percent=memory_percent
                ),
                action=tell("find what else runs on this computer"),
            )
        )
    return found
