"""Addresses of cameras on the network."""

from urllib.parse import urlsplit

SCHEMES = ("rtsp", "rtsps", "http", "https", "udp", "tcp", "rtmp", "srt")


def is_address(text: str) -> bool:
    """Whether ``text`` is a network address of a kind that can be received."""
    return urlsplit(text).scheme.lower() in SCHEMES and "://" in text


def without_password(address: str) -> str:
    """The address for messages: user and password left out, and what follows ``?``."""
    parts = urlsplit(address)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()
