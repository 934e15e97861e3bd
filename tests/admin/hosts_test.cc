// The hosts that requests may name.
#include <doctest/doctest.h>

#include "admin/http2_world.h"
#include "apps/captured_stderr.h"

namespace ringrpc::admin {
namespace {

int status_for(AdminWorld& world, std::string_view host, const std::string& from = "127.0.0.1:40000") {
  Browser browser(world, from);
  browser.send("GET /one HTTP/1.1\r\nHost: " + std::string(host) + "\r\n\r\n");
  return browser.next().status;
}

int status_over_http2(AdminWorld& world, const http2::test::FieldList& fields) {
  Http2Browser browser(world);
  http2::test::Encoder encoder;
  browser.send(encoder.headers(
      1, http2::test::with({{":method", "GET"}, {":scheme", "http"}, {":path", "/one"}}, fields),
      http2::test::end_stream));
  const std::string status = browser.answer(1).status();
  return status.empty() ? 0 : std::stoi(status);
}

TEST_CASE("a web site cannot read pages by having its name resolve to their address") {
  const apps::CapturedStderr log;
  AdminWorld world({echo_page("/one")}, {.listen = {"127.0.0.1:9901"}});
  Browser rebound(world);
  rebound.send("GET /one HTTP/1.1\r\nHost: attacker.example:9901\r\n\r\n");
  const Answer answer = rebound.next();
  CHECK(answer.status == 421);
  CHECK(answer.body ==
        "The pages are not served for this host. Use an IP address or localhost, or add the host's name to "
        "AdminOptions::hosts (grpcd --admin-host).\n");
  for (const std::string_view host : {"localhost.attacker.example", "127.0.0.1.attacker.example",
                                      "2130706433", "127.0.0.1x", "attacker.example.", "[attacker]", "1::2"})
    CHECK_MESSAGE(status_for(world, host) != 200, host);
  CHECK(status_over_http2(world, {{":authority", "attacker.example"}}) == 421);
  CHECK(status_over_http2(world, {{"host", "attacker.example"}}) == 421);
  CHECK(rebound.get("/one").status == 200);  // the connection goes on
  CHECK(log.text().contains("add it to AdminOptions::hosts (grpcd --admin-host)\n"));
}

TEST_CASE("pages are served for IP addresses, localhost, no host, and the names in the options") {
  AdminWorld world({echo_page("/one")},
                   {.listen = {"node7:9901", "unix:/run/admin.sock"}, .hosts = {"web1.example.com"}});
  for (const std::string_view host :
       {"127.0.0.1:9901", "localhost:1", "LocalHost", "localhost.", "10.42.0.17:9901", "[::1]:9901",
        "[fd00::17]", "node7:9901", "Web1.Example.COM:9901", ""})
    CHECK_MESSAGE(status_for(world, host) == 200, host);
  Browser old(world);
  old.send("GET /one HTTP/1.0\r\n\r\n");  // HAProxy's check
  CHECK(old.next().status == 200);
  CHECK(status_over_http2(world, {{":authority", "[::1]:9901"}}) == 200);
  CHECK(status_over_http2(world, {{":authority", "web1.example.com"}}) == 200);
}

TEST_CASE("requests to sockets that no browser reaches may name any host") {
  AdminWorld world({echo_page("/one")});
  for (const char* from : {"unix:/run/client.sock", "unix-abstract:client", "vsock:3:5000"})
    CHECK_MESSAGE(status_for(world, "anything", from) == 200, from);
  CHECK(status_for(world, "anything", "[::1]:5000") == 421);
}

}  // namespace
}  // namespace ringrpc::admin
