"""A command that goes on until it is stopped, in a process of its own."""

import os
import re
import subprocess
import sys
import threading
from pathlib import Path

from tests.support.waiting import LONG_S, until


class LiveCommand:
    """The process and the lines it has written to standard error."""

    def __init__(self, folder: Path, command: str, *arguments: str, **environment: str) -> None:
        """Start ``brushstream COMMAND ARGUMENTS``, small, with the two styles of ``folder``."""
        code = "from pipeline.cli.main import main; main()"
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            [sys.executable, "-c", code, command, "--size", "320x240", "--engine", "onnxruntime",
             "--styles", f"{folder / 'invert.onnx'},{folder / 'blur.onnx'}", *arguments],
            stderr=subprocess.PIPE, text=True, env={**os.environ, **environment},
        )  # fmt: skip
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.lines.append(line.strip())

    def told(self, pattern: str) -> re.Match[str] | None:
        return next((m for line in list(self.lines) if (m := re.search(pattern, line))), None)

    def wait_for(self, pattern: str) -> str:
        until(lambda: self.told(pattern) or self.process.poll() is not None, f"{pattern!r} in {self.lines}")
        found = self.told(pattern)
        assert found, self.lines
        return found.group(0)

    def end(self) -> int:
        """Wait for the end; the exit code."""
        code = self.process.wait(LONG_S)
        self._reader.join()
        return code

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self._reader.join()
