"""What a board answers instead of doing what it was asked."""

from typing import Any


class RefusedError(Exception):
    """`code` is of MGMT_ERR; `detail` of the group's own errors, which SMP version 2 tells."""

    def __init__(self, code: int, detail: int | None = None) -> None:
        super().__init__(code, detail)
        self.code = code
        self.detail = detail

    def told(self, group: int, version: int) -> dict[str, Any]:
        if version > 0 and self.detail is not None:
            return {"err": {"group": group, "rc": self.detail}}
        return {"rc": self.code}
