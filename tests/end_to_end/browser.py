"""A real browser, Chromium, that runs a page of a test."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from infra.built import ROOT
from tests.http_server import HttpAnswer, HttpRequest, serving

_FIND = "import chromium from '@sparticuz/chromium'; console.log(await chromium.executablePath())"


class BrowserPage:
    """A page that is open in the browser, and what its scripts report by `report(...)`."""

    def __init__(self) -> None:
        self.reports: list[Any] = []

    @property
    def messages(self) -> list[Any]:
        """Returns the reports of messages, without those of opened connections."""
        return [each for each in self.reports if "event" in each]


@contextmanager
def browsing(script: str) -> Iterator[BrowserPage]:
    """Opens a page in a browser of its own, until the end of the block.

    Args:
        script: The page's script; `report(value)` puts a value among the page's reports.
    """
    page = BrowserPage()
    html = f"""<!doctype html><script type="module">
    let reported = Promise.resolve();  // One after the other: two at once may overtake.
    const report = (value) => reported = reported.then(
        () => fetch("/", {{method: "POST", body: JSON.stringify(value)}}));
    {script}</script>"""

    def answer(asked: HttpRequest) -> HttpAnswer:
        if asked.method == "GET":
            return HttpAnswer(200, html.encode(), {"content-type": "text/html"})
        page.reports.append(json.loads(asked.body))
        return HttpAnswer(200)

    with (
        serving(answer) as url,
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
    ):
        browser = subprocess.Popen(
            [
                *(_chromium(folder), "--headless", "--no-sandbox", "--disable-gpu"),
                *("--disable-dev-shm-usage", "--no-first-run"),
                # The emulator's certificate is self-signed.
                "--ignore-certificate-errors",
                *(f"--user-data-dir={folder}/profile", f"{url}/"),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            yield page
        finally:
            os.killpg(browser.pid, 9)
            browser.wait(60)


def _chromium(folder: str) -> str:
    if sys.platform != "linux":
        pytest.skip("the browser of this test is built for Linux")
    found = subprocess.run(
        ["node", "--input-type=module", "--eval", _FIND],
        cwd=ROOT,
        # It is unpacked there, and deleted with the folder.
        env={**os.environ, "TMPDIR": folder},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return found.stdout.strip()
