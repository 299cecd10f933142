"""What is wrong with being commanded, told as findings."""

from collections.abc import Iterator

from config.language import tell
from edge.commands.commanding import CommandingHealth
from edge.commands.key_facts import KeyFacts
from edge.reporting.finding import Finding, about


def local_findings(fault: str | None) -> list[Finding]:
    """There is no socket for control on the spot."""
    if fault is None:
        return []
    return [
        Finding(
            code="local_control_off",
            severity="warning",
            component="local",
            text=tell("nobody on the spot can control this unit: {fault}", fault=fault),
            action=tell("see who may write state_dir, and what lies there under that name"),
        )
    ]


def command_findings(health: CommandingHealth) -> list[Finding]:
    """Commands that are not proved, cannot be proved, or cannot be kept."""
    finding, found = about("commands"), key_findings(health)
    if health.clock_set_back:
        text = tell("the clock was set back, so that no command's age can be told; all are refused")
        action = tell("set the clock right; if it is right: `patrol-edge control trust-clock`")
        found.append(finding("clock_set_back", "error", text, action))
    if health.control_fault:
        text = tell(
            "who commands is not known any more, so the hub does: {fault}",
            fault=health.control_fault,
        )
        action = tell(
            "take control again if you had it: `patrol-edge control take`; check the disk"
        )
        found.append(finding("control_lost", "warning", text, action))
    return [*found, *_kept_findings(health)]


def _kept_findings(health: CommandingHealth) -> Iterator[Finding]:
    """Of what is kept of commands: their store, the journal and its key."""
    finding = about("commands")
    if health.store_fault:
        text = tell(
            "commands cannot be stored, and are refused: {fault}",
            fault=health.store_fault,
        )
        action = tell("free space on the disk of state_dir")
        yield finding("commands_fault", "error", text, action)
    if health.store_set_aside:
        text = tell(
            "{count} damaged file(s) of commands.db were set aside",
            count=health.store_set_aside,
        )
        action = tell("copy the .corrupt files from state_dir, then delete them; check the disk")
        yield finding("commands_set_aside", "warning", text, action)
    if health.journal_fault:
        text = tell(
            "the command journal cannot be written or sealed, so commands are refused: {fault}",
            fault=health.journal_fault,
        )
        action = tell(
            "free space on the disk of state_dir, or see who may write there; a key that "
            "is damaged: bring it back from a copy"
        )
        yield finding("journal_fault", "error", text, action)
    if health.keys_damaged:
        text = tell(
            "the key that seals the journal was damaged, and made anew: {key}",
            key=health.keys_damaged[-1],
        )
        action = tell(
            "tell the hub's side the new device.pub, then delete that file; check the disk"
        )
        yield finding("device_key_damaged", "warning", text, action)
    if health.journal_broken:
        text = tell(
            "the command journal was changed from outside: {how}",
            how=health.journal_broken,
        )
        action = tell(
            "keep the files of state_dir/journal; `patrol-edge journal verify` tells more"
        )
        yield finding("journal_broken", "error", text, action)


def key_findings(health: CommandingHealth | KeyFacts) -> list[Finding]:
    """Who may command this unit: at most one of them."""
    finding = about("commands")
    if not health.signed:
        text: str = tell("anybody who reaches the broker can command this unit")
        action: str = tell("install a key (`patrol-edge keys`), and set security.commands: signed")
        return [finding("commands_unsigned", "warning", text, action)]
    if health.keyring_missing:
        text = tell("no hub can command this unit: there is no {keyring}", keyring=health.keyring)
        action = tell("install the hub's key: `patrol-edge keys install FILE`")
        return [finding("keyring_missing", "info", text, action)]
    if health.keyring_fault:
        text = tell("no hub can command this unit: {fault}", fault=health.keyring_fault)
        action = health.keyring_cure or tell("restore it from a copy, or install the keys again")
        return [finding("keyring_unreadable", "error", text, action)]
    if health.keys_over:
        text = tell(
            "no hub can command this unit: each of its keys has ended, was revoked or is to come"
        )
        action = tell(
            "install a hub's new key (`patrol-edge keys`), and see whether the clock is right"
        )
        return [finding("keys_over", "error", text, action)]
    if health.keys_expiring:
        text = tell(
            "keys that may command this unit end soon: {keys}",
            keys=", ".join(health.keys_expiring),
        )
        action = tell("make a new key on the hub, and install it here (`patrol-edge keys`)")
        return [finding("keys_expiring", "warning", text, action)]
    return []
