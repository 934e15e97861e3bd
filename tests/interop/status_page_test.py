"""The status page of grpcd in a browser: headless Chromium, if it is installed. Calls, peers and errors have hostile names,
and there are ten thousand connections."""

import contextlib
import html
import http.client
import json
import os
import pathlib
import re
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
import unittest

import certificates
import frames
import harness
from bystander import Bystander, echo
from frames import Client
from html_report_test import BROWSERS, CONTRAST_MIN, FLAGS, GRAPHIC_CONTRAST_MIN, MESSAGE, SCHEMES, browser, contrast, luminance

CONNECTIONS = 10_000
DESCRIPTORS = 20_000
HOSTILE = "<img/src=x/onerror=alert(1)><script>alert(2)</script>"
WIDTHS = (1600, 400)  # a screen and a phone

# Runs in a copy of the page, and leaves the computed styles in it.
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
document.body.dataset.found = JSON.stringify({
  texts: ["h1", "h2", "p", "a", ".cards b", ".cards div", "th", "td", "figcaption", ".good"].flatMap((s) => seen(s, "color"))
    .concat(seen(".label", "fill")),
  drawn: seen(".bar", "fill").concat(seen(".curve", "stroke")),
  bars: [...document.querySelectorAll(".bar")].map((bar) => bar.getBoundingClientRect().height),
  curves: [...document.querySelectorAll(".curve")].map((path) => path.getTotalLength()),
  hidden: document.documentElement.scrollWidth - document.documentElement.clientWidth,
  rows: document.querySelectorAll("#connections tbody tr").length,
  elements: [...new Set([...document.querySelectorAll("main *")].map((element) => element.localName))],
  loaded: performance.getEntriesByType("resource").map((entry) => entry.name),
});
</script>"""
ELEMENTS = {"section", "p", "b", "div", "h2", "table", "thead", "tbody", "tr", "th", "td", "figure", "figcaption", "svg",
            "title", "path", "rect", "text"}  # fmt: skip


def run_browser(url, *flags):
    with tempfile.TemporaryDirectory() as profile:
        shown = subprocess.run(
            [browser(), *FLAGS, f"--user-data-dir={profile}", *flags, "--dump-dom", url],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=harness.RUN_SECONDS,
        )  # fmt: skip
    if shown.returncode != 0:
        raise AssertionError(shown.stderr)
    return shown.stdout, MESSAGE.findall(shown.stderr)


def get(address, path="/status"):
    admin = http.client.HTTPConnection(address, timeout=harness.RUN_SECONDS)
    with contextlib.closing(admin):
        admin.request("GET", path)
        response = admin.getresponse()
        return response, response.read().decode()


def fail_calls(port):
    """Calls of methods that do not exist."""
    with Client(port) as client:
        client.open()
        for stream in (1, 3):
            client.send(frames.headers(stream, frames.request(f"/{HOSTILE}/Call"), frames.END_HEADERS | frames.END_STREAM))
            client.read_until(lambda frame: frame.stream == stream and frame.flags & frames.END_STREAM)


class Content(harness.ServerCase):
    """Checks the content of the page, without a browser."""

    @classmethod
    def setUpClass(cls):
        cls.sockets = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        cls.made = cls.enterClassContext(certificates.Folder())
        own = cls.made.issue("server")
        cls.secret = cls.sockets / "passphrase"
        cls.passphrase = secrets.token_hex(20)
        cls.secret.write_text(cls.passphrase + "\n")
        cls.environment_secret = secrets.token_hex(20)
        os.environ["STATUS_TEST_SECRET"] = cls.environment_secret
        cls.addClassCleanup(os.environ.pop, "STATUS_TEST_SECRET")
        cls.key = own.key
        cls.flags = ("--admin", "127.0.0.1:0", "--listen", "tls+127.0.0.1:0", "--tls-cert", own.certificate, "--tls-key", own.key, "--key-passphrase-file", cls.secret)  # fmt: skip
        super().setUpClass()
        cls.admin = cls.server.admin_addresses[0]

    def test_its_policy_allows_its_own_script_and_nothing_else(self):
        response, page = get(self.admin)
        policy = response.getheader("content-security-policy")
        nonce = re.search(r"script-src 'nonce-([0-9a-f]{32})'", policy)[1]
        self.assertTrue(policy.startswith("default-src 'none'; "))
        self.assertEqual(re.findall(r"<(?:script|style)[^>]*>", page), [f'<style nonce="{nonce}">', f'<script nonce="{nonce}">'])
        self.assertNotIn(nonce, get(self.admin)[1])
        self.assertNotRegex(page, r"https?://|src=|@import|url\(|<link|innerHTML| on\w+=| style=")

    def test_text_from_clients_is_text(self):
        plain = next(address for address in self.server.addresses if address.startswith("127.0.0.1:"))
        fail_calls(int(plain.rpartition(":")[2]))
        _, page = get(self.admin)
        self.assertNotIn("<img", page)
        self.assertIn("&lt;img/src=x/onerror=alert(1)&gt;", page)
        failures = json.loads(get(self.admin, "/debug/failures")[1])["failures"]
        unknown = [failure for failure in failures if failure["code"] == "UNIMPLEMENTED"]
        self.assertEqual({failure["method"] for failure in unknown}, {"unknown"})
        self.assertIn(HOSTILE[:20], unknown[0]["message"])
        self.assertAlmostEqual(unknown[0]["at_s"], time.time(), delta=harness.RUN_SECONDS)

    def test_a_hostile_address_is_text(self):
        with socket.socket(socket.AF_UNIX) as client:
            client.bind(f"{self.sockets}/<b>x")
            client.connect(self.socket)
            client.sendall(frames.PREFACE + frames.settings() + frames.headers(1))

            def listed():
                return [each for each in json.loads(get(self.admin, "/debug/connections")[1])["oldest"] if each["identity"]]

            self.assertTrue(harness.wait_until(listed))
            page = get(self.admin)[1]
            self.assertIn("/&lt;b&gt;x</td>", page)
            self.assertIn(f"uid {os.getuid()}", page)
            self.assertTrue(harness.wait_until(lambda: "the rest of the request" in get(self.admin)[1]))

    def test_it_has_the_configuration_and_no_secret(self):
        _, page = get(self.admin)
        self.assertRegex(page, r"key-passphrase-file</td><td class=\"long\">" + re.escape(str(self.secret)))
        in_force = dict(re.findall(r'<tr><td class="text">([\w-]+)</td><td class="long">([^<]*)</td>', page))
        lowered = re.search(r"at most (\d+) connections, because", self.server.text())
        self.assertEqual(in_force["max-connections"], lowered[1] if lowered else "20000")
        self.assertEqual(in_force["max-connections-per-address"], "three quarters of max-connections")
        for secret in (self.passphrase, self.environment_secret, "PRIVATE KEY", self.key.read_text().splitlines()[1]):
            for path in ("/status", "/debug/connections", "/debug/failures", "/debug/calls", "/debug/shards", "/metrics"):
                self.assertNotIn(secret, get(self.admin, path)[1])

    def test_it_has_the_certificate_and_links(self):
        _, page = get(self.admin)
        self.assertRegex(page, r'CN=server</td><td class="long">[0-9A-F]+</td>')
        for path in re.findall(r'<a href="([^"]+)"', page):
            self.assertEqual(get(self.admin, path)[0].status, 200)


@unittest.skipUnless(any(map(shutil.which, BROWSERS)), "there is no Chromium in PATH; .ci/setup browser installs one")
class InBrowser(harness.ServerCase):
    @classmethod
    def setUpClass(cls):
        cls.flags = ("--admin", "127.0.0.1:0")
        super().setUpClass()
        cls.admin = cls.server.admin_addresses[0]
        fail_calls(cls.server.port)
        for _ in range(100):
            echo(cls.server.port)

    def look(self, scheme, width):
        with tempfile.NamedTemporaryFile("w", suffix=".html") as copy:
            copy.write(get(self.admin)[1].replace("</body>", LOOK + "</body>"))
            copy.flush()
            dom, said = run_browser(pathlib.Path(copy.name).as_uri(), f"--window-size={width},1000",
                                    f"--blink-settings=preferredColorScheme={SCHEMES[scheme]}")  # fmt: skip
        self.assertEqual(said, [])
        found = re.search(r'data-found="([^"]*)"', dom)
        self.assertTrue(found, dom[-2000:])
        return json.loads(html.unescape(found[1]))

    def test_both_schemes_can_be_read_on_a_screen_and_on_a_phone(self):
        papers = {}
        for scheme in SCHEMES:
            for width in WIDTHS:
                found = self.look(scheme, width)
                papers[scheme] = found["texts"][0][2]
                self.assertEqual(found["hidden"], 0)
                for kind, least in (("texts", CONTRAST_MIN), ("drawn", GRAPHIC_CONTRAST_MIN)):
                    self.assertTrue(found[kind])
                    for what, color, behind in found[kind]:
                        with self.subTest(scheme=scheme, what=what, color=color, behind=behind):
                            self.assertGreaterEqual(contrast(color, behind), least)
        self.assertGreater(luminance(papers["light"]), 0.5)
        self.assertLess(luminance(papers["dark"]), 0.1)

    def test_latencies_are_drawn_and_nothing_is_loaded(self):
        found = self.look("light", WIDTHS[0])
        self.assertGreater(max(found["bars"]), 50)
        self.assertGreater(min(found["curves"]), 100)
        self.assertEqual(found["loaded"], [])
        self.assertLessEqual(set(found["elements"]), ELEMENTS)

    def test_it_refreshes_itself_without_a_word_on_the_console(self):
        with Bystander(self.server.port):
            dom, said = run_browser(f"http://{self.admin}/status", "--virtual-time-budget=9000")
        self.assertEqual(said, [])
        self.assertRegex(dom, r"Live, every 2 s\. [\d,]+ calls/s\.")
        self.assertIn("&lt;img/src=x", dom)
        self.assertNotIn("<img", dom)

    def test_ten_thousand_connections(self):
        with contextlib.ExitStack() as stack, harness.Server("--admin", "127.0.0.1:0", descriptors=DESCRIPTORS) as server:
            for number in range(CONNECTIONS):
                client = stack.enter_context(Client(server.port))
                client.open()
            admin = server.admin_addresses[0]
            is_open = f"<p>{CONNECTIONS:,} open: {CONNECTIONS:,} over tcp."
            self.assertTrue(harness.wait_until(lambda: is_open in get(admin)[1]))
            begun = time.monotonic()
            _, page = get(admin)
            print(f"the page of {CONNECTIONS} connections: {len(page)} bytes in {(time.monotonic() - begun) * 1e3:.1f} ms")
            self.assertIn(f"<p>{CONNECTIONS - 100:,} are not listed. ", page)
            self.assertLess(len(page), 200_000)
            dom, said = run_browser(f"http://{admin}/status", "--virtual-time-budget=5000")
            self.assertEqual(said, [])
            self.assertEqual(len(re.findall(r"<tr><td class=\"text\">127", dom)), 100)
            self.assertEqual(echo(server.port), True)


if __name__ == "__main__":
    harness.main()
