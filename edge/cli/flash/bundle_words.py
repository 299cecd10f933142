"""What a bundle says of itself, for people."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from config.language import localized, tell

if TYPE_CHECKING:
    from edge.bundles.manifest import Manifest

MOST_SHOWN = 20
WIDTH = 12


def described(manifest: "Manifest") -> Iterator[str]:
    """A line each, localized."""
    for label, value in _facts(manifest):
        if value:
            yield f"{localized(label):<{WIDTH}} {localized(value)}"
    for file in manifest.files[:MOST_SHOWN]:
        yield f"{'':<{WIDTH}} {file.sha256[:12]}  {in_bytes(file.size_bytes):>10}  {file.name}"
    if (more := len(manifest.files) - MOST_SHOWN) > 0:
        yield f"{'':<{WIDTH}} {localized(tell('and {count} more', count=more))}"


def _facts(manifest: "Manifest") -> Iterator[tuple[str, str]]:
    yield tell("bundle"), manifest.told
    yield tell("id"), manifest.id
    yield tell("for"), made_for_words(manifest)
    yield tell("valid"), tell("from {begin:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC",
                              begin=manifest.not_before, end=manifest.not_after)  # fmt: skip
    yield tell("runtime"), manifest.runtime_min or ""
    yield tell("overlays"), ", ".join(manifest.overlay_keys)
    yield tell("local"), ", ".join(manifest.local_keys)
    if manifest.base is not None:
        yield tell("base"), f"{manifest.base.bundle} ({manifest.base.serial})"
    if manifest.platform is not None:
        yield tell("platform"), f"{manifest.platform.machine}, Python {manifest.platform.python}"
    yield tell("note"), manifest.note
    total = sum(file.size_bytes for file in manifest.files)
    yield tell("files"), tell("{count}, {size} together",
                              count=len(manifest.files), size=in_bytes(total))  # fmt: skip


def made_for_words(manifest: "Manifest") -> str:
    wanted = manifest.made_for
    units = [*wanted.units[:5], *(["…"] if len(wanted.units) > 5 else [])]
    classes = [localized(tell("class {name}", name=name)) for name in wanted.classes[:5]]
    return ", ".join((*units, *wanted.kinds, *classes))


def in_bytes(size: int) -> str:
    """`812 B`, `4.5 KiB`, `120.0 MiB`."""
    if size < 1024:
        return f"{size} B"
    value = size / 1024
    for unit in ("KiB", "MiB"):
        if value < 1024:
            return f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} GiB"
