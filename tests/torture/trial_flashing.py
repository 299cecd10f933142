"""S-CFG-1: bundles that no unit may take, through the whole engine, onto a unit in use."""

import io
import resource
from collections import Counter
from pathlib import Path

from config.loading import load
from config.slots import SlotsFile
from edge.bundles.refusal import BundleError
from edge.flashing import records
from telemetry.commands.journal import journal_files
from telemetry.commands.journal_check import check
from tests.bad_bundles import BadBundle, bad_bundles
from tests.bad_bundles import Stand as Maker
from tests.commanded import DEVICE, Commanded
from tests.flashing_stand import Stand
from tests.torture.trials import Stage, held, trial

LEAST = 1000
MOST_GROWN_KIB = 200 * 1024
TAKE_OVER_EVERY = 100


@trial("S-CFG-1", "no bad bundle is taken; the configuration in use stays; one record for each")
def bad_ones(stage: Stage) -> str:
    maker = Maker()
    stand = Stand(stage.folder / "unit", maker.trust)
    stand.kept(maker.good(serial=maker.in_use))
    before = (stand.slots, load(stand.unit.config).digest)
    journal = Commanded(stage.folder).journal
    folder = stand.unit.folder
    records.take_over(folder, journal)
    begun = _journaled(stage.folder)
    grown_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    codes: Counter[str] = Counter()
    for bad in _chosen(maker, stage):
        codes[_refused(stand, bad)] += 1
        if codes.total() % TAKE_OVER_EVERY == 0:
            held((stand.slots, load(stand.unit.config).digest) == before, f"after {bad.name}")
            records.take_over(folder, journal)
    grown_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - grown_kib
    records.take_over(folder, journal)
    journal.close()
    _judge(codes, _journaled(stage.folder) - begun)
    held((stand.slots, load(stand.unit.config).digest) == before, "the configuration differs")
    held(grown_kib < MOST_GROWN_KIB, f"it took {grown_kib >> 10} MiB")
    stand.kept(maker.good())  # the control: the good one is taken
    told = ", ".join(f"{code} {count}" for code, count in codes.most_common(5))
    return (
        f"{codes.total()} bad bundles ({told}, ...), 0 taken, 0 crashes, a record each, "
        f"{max(0, grown_kib) >> 10} MiB more; the good one was taken after them"
    )


def _chosen(maker: Maker, stage: Stage) -> list[BadBundle]:
    """All that the engine itself has to see, and of the others every so many."""
    every = list(bad_bundles(maker))
    step = stage.sized(3, 1)
    flips = [bad for bad in every if bad.name.startswith("flip/")]
    return [bad for bad in every if not bad.name.startswith("flip/")] + flips[::step]


def _refused(stand: Stand, bad: BadBundle) -> str:
    """The code with which it is refused. Raises Broken."""
    before = _tree(stand.unit.folder)
    try:
        outcome = stand.flash(bad.data)
    except BundleError as refusal:
        held(_tree(stand.unit.folder) == before, f"{bad.name} left something behind")
        return refusal.code
    slots: SlotsFile = stand.slots
    held(False, f"{bad.name} was taken: {outcome.end}, {slots.trial}")
    return ""


def _tree(folder: Path) -> set[tuple[str, int]]:
    """Names and sizes of all that lies in the slots, but for the records that wait."""
    return {
        (str(path.relative_to(folder)), path.stat().st_size)
        for path in folder.rglob("*")
        if path.is_file() and path.name not in (records.PENDING, records.TAKEN)
    }


def _journaled(folder: Path) -> int:
    """How many refused bundles the journal tells of; it is whole."""
    files = journal_files(folder / "journal")
    verdict = check(files, DEVICE.public)
    held(verdict.bad is None, f"the journal: {verdict.bad}")
    text = b"".join(path.read_bytes() for path in files)
    return sum(b'"step":"refused"' in line for line in io.BytesIO(text))


def _judge(codes: Counter[str], noted: int) -> None:
    held(codes.total() >= LEAST, f"only {codes.total()} bundles")
    held(noted == codes.total(), f"{noted} records of {codes.total()} refusals")
