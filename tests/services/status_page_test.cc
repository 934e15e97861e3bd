/// The status page, as HTML. tests/interop/status_page_test.py shows it in a browser.
#include <chrono>
#include <doctest/doctest.h>
#include <string>

#include "services/latency_figure.h"
#include "services/status_html.h"

namespace ringrpc {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view hostile = "<script>alert(1)</script>\"'&";

bool has(const std::string& page, std::string_view text) { return page.find(text) != page.npos; }

std::size_t count(const std::string& page, std::string_view text) {
  std::size_t found = 0;
  for (std::size_t at = 0; (at = page.find(text, at)) != page.npos; ++at) ++found;
  return found;
}

/// Every text that may come from elsewhere is hostile.
StatusFacts hostile_facts() {
  const std::string text(hostile);
  StatusFacts facts{.program = text, .addresses = {text}, .pages = {"/" + text}, .metrics = true};
  facts.now = facts.started + 90s;
  facts.shards.push_back({.index = 0, .turn_p99 = 1500us});
  facts.connections.open = 5;
  facts.connections.oldest.push_back({.peer = text, .identity = text, .transport = "tcp"});
  facts.connections.newest.push_back({.peer = text, .identity = text, .transport = "tcp"});
  facts.calls.oldest.push_back({.method = text, .peer = text});
  facts.methods.push_back({.method = text,
                           .started = 3,
                           .handled = 3,
                           .latency = {{.upper = 1ms, .calls = 2}, {.upper = 2ms, .calls = 1}}});
  facts.failures.push_back({.code = Code::NOT_FOUND, .method = text, .peer = text, .message = text});
  facts.certificates.push_back({.subject = text,
                                .serial = text,
                                .not_after = std::chrono::floor<std::chrono::seconds>(facts.now) + 72h});
  facts.settings.push_back({.name = text, .value = text, .origin = text});
  return facts;
}

}  // namespace

TEST_CASE("all text is escaped, wherever it stands") {
  const std::string page = status_html(hostile_facts(), "0123");
  CHECK(count(page, "<script") == 1);
  CHECK(has(page, "<script nonce=\"0123\">"));
  CHECK(has(page, "<style nonce=\"0123\">"));
  CHECK(count(page, "&lt;script&gt;alert(1)&lt;/script&gt;") == 21);
}

TEST_CASE("the part that the script fetches has no script and no style, and the same sections") {
  const std::string whole = status_html(hostile_facts(), "0123");
  const std::string main = status_main_html(hostile_facts());
  CHECK(!has(main, "<script"));
  CHECK(!has(main, "<style"));
  CHECK(count(main, "<section id=") == count(whole, "<section id="));
  CHECK(count(main, "<section id=") == 8);
}

TEST_CASE("the page tells what is left out, and how long certificates last") {
  const std::string page = status_main_html(hostile_facts());
  CHECK(has(page, "3 are not listed. Newest first:"));
  CHECK(has(page, "<td>3</td></tr>"));
  CHECK(has(page, "up 1 min 30 s since"));
  StatusFacts expired = hostile_facts();
  expired.certificates.front().not_after -= 96h;
  CHECK(has(status_main_html(expired), "<td>expired</td>"));
}

TEST_CASE("a page without metrics says so") {
  StatusFacts facts = hostile_facts();
  facts.metrics = false;
  CHECK(count(status_main_html(facts), "Metrics are off (ServerOptions::metrics).") == 2);
}

TEST_CASE("latencies are written in their unit") {
  CHECK(latency_text(0ns) == "0");
  CHECK(latency_text(850ns) == "850 ns");
  CHECK(latency_text(12'340ns) == "12.3 µs");
  CHECK(latency_text(4ms) == "4 ms");
  CHECK(latency_text(1500ms) == "1.5 s");
}

TEST_CASE("a figure has a bar for each bucket from the first to the last that has calls") {
  HtmlText html;
  add_latency_figure(html, {.method = "a.B/C",
                            .handled = 4,
                            .latency = {{.upper = 1ms},
                                        {.upper = 2ms, .calls = 3},
                                        {.upper = 3ms},
                                        {.upper = Nanoseconds::max(), .calls = 1}}});
  const std::string figure = std::move(html).finish();
  CHECK(count(figure, "<rect") == 3);
  CHECK(has(figure, "<title>≤ 2 ms: 3 calls</title>"));
  CHECK(has(figure, "<title>longer: 1 call</title>"));
  HtmlText none;
  add_latency_figure(none, {.method = "a.B/C"});
  CHECK(std::move(none).finish().empty());
}

}  // namespace ringrpc
