"""Asking a web server for a file, or for the rest of one (RFC 9110, section 14)."""

import urllib.request
from importlib.metadata import version
from typing import Any


def opened_at(
    url: str, at: int, timeout_s: float, redirects: type[urllib.request.HTTPRedirectHandler]
) -> Any:
    """The answer, which may begin at byte `at`, or at the front. The address is the caller's to
    check, and `redirects` says which others are followed. `timeout_s`: without a byte.

    Raises OSError and http.client.HTTPException.
    """
    headers = {"User-Agent": f"patrol-edge/{version('patrol-edge')}"}
    if at:
        headers["Range"] = f"bytes={at}-"
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - the caller has checked
    return urllib.request.build_opener(redirects).open(request, timeout=timeout_s)
