"""What is reached by name: where it stands, which package it needs, which extra brings that.

Nothing heavy is imported before an adapter is asked for.
"""

import importlib
import importlib.util
from dataclasses import dataclass
from importlib import metadata
from typing import Any

from pipeline.common.errors import MissingPackageError


@dataclass(frozen=True)
class Adapter:
    """Where an adapter is and what it needs.

    Attributes:
        target: ``module:name`` of its class or function.
        package: the import name of the package it needs, empty where the base install has it all.
        extra: the extra of Brushstream that brings the package, empty for the base install.
    """

    target: str
    package: str = ""
    extra: str = ""


def load(name: str, adapter: Adapter) -> Any:
    """Import an adapter's module and return its class or function; ``name`` is for the message.

    Raises:
        MissingPackageError: its package is not installed or does not load; the message names the cure.
    """
    if adapter.package:
        require(name, adapter.package, adapter.extra)
    module_name, attribute = adapter.target.split(":")
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        raise MissingPackageError(
            f"{name} is installed but does not load ({error}); run {_cure(adapter.extra)} --force-reinstall"
        ) from error
    return getattr(module, attribute)


def require(name: str, package: str, extra: str) -> None:
    """Raise MissingPackageError, which names the cure, unless ``name``'s package is installed."""
    if not is_installed(package):
        raise MissingPackageError(f"{name} needs the package {package!r}, not installed; run {_cure(extra)}")


def _cure(extra: str) -> str:
    return f"pip install 'brushstream[{extra}]'" if extra else "pip install brushstream"


def installed_version(distribution: str) -> str | None:
    """The version of an installed distribution; None where there is none."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def is_installed(package: str) -> bool:
    """Whether ``import package`` would find something; imports nothing."""
    return importlib.util.find_spec(package) is not None
