"""R-PIC-1: the unit is killed while pictures wait; none that was kept is lost, or stands twice."""

import multiprocessing
import random
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from telemetry.hub.pictures import PictureMemory
from telemetry.pictures.picture import Rank
from tests.pictures import picture
from tests.torture.photographer import Way, noted, spool_in, work
from tests.torture.trials import Stage, held, trial

PER_KILL = 6  # pictures that are begun between two kills, about
PATIENCE_S = 60.0


@dataclass(frozen=True, slots=True)
class Found:
    kept: int  # accepted by the spool
    lost: int  # of these, never with the broker
    repeats: int  # sent again, as a kill came before the answer was noted
    kills: int


@trial("R-PIC-1", "killed while pictures wait, none that was kept is lost, none stands twice")
def pictures_survive(stage: Stage) -> str:
    kills = stage.sized(30, 600)
    found = killed(stage.folder / "ours", kills, "safe")
    held(found.kills >= kills // 2, f"only {found.kills} kills came in time")
    held(found.lost == 0, f"{found.lost} of {found.kept} kept pictures never arrived")
    control = killed(stage.folder / "early", stage.sized(20, 60), "early")
    held(control.lost > 0, "the control, which forgets them as they go, loses none either")
    left = within_quota(stage.folder / "quota")
    return (
        f"{found.kills} kills, {found.kept} kept, 0 lost, {found.repeats} sent again and known by "
        f"their SHA-256; control lost {control.lost} of {control.kept}; {left}"
    )


def killed(folder: Path, kills: int, way: Way) -> Found:
    """Kill at any moment, so often; then let it end. What arrived is taken as the hub takes it."""
    folder.mkdir()
    told, chance, done = folder / "told", random.Random(11), 0
    last = PER_KILL * kills
    for _ in range(kills):
        done += _run(folder, told, last, way, chance.uniform(0.0, 0.12))
    held(not _run(folder, told, last, way, PATIENCE_S), "the spool never empties")
    lines = noted(told)
    kept = [sha256 for what, _, sha256 in lines if what == "kept"]
    arrived = Counter(sha256 for what, _, sha256 in lines if what == "arrived")
    hub = PictureMemory()
    stands = Counter(
        sha256
        for sha256 in arrived.elements()
        if hub.add(f"patrol/v1/dog-1/snapshot/{sha256}", sha256.encode())
    )
    held(not stands or max(stands.values()) == 1, "a picture stands twice at the hub")
    waiting = list((folder / "pictures").iterdir())
    held(not waiting, f"{len(waiting)} files are left of what has been sent")
    lost = sum(sha256 not in arrived for sha256 in kept)
    return Found(len(kept), lost, arrived.total() - len(arrived), done)


def _run(folder: Path, told: Path, last: int, way: Way, after_s: float) -> bool:
    """One life of the process. True if it was killed, not at its end."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.torture.photographer"])
    ours, theirs = context.Pipe()
    process = context.Process(target=work, args=(folder, told, last, way, theirs), daemon=True)
    process.start()
    ours.send("go")
    before, ends_s = len(noted(told)), time.monotonic() + PATIENCE_S
    while len(noted(told)) == before and process.is_alive() and time.monotonic() < ends_s:
        time.sleep(0.001)  # until it is at work
    process.join(after_s)
    killed_it = process.is_alive()
    process.kill()
    process.join()
    ours.close()
    theirs.close()
    return killed_it


def within_quota(folder: Path) -> str:
    """More than there is room for, over a restart: the best and newest are what is left."""
    folder.mkdir()
    size = len(picture().to_bytes())
    spool = spool_in(folder, 12 * size)
    wanted = [(Rank.ALERT if n % 4 == 0 else Rank.DETECTION, n) for n in range(40)]
    for rank, number in wanted:
        spool.put(picture(rank, seed=number))
    again = spool_in(folder, 12 * size)
    again.work()
    best = sorted(wanted, key=lambda each: (each[0], -each[1]))
    sent = []
    while (found := again.newest()) is not None:
        sent.append(found.properties.sha256)
        again.gone(found)
        again.work()
    kept = [picture(rank, seed=number).properties.sha256 for rank, number in best][: len(sent)]
    held(len(sent) >= 11 and sent == kept, "not the best and newest are left of a full spool")
    return f"of {len(wanted)} for {len(sent)} places the best, in order"
