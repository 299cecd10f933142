"""Why a unit whose ignition is off must not sleep yet."""

from edge.acting.acting import Acting
from edge.firmware.desk import FirmwareDesk
from edge.tasks.office import Office


def why_awake(office: Office, acting: Acting, firmware: FirmwareDesk) -> str:
    """In words; empty where nothing speaks against it. Any thread."""
    if office.sos.book.call is not None:
        return "a call for help stands"
    task = next((each for each in office.desk.book.tasks if not each.over), None)
    if task is not None:
        return f"the task {task.title or task.id} is open"
    board = firmware.lent()
    if board is not None:
        return f"the firmware or the settings of {board} are being changed"
    on = next((each for each in acting.states() if each.on), None)
    if on is not None:  # asleep, nobody would switch it off
        return "it records" if on.kind == "record_lamp" else f"{on.name} is on"
    return ""
