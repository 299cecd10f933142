"""S-CFG-1, the reader's part: a thousand bad bundles and more, none taken, in bounded memory."""

import json
import resource
import subprocess
import sys
import tempfile
from collections import Counter
from io import BytesIO
from pathlib import Path

from edge.bundles.chain import successor
from edge.bundles.reading import open_bundle
from edge.bundles.refusal import BundleError
from tests.bad_bundles import BadBundle, Stand, bad_bundles

MOST_RSS_MIB = 200
# What only whoever looks into the files can see; a list of keys is looked into here, too.
LISTS = "kind/trust-"


def verdict(bad: BadBundle, stand: Stand, folder: Path) -> str:
    """What the reader says: a code, or `taken`."""
    try:
        opened = open_bundle(
            BytesIO(bad.data), stand.trust, stand.now, stand.here, lambda _manifest: stand.in_use
        )
        if opened.manifest.kind == "trust":
            successor(opened, stand.trust, stand.now)
        elif bad.name.startswith("flip/"):  # thousands, and each on the disk takes its time
            opened.pass_by()
        else:
            opened.unpack(folder)
    except BundleError as error:
        return error.code
    return "taken"


def judge_all() -> None:
    """In a process of its own: its size is part of the promise."""
    stand, codes, taken, names = Stand(), Counter[str](), [], set()
    for bad in bad_bundles(stand):
        with tempfile.TemporaryDirectory() as folder:
            code = verdict(bad, stand, Path(folder))
        codes[code] += 1
        names.add(bad.name)
        seen = bad.refused_by == "reader" or bad.name.startswith(LISTS)
        if (code == "taken") == seen:
            taken.append(bad.name)
    rss_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    classes = len({name.partition("/")[0] for name in names})
    told = {"codes": codes, "wrong": taken, "names": len(names), "classes": classes}
    told |= {"rss_mib": rss_mib}
    sys.stdout.write(json.dumps(told))


def test_none_of_them_is_taken() -> None:
    command = "from tests.unit.test_bad_bundles import judge_all; judge_all()"
    result = subprocess.run(
        # A child begins with the largest size that its parent ever had: a shell between.
        ["sh", "-c", '"$@"; exit $?', "sh", sys.executable, "-c", command],
        capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    told = json.loads(result.stdout)
    assert told["wrong"] == []
    assert sum(told["codes"].values()) == told["names"] >= 1000
    assert told["classes"] >= 15
    assert told["rss_mib"] <= MOST_RSS_MIB


def test_the_control_is_taken(tmp_path: Path) -> None:
    stand = Stand()
    assert verdict(BadBundle("good", stand.good()), stand, tmp_path) == "taken"
