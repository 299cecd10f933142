"""What is wrong with a key that is unknown, missing or badly named, and what to write instead."""

from collections.abc import Sequence

from config.expected import example
from config.language import tell
from config.nodes import Node, Path, Scalar
from config.shape import Kinds, Leaf, Section, every_path
from config.units import measure_of, number_in, unit_in
from config.values import fits, respelled
from config.wording import figure, listed, nearest, shown

# What people write who know other programs' words for it.
SYNONYMS = {
    "address": ("url", "host"), "broker": ("hub", "url"), "ca_cert": ("ca",), "cafile": ("ca",),
    "camera": ("cameras",), "certificate": ("cert",), "certfile": ("cert",),
    "client_id": ("id",),
    "detector": ("perception",), "dev": ("device", "port"), "device": ("port",),
    "file": ("path",), "gps": ("gnss",), "height": ("height_px",), "host": ("url",),
    "interval": ("every_s", "patrol_every_s"), "interval_s": ("every_s", "patrol_every_s"),
    "ip": ("host", "url"), "keyfile": ("key",), "log": ("logging",), "mqtt": ("hub",),
    "name": ("label", "id"), "path": ("port", "device", "url"), "port": ("device", "url"),
    "prefix": ("root",), "private_key": ("key",), "resolution": ("width_px and height_px",),
    "server": ("hub", "url"), "source": ("device", "url", "path", "port"), "speed": ("baud",),
    "topic": ("root",), "type": ("kind",), "uri": ("url",), "user": ("username",),
    "width": ("width_px",),
}  # fmt: skip


def unknown_key(
    path: Path, siblings: Section, kinds: Kinds | None, node: Node | None, root: Section
) -> str:
    """What to say of a key that its section does not have."""
    key = str(path[-1])
    meant = _same_but_unit(key, siblings, node)
    if meant:
        return meant
    here = list(siblings.fields)
    meanings = SYNONYMS.get(key.lower(), ())
    synonym = next((word for word in meanings if set(word.split(" and ")) <= set(here)), None)
    near = synonym or nearest(key, here)
    others = _kinds_with(key, kinds) if kinds is not None else []
    elsewhere = tell("kind {others}", others=listed(others)) if others else _elsewhere(path, root)
    if synonym or (near and not elsewhere):
        return tell("is not known here; do you mean {near}?", near=near)
    if near:
        return tell(
            "is not known here; do you mean {near}, or should it be in {elsewhere}?",
            near=near,
            elsewhere=elsewhere,
        )
    if elsewhere:
        return tell("is not known here; it belongs in {elsewhere}", elsewhere=elsewhere)
    return tell("is not known here; known here: {here}", here=listed(here, "and"))


def _same_but_unit(key: str, siblings: Section, node: Node | None) -> str | None:
    """`patrol_every_ms: 5000` → `patrol_every_s: 5`."""
    stem, unit = unit_in(key)
    for name, shape in siblings.fields.items():
        known_stem, known_unit = unit_in(name)
        measure = measure_of(name)
        if known_stem != stem or not known_unit or measure is None or not isinstance(shape, Leaf):
            continue
        number = number_in(node.raw) if isinstance(node, Scalar) else None
        factor = measure.factor(unit) if unit else 1
        line = name
        if number is not None and factor is not None and fits(shape, number * factor):
            line = f"{name}: {figure(float(f'{number * factor:.3g}'))}"
        return tell(
            "is not known here; this setting is in {words}: write {line}",
            words=measure.words,
            line=line,
        )
    return None


def _kinds_with(key: str, kinds: Kinds) -> list[str]:
    return [kind for kind, section in kinds.by_kind.items() if key in section.fields]


def _elsewhere(path: Path, root: Section) -> str | None:
    """Where a key of this name is known, nearest to the top; None if nowhere."""
    found = [parts for parts in every_path(root) if parts[-1] == path[-1] and parts != path]
    if not found:
        return None
    best = min(found, key=lambda parts: (len(parts), parts))
    parents = ["NAME" if part == "*" else part for part in best[:-1]]
    return ".".join(parents) or tell("the top level")


def missing_key(key: str, section: Section) -> str:
    shape = section.fields[key]
    return tell("{key} is missing; add {example}", key=key, example=example(key, shape))


def wrong_kind(node: Node | None, kinds: Kinds) -> str:
    """What to say of a device without a kind, or of one that is not known."""
    known = listed(kinds.by_kind)
    if node is None:
        return tell("kind is missing; add kind: {known}", known=known)
    if not isinstance(node, Scalar):
        return tell("one word belongs here; write {known}", known=known)
    near = nearest(node.raw, kinds.by_kind)
    hint = tell("; do you mean {near}?", near=near) if near else ""
    return tell(
        "{value} is no kind; write {known}{hint}", value=shown(node.raw), known=known, hint=hint
    )


def wrong_name(name: str, pattern: str) -> str:
    near = respelled(name, pattern)
    hint = tell(", e.g. {near}", near=near) if near else ""
    return tell(
        "{name} cannot be a name; write a-z, 0-9 and _ with a letter first, at most 32{hint}",
        name=shown(name),
        hint=hint,
    )


def without_names(section: str, keys: Sequence[str], names: Sequence[str]) -> str:
    """What to say where a device's keys stand directly in the section of devices.

    `names` are the keys without content: probably the names that they should stand below.
    """
    told = listed(keys[:4], "and")
    if len(names) == 1:
        return tell(
            "{told} belong below {name}:; indent them by two more spaces",
            told=told,
            name=names[0],
        )
    return tell(
        "what stands in {section}: needs a name of your choice; write {section}:, "
        "below it main:, and below that, one level deeper, {told}",
        section=section,
        told=told,
    )
