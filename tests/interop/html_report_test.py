"""grpcbench's report in a browser: headless Chromium, if it is installed."""

import html
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

import harness

BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --enable-logging=stderr"
).split()
SCHEMES = {"light": 1, "dark": 0}  # Blink's numbers
CONTRAST_MIN = 4.5  # of text, WCAG 2.1, 1.4.3
GRAPHIC_CONTRAST_MIN = 3  # of graphics, WCAG 2.1, 1.4.11
MESSAGE = re.compile(r"CONSOLE.*", re.MULTILINE)

# Runs in the page, and leaves the computed styles in it.
LOOK = """<script>
const behind = (element) => {
  for (; element; element = element.parentElement) {
    const color = getComputedStyle(element).backgroundColor;
    if (color !== "rgba(0, 0, 0, 0)") return color;
  }
  return "none";
};
const seen = (selector, property) => [...document.querySelectorAll(selector)].map((element) =>
  [selector, getComputedStyle(element)[property], behind(element)]);
const found = {
  texts: ["h1", "p", ".cards b", ".cards div", "figcaption", ".key", "th", "td"].flatMap((s) => seen(s, "color"))
    .concat(seen(".label", "fill")),
  drawn: seen(".curve", "stroke").concat(seen(".bar", "fill"), seen(".lone", "fill")),
  lone: [...document.querySelectorAll(".lone")].map((point) => getComputedStyle(point).fill),
  curves: [...document.querySelectorAll(".curve")].map((path) => path.getTotalLength()),
  bars: [...document.querySelectorAll(".bar")].map((bar) => bar.getBoundingClientRect().height),
  loaded: performance.getEntriesByType("resource").map((entry) => entry.name),
  hidden: document.documentElement.scrollWidth - document.documentElement.clientWidth,
  tables: [...document.querySelectorAll(".wide")].map((table) => table.scrollWidth - table.clientWidth),
};
document.body.dataset.found = JSON.stringify(found);
</script>"""


def setUpModule():
    if not any(shutil.which(browser) for browser in BROWSERS):
        raise unittest.SkipTest("there is no Chromium in PATH; .ci/setup browser installs one")


def browser():
    return next(filter(None, map(shutil.which, BROWSERS)))


def luminance(color):
    """The luminance of "rgb(1, 2, 3)" by WCAG 2.1."""
    parts = [int(part) / 255 for part in re.findall(r"\d+", color)[:3]]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one, other):
    dark, bright = sorted((luminance(one), luminance(other)))
    return (bright + 0.05) / (dark + 0.05)


class Page(harness.ServerCase):
    """The report of a run with the arguments `words`, which must exit with `status`."""

    words = ()
    status = 0

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.report = pathlib.Path(cls.folder, "report.html")
        done = harness.run([os.environ["GRPCBENCH"], "--server", cls.server.address, "--report", cls.report, *cls.words])
        if done.returncode != cls.status:
            raise AssertionError(f"grpcbench ended with {done.returncode}:\n{done.stdout}")

    def look(self, scheme):
        """The values that LOOK found in the page."""
        page = pathlib.Path(self.folder, scheme + ".html")
        page.write_text(self.report.read_text().replace("</body>", LOOK + "</body>"))
        with tempfile.TemporaryDirectory() as profile:
            shown = subprocess.run(
                [browser(), *FLAGS, f"--user-data-dir={profile}", "--window-size=1280,1000",
                 f"--blink-settings=preferredColorScheme={SCHEMES[scheme]}", "--dump-dom", page.as_uri()],
                stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=harness.RUN_SECONDS,
            )  # fmt: skip
        self.assertEqual(shown.returncode, 0, shown.stderr)
        self.assertEqual(MESSAGE.findall(shown.stderr), [], "the page has something to say on the console")
        found = re.search(r'data-found="([^"]*)"', shown.stdout)
        self.assertTrue(found, shown.stdout[-2000:])
        return json.loads(html.unescape(found[1]))

    def assert_legible(self):
        papers = {}
        for scheme in SCHEMES:
            found = self.look(scheme)
            papers[scheme] = found["texts"][0][2]
            for kind, least in (("texts", CONTRAST_MIN), ("drawn", GRAPHIC_CONTRAST_MIN)):
                self.assertTrue(found[kind])
                for what, color, behind in found[kind]:
                    with self.subTest(scheme=scheme, what=what, color=color, behind=behind):
                        self.assertGreaterEqual(contrast(color, behind), least)
        self.assertGreater(luminance(papers["light"]), 0.5)
        self.assertLess(luminance(papers["dark"]), 0.1)

    def assert_fits(self):
        found = self.look("light")
        self.assertEqual(found["hidden"], 0)
        self.assertEqual(set(found["tables"]), {0})


class Success(Page):
    words = ("--connections", "2", "--duration", "1s")

    def test_the_charts_are_drawn(self):
        found = self.look("light")
        self.assertEqual(len(found["curves"]), 5)  # by percentile, calls a second, and three over time
        for length in found["curves"]:
            self.assertGreater(length, 100)
        self.assertGreater(len(found["bars"]), 5)
        self.assertGreater(max(found["bars"]), 50)

    def test_the_page_fits_its_window(self):
        self.assert_fits()

    def test_nothing_is_fetched(self):
        self.assertEqual(self.look("light")["loaded"], [])
        self.assertNotRegex(self.report.read_text(), r"https?://|src=|@import|url\(|<link|<script")

    def test_both_schemes_can_be_read(self):
        self.assert_legible()


class Failures(Page):
    """Every other call fails, and calls of a Poisson process often wait for the only stream."""

    words = ("--call", "grpc.health.v1.Health/Check", "--data", '{} {"service": "a.B"}', "--connections", "1",
             "--streams", "1", "--rate", "3000", "--spacing", "poisson", "--duration", "1s")  # fmt: skip
    status = 1

    def test_failures_are_drawn_beside_what_succeeded(self):
        self.assertEqual(len(self.look("light")["curves"]), 6)

    def test_errors_and_warnings_are_on_the_page(self):
        page = self.report.read_text()
        self.assertRegex(page, r"<tr><td>NOT_FOUND</td><td>[\d,]+</td>")
        self.assertRegex(page, r'<p class="warning">Warning: [\d,]+ due calls found all streams busy')

    def test_the_page_fits_its_window(self):
        self.assert_fits()

    def test_both_schemes_can_be_read(self):
        self.assert_legible()


class FailuresAlone(Page):
    """No call has a latency, but the page shows when calls failed."""

    words = ("--call", "grpc.health.v1.Health/Check", "--data", '{"service": "a.B"}', "--duration", "1s")
    status = 1

    def test_they_are_drawn(self):
        found = self.look("light")
        self.assertEqual((len(found["curves"]), found["bars"]), (2, []))
        self.assertGreater(min(found["curves"]), 100)
        self.assert_fits()


class LoneCalls(Page):
    """So few calls that each is alone in its interval."""

    words = ("--rate", "1", "--duration", "4s")  # a late call still has almost a second until the next one

    def test_each_is_seen(self):
        found = self.look("light")
        self.assertEqual(len(found["lone"]), 3 * 4)
        self.assertNotIn("rgba(0, 0, 0, 0)", found["lone"])

    def test_both_schemes_can_be_read(self):
        self.assert_legible()


class Nothing(Page):
    """A short run in which no call succeeded: no latency, no chart."""

    words = ("--service", "crypto", "--algorithm", "RSA_PKCS1_SHA256", "--requests", "10")
    flags = ("--generate-key", "ed25519")
    status = 1

    def test_the_page_needs_no_chart(self):
        found = self.look("light")
        self.assertEqual((found["curves"], found["bars"]), ([], []))
        self.assertNotIn("nan", self.report.read_text().lower())
        self.assert_fits()


if __name__ == "__main__":
    harness.main()
