"""The headers that every answer carries: what a browser must not do with it."""

from __future__ import annotations

from typing import Final

# No other origin may embed, open or read us; an address of ours never leaves in a Referer.
_COMMON: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
ANSWER: Final = _COMMON | {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}


def file_headers(cache_control: str, etag: str, policy: str) -> dict[str, str]:
    """Return the headers of a file of the dashboard; `policy` is its Content-Security-Policy."""
    powers = "camera=(), geolocation=(), microphone=(), payment=(), usb=()"
    return _COMMON | {
        "Cache-Control": cache_control,
        "ETag": etag,
        "Content-Security-Policy": policy,
        "Permissions-Policy": powers,
    }
