"""What may be asked of the plates: by the hub's commands, and on the spot."""

from typing import Any, cast

from pydantic import ValidationError

from edge.plates.hits import HitDesk
from edge.plates.hotlist import Change, HotList
from edge.plates.stick import SignedLists
from edge.seeing.witness import Witness
from edge.tasks.local import Asked, Control
from telemetry.commands.handling import Handler, Order, OrderRefusedError, Progress, Result
from telemetry.commands.signed_files import SignedFileError
from telemetry.contract.plates import PlatesList, PlatesReview
from telemetry.contract.wire_types import rfc3339_ms

Answer = dict[str, Any]


class PlatesOffice:
    """Lists in, reviews in. Every change is on record: which list, how many; never a plate."""

    def __init__(
        self, hotlist: HotList, desk: HitDesk, witness: Witness, signed: SignedLists
    ) -> None:
        self.hotlist = hotlist
        self.desk = desk
        self._witness = witness
        self._signed = signed

    def handlers(self) -> dict[str, Handler]:
        return {"plates.list": _ListOrder(self), "plates.review": _ReviewOrder(self)}

    def controls(self) -> dict[str, Control]:
        return {
            "plates.import": self._import,
            "plates.status": lambda _asked: self.status(),
            "plates.review": self._review_locally,
        }

    def install(self, wanted: PlatesList, by: str) -> Answer:
        """Raises OrderRefusedError, OrderFailedError."""
        change = self.hotlist.put(wanted, self._witness.now())
        self._witness.note(
            "plates_changed",
            list=change.list,
            version=change.version,
            change=change.what,
            entries=change.entries,
            legal_basis=wanted.legal_basis,
            by=by,
        )
        self.desk.tick()  # what was revoked ends at once
        return _told(change)

    def check(self, wanted: PlatesList) -> None:
        self.hotlist.check(wanted, self._witness.now())

    def review(self, wanted: PlatesReview, by: str) -> Answer:
        event = self.desk.review(wanted.episode, wanted.verdict, by)
        return {"episode": event.episode, "list": event.list, "entry": event.entry,
                "verdict": wanted.verdict}  # fmt: skip

    def status(self) -> Answer:
        lists = [
            {
                "list": each.list,
                "version": each.version,
                "entries": each.entries,
                "legal_basis": each.legal_basis,
                "expires_at": rfc3339_ms(each.expires_at),
            }
            for each in self.hotlist.status()
        ]
        hits = [
            {
                "episode": each.episode,
                "list": each.list,
                "entry": each.entry,
                "seen": rfc3339_ms(each.seen),
                "camera": each.camera,
                "vehicle": each.vehicle.label,
                "confidence": each.confidence,
            }
            for each in self.desk.open
        ]
        return {"lists": lists, "pending": hits, "fault": self.hotlist.fault}

    def _import(self, asked: Asked) -> Answer:
        token = asked.args.get("token")
        if not isinstance(token, str):
            raise OrderRefusedError("invalid_arguments", "token: the signed list")
        try:
            wanted, signer = self._signed.verified(token, self._witness.now())
        except SignedFileError as error:
            raise OrderRefusedError(error.code, str(error)) from error
        return self.install(wanted, f"{asked.issuer}, signed by {signer}")

    def _review_locally(self, asked: Asked) -> Answer:
        try:
            wanted = PlatesReview.model_validate(asked.args)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False, include_context=False)[0]
            raise OrderRefusedError("invalid_arguments", str(first["msg"])) from error
        return self.review(wanted, asked.issuer)


def _told(change: Change) -> Answer:
    answer: Answer = {
        "list": change.list,
        "version": change.version,
        "state": change.what,
        "entries": change.entries,
    }
    if change.parts_missing:
        answer["parts_missing"] = list(change.parts_missing)
    if change.not_plates:
        answer["not_plates"] = list(change.not_plates)
    return answer


class _ListOrder:
    long_running = False

    def __init__(self, office: PlatesOffice) -> None:
        self._office = office

    def check(self, order: Order) -> None:
        self._office.check(cast(PlatesList, order.args))

    def carry_out(self, order: Order, progress: Progress) -> Result:  # noqa: ARG002 - it is brief
        return self._office.install(cast(PlatesList, order.args), order.issuer)


class _ReviewOrder:
    long_running = False

    def __init__(self, office: PlatesOffice) -> None:
        self._office = office

    def check(self, order: Order) -> None:
        self._office.desk.check(cast(PlatesReview, order.args).episode)

    def carry_out(self, order: Order, progress: Progress) -> Result:  # noqa: ARG002 - it is brief
        return self._office.review(cast(PlatesReview, order.args), order.issuer)
