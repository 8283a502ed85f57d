"""The token in the page's address, kept from start to start, so that an open page finds its server again."""

import secrets
from pathlib import Path

from pipeline import style

_LENGTH = 16
_SHORTEST = 20


def token_path() -> Path:
    """Where it is kept: a file beside the user's styles that only the user can read."""
    return style.user_folder().parent / "serve-token"


def kept_token(path: Path, *, renew: bool = False) -> str:
    """The token in that file; made, and kept there, where there is none or ``renew`` asks for another.

    Raises:
        OSError: it can be neither read nor written.
    """
    if not renew and path.is_file():
        kept = path.read_text(encoding="ascii", errors="replace").strip()
        if len(kept) >= _SHORTEST and all(c.isalnum() or c in "-_" for c in kept):
            return kept
    token = secrets.token_urlsafe(_LENGTH)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_text(token, encoding="ascii")
    return token
