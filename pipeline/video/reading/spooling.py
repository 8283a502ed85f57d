"""Inputs that can be read only once, or from far away, put into a file: pipes and addresses.

A job opens its input several times (pictures, sound, a look at the end), goes back in it when it is
resumed, and compares the result with it: only a file can be read so.
"""

import base64
import http.client
import re
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

from pipeline.common.atomic_files import name_fault, write_error
from pipeline.common.errors import InputError

STANDARD = "-"
"""Stands for standard input, and as an output's name for standard output."""

_ADDRESS = re.compile(r"([a-z][a-z0-9+.-]+):/+(.+)", re.IGNORECASE)  # a Path holds one slash of two
_READ_FROM_FAR = ("http", "https")
_SILENCE_S = 30
_CHUNK = 1 << 20
_HEAD = 4096
_SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,8}$")
_OWN_FILES = ("/dev/std", "/dev/fd/", "/dev/tty")
_PLAYLISTS = (b"#EXT-X-", b"<MPD")


def address_of(name: str) -> str | None:
    """``name`` as an address with both of its slashes; None where it is none, or a file has that name."""
    found = _ADDRESS.match(name)
    if found is None or (name_fault(Path(name)) is None and Path(name).exists()):
        return None
    return name if "://" in name else f"{found.group(1)}://{found.group(2)}"


def is_stream(name: str) -> bool:
    """Whether ``name`` can be read once at most: standard input, a pipe, an address."""
    if name == STANDARD or address_of(name) is not None:
        return True
    path = Path(name)
    return name_fault(path) is None and (path.is_fifo() or path.is_char_device() or path.is_socket())


def shown(name: str) -> str:
    """``name`` for people: without the password of an address."""
    if name == STANDARD:
        return "standard input"
    address = address_of(name)
    return name if address is None else re.sub(r"(://[^/@:]*):[^/@]*@", r"\1:***@", address)


def check_stream(name: str) -> None:
    """Refuse what ``spool`` cannot read.

    Raises:
        InputError: an address that is not of http or https, a camera or another device, or a keyboard.
    """
    address = address_of(name)
    if address is not None and urlsplit(address).scheme.lower() not in _READ_FROM_FAR:
        raise InputError(
            f"{shown(name)} is an address of a kind that is not read, http and https are; save it first, "
            f"with `ffmpeg -i {shown(name)} -c copy clip.mkv` say, or watch it with `brushstream webcam`"
        )
    keyboard = name == STANDARD and sys.stdin.isatty()
    if keyboard or (address is None and name != STANDARD and not Path(name).is_fifo()):
        what = "a terminal" if keyboard or name.startswith(_OWN_FILES) else "a device"
        raise InputError(
            f"{shown(name)} is {what}, a video was wanted; pipe one into it, name a file, or paint a camera "
            "with `brushstream webcam`"
        )


def spool(name: str, folder: Path, stopped: Callable[[], bool] = lambda: False) -> Path:
    """Read ``name`` to its end into a new file in ``folder``; blocks as long as the other side is silent.

    Raises:
        InputError: the other side refuses, is silent for half a minute, breaks off, or has no video.
        OutputError: no room in ``folder``.
        KeyboardInterrupt: ``stopped``.
    """
    address = address_of(name)
    found = _SUFFIX.search(urlsplit(address or name).path)
    path = folder / f"input{found.group() if found else ''}"
    try:
        with _opened(name) as stream, path.open("xb") as file:
            while chunk := _next(name, stream):
                if stopped():
                    raise KeyboardInterrupt
                file.write(chunk)
    except OSError as error:
        raise write_error(path, error) from error
    _check_content(name, path)
    return path


@contextmanager
def _opened(name: str) -> Iterator[BufferedReader | http.client.HTTPResponse]:
    address = address_of(name)
    if name == STANDARD:
        yield cast(BufferedReader, sys.stdin.buffer)
    elif address is not None:
        with _answer(address) as stream:
            yield stream
            if stream.length:
                raise _broke_off(name, f"{stream.length} bytes before the end")
    else:
        try:
            file = Path(name).open("rb")  # noqa: SIM115 - closed below; what it raises is the input's fault
        except OSError as error:
            raise InputError(f"{name} cannot be read ({error.strerror}); check its permissions") from error
        with file:
            yield file


def _next(name: str, stream: BufferedReader | http.client.HTTPResponse) -> bytes:
    try:
        return stream.read1(_CHUNK)
    except (http.client.HTTPException, OSError) as error:
        raise _broke_off(name, str(error) or type(error).__name__) from error


def _broke_off(name: str, why: str) -> InputError:
    return InputError(f"{shown(name)} broke off ({why}); run the same command again")


def _answer(address: str) -> http.client.HTTPResponse:
    parts = urlsplit(address)
    host = parts.netloc.rpartition("@")[2]
    request = urllib.request.Request(
        parts._replace(netloc=host).geturl(), headers={"User-Agent": "brushstream"}
    )
    if parts.username is not None:
        pair = f"{parts.username}:{parts.password or ''}".encode()
        request.add_header("Authorization", f"Basic {base64.b64encode(pair).decode()}")
    try:
        answer: http.client.HTTPResponse = urllib.request.urlopen(request, timeout=_SILENCE_S)
    except urllib.error.HTTPError as error:
        raise InputError(
            f"{shown(address)}: the server answers {error.code} ({error.reason}); check the address"
        ) from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise InputError(
            f"{shown(address)} cannot be reached ({reason}); check it and the network"
        ) from error
    if answer.headers.get_content_type() == "text/html":
        answer.close()
        raise InputError(
            f"{shown(address)} is a page, a video was wanted; name the address of the video itself"
        )
    return answer


def _check_content(name: str, path: Path) -> None:
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if not head:
        raise InputError(
            f"{shown(name)} gave nothing (0 bytes), a video was wanted; look at what writes into it"
        )
    if any(mark in head for mark in _PLAYLISTS):
        raise InputError(
            f"{shown(name)} is a list of pieces (HLS or DASH), a video was wanted; put it together first, "
            f"with `ffmpeg -i {shown(name)} -c copy clip.mkv`"
        )
