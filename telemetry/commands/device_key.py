"""The key that seals this unit's journal: found where it is, made where it may be made."""

from dataclasses import dataclass
from pathlib import Path

import structlog

from telemetry.commands.files import FileRefusedError, replace
from telemetry.commands.jws import PrivateKey
from telemetry.commands.keys import DamagedKeyError, new_private_key, read_private_key
from telemetry.outbox.rescue import aside, set_aside


@dataclass(frozen=True, slots=True)
class DeviceKey:
    """Calling it reads the file anew."""

    path: Path
    make: bool  # it is the unit's own: made where there is none, its public part beside it

    def __call__(self) -> PrivateKey:
        """Raises OSError.

        An own key that is damaged seals nothing any more: it is set aside, and a new one made. The
        journal says that its key has changed, since it names the key of its seals.
        """
        try:
            return read_private_key(self.path)
        except FileNotFoundError:
            if not self.make:
                raise
        except DamagedKeyError as error:
            if not self.make:
                raise OSError(str(error)) from error
            kept = set_aside(self.path)
            structlog.get_logger().error("device_key_damaged", why=str(error), aside=kept.name)
        except FileRefusedError as error:
            raise OSError(str(error)) from error
        key = new_private_key(self.path)
        replace(self.path.with_suffix(".pub"), key.public.text.encode() + b"\n", 0o644)
        return key

    def damaged(self) -> tuple[str, ...]:
        """Names of the damaged keys that lie beside it, oldest first. Any thread."""
        return tuple(path.name for path in aside(self.path)) if self.make else ()
