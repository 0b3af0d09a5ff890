"""Takes the pictures in docs/screenshots: `python -m tests.journeys.screenshots [name ...]` plays the demo hospital in a scratch folder.

The clock stands still on a Tuesday morning, so that pictures change only when pages do.
"""

from __future__ import annotations

import base64
import logging
import os
import shutil
import struct
import sys
import tempfile
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import flask_migrate
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from werkzeug.serving import make_server

from config import DEMO_KEY, Settings
from tests.facts import ROOT
from tests.journeys.conftest import SIZES, Quiet, launch
from tests.journeys.gallery import PICTURED, Stop, actor_at, sign_in
from ticketing.app import create_app
from ticketing.core import clock
from ticketing.core.permissions import Role
from ticketing.demo import jobs as demo_jobs
from ticketing.demo import queries as demo_queries
from ticketing.demo import service as demo
from ticketing.demo.rules.hospital import PASSWORD

FOLDER = ROOT / "docs" / "screenshots"
TUESDAY_MORNING = datetime(2026, 11, 24, 10, 20, tzinfo=UTC)
LONGEST = {"desk": 1200, "phone": 2000}  # a longer page is cut off: the top says enough

# Few colours make small files: up to 256, the most frequent first, none too like another to be told apart; the rest become their nearest.
IN_PALETTE = """async (picture) => {
  const image = await createImageBitmap(await (await fetch("data:image/png;base64," + picture)).blob());
  const canvas = new OffscreenCanvas(image.width, image.height), pen = canvas.getContext("2d");
  pen.drawImage(image, 0, 0);
  const pixels = new Uint32Array(pen.getImageData(0, 0, image.width, image.height).data.buffer), counts = new Map();
  for (const pixel of pixels) counts.set(pixel, (counts.get(pixel) ?? 0) + 1);
  const parts = (c) => [c & 255, (c >> 8) & 255, (c >> 16) & 255], known = [], nearest = new Map();
  for (const colour of [...counts.keys()].sort((a, b) => counts.get(b) - counts.get(a))) {
    const [r, g, b] = parts(colour);
    if (known.length < 256 && known.every(([x, y, z]) => (r - x) ** 2 + (g - y) ** 2 + (b - z) ** 2 >= 100)) known.push([r, g, b]);
  }
  for (const colour of counts.keys()) {
    const [r, g, b] = parts(colour);
    let best = 0, least = Infinity;
    known.forEach(([x, y, z], at) => {
      const gap = (r - x) ** 2 + (g - y) ** 2 + (b - z) ** 2;
      if (gap < least) { least = gap; best = at; }
    });
    nearest.set(colour, best);
  }
  const indices = new Uint8Array(pixels.length);
  pixels.forEach((pixel, at) => { indices[at] = nearest.get(pixel); });
  let text = "";
  for (let at = 0; at < indices.length; at += 32768) text += String.fromCharCode(...indices.subarray(at, at + 32768));
  return {width: image.width, height: image.height, palette: known.flat(), indices: btoa(text)};
}"""


def main(names: list[str]) -> None:
    """Every picture, or those named."""
    logging.disable(logging.WARNING)
    wanted = [stop for stop in PICTURED if not names or stop.name in names]
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch, _hospital(Path(scratch)) as (app, url), sync_playwright() as playwright:
        browser = launch(playwright, os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser"))
        painter = browser.new_page()
        for size in SIZES:
            _walk(app, url, browser, painter, size, wanted)
        browser.close()
    if not names:
        for old in set(FOLDER.glob("*.png")) - {_file(stop, size) for stop in PICTURED for size in SIZES}:
            old.unlink()
    whole = sum(path.stat().st_size for path in FOLDER.glob("*.png"))
    print(f"{len(wanted) * len(SIZES)} pictures taken; all of {FOLDER.relative_to(ROOT)} is {whole / 1e6:.1f} MB")  # noqa: T201


@contextmanager
def _hospital(scratch: Path) -> Iterator[tuple[Flask, str]]:
    """The demo hospital, served; nothing of it stays."""
    clock.now = lambda: TUESDAY_MORNING
    app = create_app(Settings(
        redress_env="demo", secret_key=DEMO_KEY, database_url=f"sqlite:///{scratch / 'demo.sqlite3'}", secure_cookies=False,
        migration_database_url=f"sqlite:///{scratch / 'demo.sqlite3'}", log_level="ERROR", password_memory_kib=1024, password_rounds=1,
        mfa_roles="none"))
    app.instance_path = str(scratch)
    with app.app_context():
        flask_migrate.upgrade()
        transport = demo_jobs.keep_at_once(scratch / "mailbox")
        demo.seed(mail_from=app.config["MAIL_FROM"], transport=transport, progress=_tell, at=TUESDAY_MORNING)
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
    app.config["PUBLIC_URL"] = f"http://localhost:{server.server_port}"  # passkeys need a name
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield app, app.config["PUBLIC_URL"]
    server.shutdown()
    thread.join()


def _tell(done: int, whole: int) -> None:
    if done == whole:
        print(f"The demo hospital is made, in {whole} steps.", file=sys.stderr)  # noqa: T201


def _walk(app: Flask, url: str, browser: Browser, painter: Page, size: str, stops: list[Stop]) -> None:
    """Each role signs in once and opens its pages."""
    addresses = {Role(person.role): person.email for person in _in(app, demo_queries.sign_ins)}
    for role in (None, *Role):
        own = [stop for stop in stops if stop.role is role and stop.endpoint in app.view_functions]
        if not own:
            continue
        context = browser.new_context(base_url=url, viewport=SIZES[size], locale="en-GB", reduced_motion="reduce")  # type: ignore[arg-type]
        page = context.new_page()
        if role:
            sign_in(page, addresses[role], PASSWORD)
        for stop in own:
            _take(app, context, page, painter, size, stop, addresses.get(role) if role else None)
        context.close()


def _in(app: Flask, ask: Any) -> Any:
    with app.app_context():
        return ask()


def _take(app: Flask, context: BrowserContext, page: Page, painter: Page, size: str, stop: Stop, email: str | None) -> None:
    if stop.prepare:
        with app.app_context():
            stop.prepare(page)
    answer = page.goto(_in(app, lambda: stop.url(actor_at(email) if email else None)))
    assert answer, stop.name
    assert answer.ok, f"{stop.name} answered {answer.status}"
    page.evaluate("document.activeElement?.blur()")
    height = min(page.evaluate("document.documentElement.scrollHeight"), LONGEST[size])
    page.set_viewport_size({"width": SIZES[size]["width"], "height": max(height, SIZES[size]["height"])})
    time.sleep(0.1)  # fonts and transitions settle
    picture = base64.b64encode(page.screenshot(animations="disabled", caret="hide")).decode()
    page.set_viewport_size(SIZES[size])  # type: ignore[arg-type]
    _write(_file(stop, size), painter.evaluate(IN_PALETTE, picture))


def _file(stop: Stop, size: str) -> Path:
    return FOLDER / f"{stop.name}-{size}.png"


def _write(path: Path, found: dict[str, Any]) -> None:
    """A PNG with a palette, squeezed as far as zlib can."""
    width, height, indices = found["width"], found["height"], base64.b64decode(found["indices"])
    rows = b"".join(b"\0" + indices[at * width:(at + 1) * width] for at in range(height))
    chunks = ((b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)), (b"PLTE", bytes(found["palette"])),
              (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks))


if __name__ == "__main__":
    main(sys.argv[1:])
