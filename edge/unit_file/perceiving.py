"""What the unit's file says of seeing: its model, its zones and rules, plates and searches."""

from collections.abc import Iterator
from pathlib import Path

from config.language import said, tell
from config.models import Settings
from config.wording import nearest
from edge.unit_file.doubt import Doubt, kind_of


def on_model(settings: Settings) -> Iterator[Doubt]:
    """Whether the catalogue knows the model, and can be read."""
    from perception.errors import CatalogueError, PerceptionError, WrongNameError
    from perception.inference.catalogue import Catalogue

    wanted = settings.perception
    if not wanted.enabled or (wanted.model.startswith("/") and kind_of(Path(wanted.model)) is None):
        return  # that it is not there is told at each start
    known: tuple[str, ...] = ()
    try:
        catalogue = Catalogue(wanted.models_dir)
        known = tuple(catalogue.entries)
        catalogue.find(wanted.model)
    except WrongNameError as error:
        near = None if wanted.model in known else nearest(wanted.model, known)
        cure = tell("do you mean {near}?", near=near) if near else error.cure
        yield Doubt("perception.model", tell("{problem}; {cure}", problem=said(error), cure=cure))
    except CatalogueError as error:
        place = "perception.models_dir" if wanted.models_dir else "perception.model"
        yield Doubt(
            place,
            tell(
                "{problem}; {cure}",
                problem=said(error),
                cure=error.cure or tell("correct that file"),
            ),
        )
    except PerceptionError as error:
        yield Doubt(
            "perception.model", tell("{problem}; {cure}", problem=said(error), cure=error.cure)
        )


def on_zones(settings: Settings) -> Iterator[Doubt]:
    """What is wrong with the zones, and with what the rules ask of them."""
    if not (settings.rules or settings.zones.files or settings.zones.ground):
        return
    from perception.rules.factory import check_rules
    from perception.rules.idle import idle_rules
    from perception.zones.zone_file import survey
    from perception.zones.zones import ZoneError

    found = survey(settings.zones, list(settings.cameras))
    for fault in found.faults:
        own = fault.where.startswith("zones.")
        text = fault.text if own else str(fault)
        yield Doubt(fault.where if own else "zones.files", text, fault.severity)
    try:
        check_rules(settings.rules, found.zones)
    except ZoneError as error:
        for line in str(error).splitlines():
            path, _, text = line.partition(": ")
            yield Doubt(
                f"{path}.zones",
                tell("{problem}; {cure}", problem=text, cure=error.cure),
                "error",
            )
    for name, why in idle_rules(settings.rules, found.zones, settings.looked_at):
        yield Doubt(f"rules.{name}", tell("can never say anything: {why}", why=why))


def on_finders(settings: Settings) -> Iterator[Doubt]:
    """Whether what is on can work: its reader, and a detector before it."""
    if settings.plates.enabled:
        from perception.plates.reader import INSTALL, is_installed

        if not is_installed():
            yield Doubt(
                "plates.enabled", tell("the plate reader is not there; {cure}", cure=INSTALL)
            )
    for name, on in (("plates", settings.plates.enabled), ("search", settings.search.enabled)):
        if on and not settings.perception.enabled:
            text = tell("nothing is seen while perception is off; set perception.enabled: true")
            yield Doubt(f"{name}.enabled", text)
