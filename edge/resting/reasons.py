"""Why a unit whose ignition is off must not sleep yet."""

from edge.acting.acting import Acting
from edge.tasks.office import Office


def why_awake(office: Office, acting: Acting) -> str:
    """In words; empty where nothing speaks against it. Any thread."""
    if office.sos.book.call is not None:
        return "a call for help stands"
    task = next((each for each in office.desk.book.tasks if not each.over), None)
    if task is not None:
        return f"the task {task.title or task.id} is open"
    if any(each.kind == "record_lamp" and each.on for each in acting.states()):
        return "it records"
    return ""
