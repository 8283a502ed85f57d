"""The page of ``brushstream serve`` as a visitor uses it: a real Chromium, one server for all of it."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

import pipeline
from tests.support import make_models
from tests.support.browser import Browser, Page
from tests.support.serve_page import BEGIN, LIVE, Serve, go_live, sent_and_painted
from tests.support.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("clock")]

OVERLAP = (
    "(([a, b]) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1"
    " && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 1)"
    "(['{}', '{}'].map((one) => document.querySelector(one).getBoundingClientRect()))"
)
TITLE = "document.getElementById('title').textContent"


@pytest.fixture(scope="module")
def styles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("styles")
    make_models.invert(folder / "invert.onnx")
    make_models.blur(folder / "blur.onnx")
    make_models.three_rows(folder / "rows.onnx")
    return folder


@pytest.fixture(scope="module")
def server(styles: Path) -> Iterator[Serve]:
    files = ",".join(str(styles / f"{name}.onnx") for name in ("invert", "blur", "rows"))
    running = Serve(styles, "--port", "0", "--styles", files, "--no-steady")
    yield running
    assert running.end() == 130
    print(*running.lines, sep="\n")


@pytest.fixture
def page(server: Serve, browser: Browser) -> Iterator[Page]:
    opened = browser.page(server.address)
    go_live(opened)
    yield opened
    opened.close()


def seen(page: Page, x: float, y: float = 0.1) -> int:
    """Brightness of the page's picture there, 0 to 255."""
    return int(
        page.ask(
            "(() => { const c = document.getElementById('picture'); return c.getContext('2d')"
            f".getImageData({x} * c.width, {y} * c.height, 1, 1).data[1]; }})()"
        )
    )


def pressed(page: Page, command: str) -> bool:
    return bool(
        page.ask(
            f"document.querySelector('[data-command={command}]').getAttribute('aria-pressed') === 'true'"
        )
    )


def test_the_page_shows_what_the_api_paints(page: Page, styles: Path) -> None:
    page.until("[...document.querySelectorAll('.tile img')].every((image) => image.naturalWidth === 320)")
    engine = "document.getElementById('engine').textContent"
    page.until(f"{engine}.includes('onnxruntime') && {engine}.includes('best network')")
    with pipeline.open_style(styles / "invert.onnx", engine="onnxruntime") as style:
        for sent, painted in sent_and_painted(page):
            assert sent.shape == (240, 320, 3)
            assert sent[8, 40].mean() > 180, "the camera's right half, mirrored"
            assert np.abs(style(sent).astype(int) - painted).mean() < 4
    assert seen(page, 0.1) < 80
    assert seen(page, 0.9) > 190
    took_ms = page.ask("performance.measure('first', 'permission', 'first painted frame').duration")
    print(f"first painted frame {took_ms:.0f} ms after permission")
    assert took_ms > 0


def test_keys_do_what_they_do_in_the_window(page: Page, browser: Browser) -> None:
    page.ask("document.activeElement.blur()")
    for key, happened in [
        ("n", f"{TITLE}.includes('blur')"),
        ("p", f"{TITLE}.includes('invert')"),
        ("2", f"{TITLE}.includes('blur')"),
        ("-", "document.getElementById('strength-value').textContent === '90 %'"),
        ("+", "document.getElementById('strength-value').textContent === '100 %'"),
        ("]", "document.getElementById('size-value').textContent === 'broad'"),
        ("[", "document.getElementById('size-value').textContent === 'normal'"),
        ("i", "document.body.classList.contains('informed')"),
        ("h", "document.getElementById('help').open"),
    ]:
        page.press(key)
        page.until(happened)
    page.ask("document.getElementById('help').close()")
    for key, command in [("s", "side-by-side"), ("m", "mirror"), ("c", "keep-colors"), ("t", "steady")]:
        before = pressed(page, command)
        page.press(key)
        until(lambda: pressed(page, command) is not before, f"{key} to turn {command}")  # noqa: B023
    page.press("q")
    page.until("document.body.dataset.view === 'welcome' && !document.getElementById('camera').srcObject")


def test_the_divider_is_moved_by_hand_and_by_keys(page: Page) -> None:
    page.ask("document.querySelector('[data-command=side-by-side]').click()")
    page.drag("#picture", (0.5, 0.5), (0.6, 0.5), (0.75, 0.5))
    page.until("document.getElementById('divider').getAttribute('aria-valuenow') === '75'")
    until(lambda: seen(page, 0.6) < 80 and seen(page, 0.9) > 190, "camera to the left, painting to the right")
    page.ask("document.getElementById('divider').focus()")
    page.press("ArrowLeft")
    page.until("document.getElementById('divider').getAttribute('aria-valuenow') === '73'")
    page.press("Home")
    page.until("document.getElementById('divider').getAttribute('aria-valuenow') === '0'")
    until(lambda: seen(page, 0.1) < 80, "the painting alone")


def test_a_photo_and_a_recording_are_saved(page: Page, browser: Browser) -> None:
    saved = browser.downloads
    page.ask("document.querySelector('[data-command=screenshot]').click()")
    until(lambda: list(saved.glob("*.png")), "the photo")
    photo = cv2.imread(str(next(saved.glob("*.png"))))
    assert photo is not None
    assert photo.shape == (240, 320, 3)
    assert photo[8, 40].mean() < 80, "inverted"
    page.ask("document.querySelector('[data-command=record]').click()")
    page.until("document.querySelector('#rec b').textContent === '0:02'")
    page.ask("document.querySelector('[data-command=record]').click()")
    until(lambda: films(saved), "the recording")
    with av.open(str(films(saved)[0])) as film:
        frames = [frame.to_ndarray(format="bgr24") for frame in film.decode(video=0)]
    assert len(frames) > 5
    assert frames[-1].shape == (240, 320, 3)
    assert frames[-1][8, 40].mean() < 80 < frames[-1][8, 280].mean()


def films(folder: Path) -> list[Path]:
    return [*folder.glob("*.mp4"), *folder.glob("*.webm")]


def test_rows_are_mixed_by_sliders_and_by_dragging_and_mixtures_are_remembered(
    page: Page, server: Serve, styles: Path
) -> None:
    page.ask("document.querySelectorAll('.tile')[2].click()")
    page.until("document.querySelectorAll('#shares input').length === 3")
    page.until("[...document.querySelectorAll('.disc img')].every((image) => image.naturalWidth === 320)")
    page.until(f"{TITLE} === 'Row as-it-is'")
    slide(page, "grey", 1.0)
    page.until(f"{TITLE} === '50 % Row as-it-is + 50 % Row grey'")
    slide(page, "as-it-is", 0)
    page.until(f"{TITLE} === 'Row grey'")
    page.drag("#palette", (0.5, 0.5), (0.6, 0.4), (0.5, 0.1))
    page.until(f"{TITLE} === 'Row as-it-is'")
    page.drag("#palette", (0.5, 0.1), (0.846, 0.3))  # half way round to the second row
    page.until(f"{TITLE} === '50 % Row as-it-is + 50 % Row inverted'")
    page.ask("document.getElementById('keep-mix').click()")
    page.press("ArrowDown")
    page.until(f"{TITLE} !== '50 % Row as-it-is + 50 % Row inverted'")
    page.open(server.address)
    go_live(page)
    page.ask("document.querySelectorAll('.tile')[2].click()")
    page.until("document.querySelectorAll('.chip').length === 1")
    page.ask("document.querySelector('.chip button').click()")
    page.until(f"{TITLE} === '50 % Row as-it-is + 50 % Row inverted'")
    with pipeline.open_style(styles / "rows.onnx", engine="onnxruntime") as style:
        sent, painted = sent_and_painted(page)[-1]
        mixed = style(sent, mix={"as-it-is": 0.5, "inverted": 0.5})
    assert np.abs(mixed.astype(int) - painted).mean() < 4
    page.ask("document.querySelectorAll('.chip button')[1].click()")
    assert page.ask("document.querySelectorAll('.chip').length") == 0


def slide(page: Page, row: str, share: float) -> None:
    page.ask(
        f"{{const one = document.querySelector('#shares [data-row={row}]'); one.value = {100 * share}; "
        "one.dispatchEvent(new Event('input'))}"
    )


@pytest.mark.parametrize("size", [(1440, 900), (1280, 720), (390, 844), (844, 390), (667, 375)])
def test_nothing_lies_over_something_else_and_no_title_is_cut(page: Page, size: tuple[int, int]) -> None:
    width, height = size
    page.call(
        "Emulation.setDeviceMetricsOverride",
        width=width, height=height, deviceScaleFactor=1, mobile=width < 900,
    )  # fmt: skip
    page.until(f"innerWidth === {width}")
    parts = [".mark", "#frame", "#actions", "#panel", "#styles"]
    for at, one in enumerate(parts):
        for other in parts[at + 1 :]:
            assert not page.ask(OVERLAP.format(one, other)), f"{one} and {other}"
    assert page.ask("document.documentElement.scrollWidth <= innerWidth")
    page.ask("document.querySelector('.tile span').textContent = 'The Shipwreck of the Minotaur'")
    assert page.ask("document.querySelector('.tile span').offsetTop >= 0")
    assert page.ask(
        "document.querySelector('.tile').scrollWidth <= document.querySelector('.tile').clientWidth"
    )
    share = page.ask(
        "(({width, height}) => width * height)(document.querySelector('#frame').getBoundingClientRect())"
    )
    assert share > 0.25 * width * height


def test_a_page_in_the_background_sends_nothing_and_goes_on_after(page: Page, browser: Browser) -> None:
    other = browser.page("about:blank")
    other.call("Page.bringToFront")
    page.until("document.hidden")
    page.ask("new Promise((done) => setTimeout(done, 400))")
    page.sent.clear()
    page.ask("new Promise((done) => setTimeout(done, 1500))")
    assert page.sent == []
    other.close()
    page.call("Page.bringToFront")
    page.until("!document.hidden")
    assert sent_and_painted(page)
    assert page.ask(LIVE)


def test_a_camera_that_is_refused_is_told_with_the_way_out(server: Serve, browser: Browser) -> None:
    page = browser.page(server.address, allow=False)
    page.ask(BEGIN)
    page.until("document.body.dataset.view === 'refused'")
    told = page.ask("document.getElementById('curtain').textContent")
    assert "The camera stays closed" in told
    assert "Allow the camera in the address bar" in told
    assert "Try again" in told
    browser.allow(server.address)
    page.ask(BEGIN)
    page.until(LIVE)
    page.close()


def test_a_wrong_token_shows_what_to_do_and_another_origin_gets_no_socket(
    server: Serve, browser: Browser
) -> None:
    root = server.address.rsplit("/", 2)[0]
    page = browser.page(f"{root}/wrong/")
    assert "open the whole address that was printed" in page.ask("document.body.textContent")
    page.close()
    page = browser.page("about:blank")
    outcome = "new Promise((done) => { s.onopen = () => done('open'); s.onclose = () => done('closed'); })"
    for address in (f"{root}/wrong/socket", f"{server.address}socket"):
        target = address.replace("http", "ws")
        assert page.ask(f"{{ const s = new WebSocket('{target}'); {outcome} }}") == "closed"
    page.close()


def test_https_with_a_certificate_of_ones_own(styles: Path, browser: Browser) -> None:
    certificate, key = styles / "cert.pem", styles / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate,
         "-days", "2", "-subj", "/CN=brushstream.test"],
        check=True, capture_output=True,
    )  # fmt: skip
    tls = ("--on", "0.0.0.0", "--tls-cert", str(certificate), "--tls-key", str(key))
    run = Serve(styles, "--port", "0", *tls, "--target-fps", "1")
    try:
        page = browser.page(run.address)
        assert page.ask("location.protocol") == "https:"
        go_live(page)
        assert sent_and_painted(page)
        assert pressed(page, "steady"), "a second is time enough for it"
        page.close()
        assert run.end() == 130
    finally:
        run.kill()
