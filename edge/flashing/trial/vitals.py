"""What of the running unit is well at this moment, by name: what a flash is judged by."""

from collections.abc import Iterator

from edge.flashing.trial.gate import PERCEPTION, Seen
from edge.reporting.parts import Parts
from edge.running.worker import Worker, WorkerState

WORKER = "worker."  # before the name of a part of the runtime itself


def there(parts: Parts) -> tuple[str, ...]:
    """Everything that can be well or not."""
    names = [f"{health.component}.{health.name}" for health in parts.devices()]
    names += [f"{WORKER}{worker.name}" for worker in parts.workers()]
    return (*names, *([PERCEPTION] if parts.vision is not None else []))


def well(parts: Parts) -> tuple[str, ...]:
    """What of it is well."""
    seen = vitals(parts)
    return (*sorted(seen.components), *([PERCEPTION] if seen.perception else []))


def vitals(parts: Parts) -> Seen:
    """For the gate. Any thread."""
    workers = list(parts.workers())
    fine = frozenset(f"{WORKER}{each.name}" for each in workers if _is_fine(each))
    return Seen(
        components=parts.roll_call.well | fine,
        perception=_model_runs(parts),
        hub=hub_is_there(parts),
        why=tuple(_reasons(parts, workers)),
    )


def hub_is_there(parts: Parts) -> bool:
    """Not only a broker: somebody behind it takes what is sent."""
    link = parts.publisher.stats()
    if not link.connected or link.hub_online is False:
        return False
    return link.hub_online is True or link.acked > 0


def _is_fine(worker: Worker) -> bool:
    return worker.state in (WorkerState.RUNNING, WorkerState.DONE) and not worker.stuck


def _model_runs(parts: Parts) -> bool:
    """Loaded and warm; and it has looked at something, where a camera gives pictures to it."""
    vision = parts.vision
    if vision is None or vision.model_error or not vision.ready.is_set():
        return False
    giving = any(f"camera.{name}" in parts.roll_call.well for name in parts.settings.looked_at)
    return not giving or any(tally.looked_at for tally in vision.tallies.values())


def _reasons(parts: Parts, workers: list[Worker]) -> Iterator[tuple[str, str]]:
    for health in parts.devices():
        if health.last_error:
            yield f"{health.component}.{health.name}", health.last_error
    for worker in workers:
        if worker.last_error:
            yield f"{WORKER}{worker.name}", worker.last_error
    if parts.vision is not None and parts.vision.model_error:
        yield PERCEPTION, parts.vision.model_error
    link = parts.publisher.stats()
    if link.last_error and not link.connected:
        yield "hub", link.last_error
