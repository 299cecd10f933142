"""What is started at the far end of a line, and what it says when that does not work."""

import shlex

from config.language import Told, tell

RECEIVE = "patrol-edge flash --receive"
ASKS = "patrol-edge-asks: "  # sudo's question for the password, so that it is known again
# What ssh, sudo and the shell say; what it means; what to do. The first that fits counts.
REFUSALS: tuple[tuple[str, Told, Told], ...] = (
    (
        "Host key verification failed",
        tell("the unit's SSH key is not the one that is known, or is not known"),
        tell("is it another unit? Compare the key; then ssh-keygen -R HOST, and ssh HOST once"),
    ),
    (
        "Permission denied",
        tell("the unit does not let this user in"),
        tell("give another user: --to USER@HOST, or install your key: ssh-copy-id HOST"),
    ),
    (
        "Could not resolve hostname",
        tell("there is no computer of this name"),
        tell("check the name, or give the address: --to 192.168.1.20"),
    ),
    (
        "Connection refused",
        tell("the computer is there, but takes no SSH"),
        tell("is an SSH server running there? Or use the serial console: --to /dev/ttyUSB0"),
    ),
    (
        "Connection timed out",
        tell("nobody answers at this address"),
        tell("is the unit on, and in this network? ping HOST"),
    ),
    (
        "No route to host",
        tell("there is no way to this address"),
        tell("is the unit on, and in this network? ping HOST"),
    ),
    (
        "not in the sudoers file",
        tell("this user may not act as root there"),
        tell("use a user who may: --to USER@HOST"),
    ),
    (
        "incorrect password",
        tell("the password was wrong"),
        tell("try it again; it is the one of the user on the unit"),
    ),
    (
        "not found",
        tell("patrol-edge is not installed there"),
        tell("install the package first: docs/technician.md"),
    ),
)


def refusal_in(said: str) -> tuple[Told, Told] | None:
    """What is meant, and what to do; None where none of it is known."""
    return next(((text, cure) for words, text, cure in REFUSALS if words in said), None)


def remote_command(*, asks: bool) -> str:
    """What is started on the unit, as root. `asks`: sudo may ask for the password."""
    sudo = f"sudo -S -p {shlex.quote(ASKS)}" if asks else "sudo -n"
    return f'if [ "$(id -u)" = 0 ]; then exec {RECEIVE}; else exec {sudo} {RECEIVE}; fi'
