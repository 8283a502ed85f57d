"""Pipes and addresses are read to their end first, then as any file; and standard output."""

import http.server
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest

from pipeline.common.errors import InputError, OutputError
from pipeline.common.scratch_folders import scratch_folder
from pipeline.video.batch_plan import plan
from pipeline.video.job import VideoOptions, run_video
from tests.support import make_media
from tests.support.waiting import until

pytestmark = make_media.needs_ffmpeg

FRAMES = 25
MAIN = "import sys; from pipeline.cli.main import main; main()"


@pytest.fixture
def style(styles_folder: Path) -> str:
    return str(styles_folder / "invert.onnx")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clip") / "in.ts"
    make_media.ffmpeg(*make_media.TESTSRC, "-f", "lavfi", "-i", "sine=d=1", *make_media.H264, path)
    return path


class Server(http.server.BaseHTTPRequestHandler):
    """Gives ``content`` without support for ranges; half of it, a page, a list, nothing, by the path."""

    content: ClassVar[bytes] = b""
    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        kind = {"/page": "text/html"}.get(self.path, "video/mp2t")
        body = {"/page": b"<html>", "/list.m3u8": b"#EXTM3U\n#EXT-X-VERSION:3\n", "/empty": b""}.get(
            self.path, self.content
        )
        if self.path == "/missing":
            return self.send_error(404)
        if self.path == "/private" and self.headers["Authorization"] != "Basic bWU6c2VjcmV0":
            return self.send_error(401)
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if self.path == "/half" else body)
        return None

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture(scope="module")
def server(clip: Path) -> Iterator[str]:
    Server.content = clip.read_bytes()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


def assert_whole(path: Path) -> None:
    found = make_media.probe(path)
    assert len(found.times) == FRAMES
    assert len(found.audio) == 1


def command(*arguments: object, **streams: object) -> "subprocess.CompletedProcess[bytes]":
    line = [sys.executable, "-c", MAIN, "video", *map(str, arguments), "--engine", "identity"]
    return subprocess.run(line, capture_output="stdout" not in streams, timeout=60, **streams)  # type: ignore[call-overload,no-any-return]


def test_an_address_is_read(tmp_path: Path, style: str, server: str) -> None:
    run_video(VideoOptions(Path(f"http://{server}/a.ts"), tmp_path / "out.mp4", style, engine="identity"))
    assert_whole(tmp_path / "out.mp4")
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]


def test_an_address_keeps_its_slashes_and_hides_its_password(tmp_path: Path, style: str, server: str) -> None:
    name = f"http://{server}/a//b?from=http://x//y"
    (job,) = plan(
        [name], tmp_path / "{stem}.mp4", VideoOptions(Path(name), tmp_path, style, engine="identity")
    )
    run_video(job.options)
    assert Server.asked[-1] == "/a//b?from=http://x//y"
    run_video(
        VideoOptions(Path(f"http://me:secret@{server}/private"), tmp_path / "p.mp4", style, engine="identity")
    )
    with pytest.raises(InputError, match="the server answers 401") as refused:
        run_video(
            VideoOptions(
                Path(f"http://me:wrong@{server}/private"), tmp_path / "q.mp4", style, engine="identity"
            )
        )
    assert "me:***@" in str(refused.value)
    assert "wrong" not in str(refused.value)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/missing", "the server answers 404"),
        ("/half", "broke off .* before the end"),
        ("/page", "is a page, a video was wanted"),
        ("/list.m3u8", "is a list of pieces"),
        ("/empty", "gave nothing"),
    ],
)
def test_what_no_server_gives_is_told(tmp_path: Path, style: str, server: str, path: str, words: str) -> None:
    with pytest.raises(InputError, match=words) as refused:
        run_video(
            VideoOptions(Path(f"http://{server}{path}"), tmp_path / "out.mp4", style, engine="identity")
        )
    assert f"http://{server}{path}" in str(refused.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("address", ["rtsp://host/live", "ftp://host/a.mp4"])
def test_other_addresses_are_named_whole(tmp_path: Path, style: str, address: str) -> None:
    with pytest.raises(InputError, match="is an address of a kind that is not read") as refused:
        run_video(VideoOptions(Path(address), tmp_path / "out.mp4", style, engine="identity"))
    assert address in str(refused.value)


def test_nobody_at_an_address(tmp_path: Path, style: str) -> None:
    with pytest.raises(InputError, match=r"http://127\.0\.0\.1:9/x\.mp4 cannot be reached"):
        run_video(
            VideoOptions(Path("http://127.0.0.1:9/x.mp4"), tmp_path / "out.mp4", style, engine="identity")
        )


def written_into(pipe: Path, content: bytes) -> threading.Thread:
    thread = threading.Thread(target=lambda: pipe.write_bytes(content))
    thread.start()
    return thread


def test_a_named_pipe_is_read(tmp_path: Path, style: str, clip: Path) -> None:
    pipe = tmp_path / "in.ts"
    os.mkfifo(pipe)
    writer = written_into(pipe, clip.read_bytes())
    run_video(VideoOptions(pipe, tmp_path / "out.mp4", style, engine="identity"))
    writer.join()
    assert_whole(tmp_path / "out.mp4")


def test_errors_name_the_pipe(tmp_path: Path, style: str) -> None:
    pipe = tmp_path / "in.ts"
    os.mkfifo(pipe)
    writer = written_into(pipe, b"no video at all" * 100)
    with pytest.raises(InputError, match="is not a video") as refused:
        run_video(VideoOptions(pipe, tmp_path / "out.mp4", style, engine="identity"))
    writer.join()
    assert str(refused.value).startswith(f"{pipe} is not a video")


def test_a_wrong_option_is_found_before_the_pipe_is_read(tmp_path: Path, style: str) -> None:
    pipe = tmp_path / "in.ts"
    os.mkfifo(pipe)  # nobody writes: reading would wait for ever
    with pytest.raises(OutputError, match="cannot hold"):
        run_video(VideoOptions(pipe, tmp_path / "out.webm", style, engine="identity", codec="h264"))


@pytest.mark.parametrize("name", ["-", "/dev/stdin"])
@pytest.mark.parametrize("container", ["mkv", "mp4"])
def test_from_standard_input_to_standard_output(
    tmp_path: Path, style: str, clip: Path, name: str, container: str
) -> None:
    wanted = ["--style", style, "-o", "-", "--format", container]
    done = command(name, *wanted, input=clip.read_bytes())
    assert done.returncode == 0, done.stderr
    (tmp_path / "out").write_bytes(done.stdout)
    assert_whole(tmp_path / "out")
    piped = ["ffmpeg", "-v", "error", "-i", "-", "-map", "0", "-f", "framecrc", "-"]  # cannot go back
    read = subprocess.run(piped, input=done.stdout, capture_output=True, timeout=60, check=True)
    assert read.stderr == b""
    assert read.stdout.count(b"\n0,") == FRAMES


def test_a_reader_that_leaves_early_ends_in_one_line(style: str, clip: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = command(clip, "--style", style, "-o", "-", stdout=writing, stderr=subprocess.PIPE)
    os.close(writing)
    assert done.returncode == 5
    assert b"ended before it had read the whole video" in done.stderr
    assert b"Traceback" not in done.stderr
    assert b"Exception" not in done.stderr


REFUSED: dict[str, tuple[tuple[str, ...], int, bytes]] = {
    "json": (("-o", "-", "--json"), 2, b"would both write to standard output"),
    "format": (("-o", "x.mp4", "--format", "mkv"), 2, b"--format is for `-o -`"),
    "control": (("-o", "x.mp4", "--schedule", "0 invert", "--control", "a=1"), 2, b"--control is of --style"),
    "container": (("-o", "-", "--format", "avi9"), 5, b"is no format that can be streamed"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_go_with_standard_output(style: str, clip: Path, case: str) -> None:
    arguments, code, words = REFUSED[case]
    done = command(clip, "--style", style, *arguments)
    assert (done.returncode, done.stdout) == (code, b"")
    assert words in done.stderr.replace(b"\n", b" ")


def test_several_videos_do_not_fit_through_standard_output(tmp_path: Path, style: str) -> None:
    with pytest.raises(OutputError, match="standard output takes one video"):
        plan(["a.mp4", "b.mp4"], Path("-"), VideoOptions(Path("a.mp4"), Path("-"), style, engine="identity"))


def test_a_device_is_no_video(tmp_path: Path, style: str) -> None:
    with pytest.raises(InputError, match="/dev/null is a device"):
        run_video(VideoOptions(Path("/dev/null"), tmp_path / "out.mp4", style, engine="identity"))


def test_what_a_killed_read_left_is_removed_by_the_next(tmp_path: Path, style: str, clip: Path) -> None:
    pipe, target = tmp_path / "pipe", tmp_path / "out.mp4"
    os.mkfifo(pipe)
    asked = [sys.executable, "-c", MAIN, "video", str(pipe), "-o", str(target), "--style", style]
    with subprocess.Popen([*asked, "--engine", "identity"]) as killed, pipe.open("wb") as writer:
        writer.write(clip.read_bytes())
        writer.flush()
        until(lambda: any(tmp_path.glob(".brushstream-*/input")), "the read to begin")
        killed.kill()
    (left,) = tmp_path.glob(".brushstream-*")
    written_into(pipe, clip.read_bytes())
    run_video(VideoOptions(pipe, target, style, engine="identity"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.mp4", "pipe"], left


def test_a_folder_in_use_stays(tmp_path: Path) -> None:
    with scratch_folder(tmp_path) as first, scratch_folder(tmp_path) as second:
        assert first.is_dir()
        assert second.is_dir()
    assert list(tmp_path.iterdir()) == []


def test_parts_that_a_killed_run_left_are_removed(tmp_path: Path, style: str, clip: Path) -> None:
    target = tmp_path / "out [x].mp4"
    left = tmp_path / ".out [x].0a1b2c3d.part.mp4"
    other = tmp_path / ".out [x].mine.part.mp4"
    left.touch()
    other.touch()
    run_video(VideoOptions(clip, target, style, engine="identity"))
    assert {path.name for path in tmp_path.iterdir()} == {target.name, other.name}
