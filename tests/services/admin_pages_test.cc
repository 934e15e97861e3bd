#include "ringrpc/admin_pages.h"

#include <doctest/doctest.h>
#include <map>
#include <string>
#include <thread>

#include "ringrpc/block_on.h"
#include "ringrpc/channel.h"
#include "ringrpc/submit.h"

#include "rpc/server/raw_service.h"
#include "rpc/world.h"

namespace ringrpc {
namespace {

using namespace std::chrono_literals;

/// A server of two shards, with its pages.
struct Served {
  Served() {
    auto started =
        Server::start({&service, &health}, {.listen = {"127.0.0.1:0"}, .shards = 2, .metrics = true});
    REQUIRE_MESSAGE(started, started.error().to_string());
    server = std::move(*started);
    for (AdminPage& page : server_pages(*server, health)) pages.emplace(page.path(), std::move(page));
  }

  PageResponse get(const std::string& path, const std::string& accept = {}) const {
    Result<PageResponse> response =
        block_on([&] { return pages.at(path).make({.path = path, .accept = accept}); });
    REQUIRE_MESSAGE(response, response.error().to_string());
    return *std::move(response);
  }

  RawService service;
  HealthService health;
  std::unique_ptr<Server> server;
  std::map<std::string, AdminPage> pages;
};

TEST_CASE("/healthz is 200") {
  const PageResponse response = Served().get("/healthz");
  CHECK(response.status == 200);
  CHECK(response.body == "ok\n");
}

TEST_CASE("/readyz follows the health of the whole server") {
  Served served;
  CHECK(served.get("/readyz").status == 200);
  served.health.set("another.Service", ServingStatus::not_serving);
  CHECK(served.get("/readyz").body == "ready\n");
  served.health.set("", ServingStatus::not_serving);
  const PageResponse response = served.get("/readyz");
  CHECK(response.status == 503);
  CHECK(response.body == "the health service reports NOT_SERVING\n");
  served.health.set("", ServingStatus::serving);
  CHECK(served.get("/readyz").status == 200);
  served.health.shut_down();
  CHECK(served.get("/readyz").status == 503);
}

TEST_CASE("/readyz is 503 while the server drains, and after it") {
  Served served;
  const Channel channel(served.server->addresses().front());
  auto call = submit([&] { return unary(channel, "Sleep", "200"); });
  while (served.service.started == 0) std::this_thread::yield();
  std::jthread drain([&] { served.server->drain(60s); });
  while (!served.server->draining()) std::this_thread::yield();
  const PageResponse response = served.get("/readyz");
  CHECK(response.status == 503);
  CHECK(response.body == "the server is draining\n");
  CHECK(call.get());
  drain.join();
  CHECK(served.get("/readyz").status == 503);
}

TEST_CASE("/metrics has the format that the request prefers") {
  const Served served;
  const PageResponse text = served.get("/metrics");
  CHECK(text.content_type == content_type(MetricsFormat::prometheus));
  CHECK(text.body.find("\ngrpc_server_started_total{") != std::string::npos);
  const PageResponse openmetrics = served.get("/metrics", "application/openmetrics-text;version=1.0.0");
  CHECK(openmetrics.content_type == content_type(MetricsFormat::openmetrics));
  CHECK(openmetrics.body.ends_with("# EOF\n"));
}

TEST_CASE("/metrics fails if the server counts none") {
  RawService service;
  const auto server = Server::start({&service}, {.listen = {"127.0.0.1:0"}, .shards = 1});
  REQUIRE_MESSAGE(server, server.error().to_string());
  const AdminPage page = metrics_page(**server);
  const Result<PageResponse> response = block_on([&] { return page.make({.path = "/metrics"}); });
  REQUIRE_FALSE(response);
  CHECK(response.error().message() == "metrics are off (ServerOptions::metrics)");
}

TEST_CASE("/debug/shards has the numbers of each shard") {
  Served served;
  const PageResponse response = served.get("/debug/shards");
  CHECK(response.content_type == "application/json");
  const std::string numbers =
      "\"connections_open\":0,\"calls_started\":0,\"calls_succeeded\":0,\"calls_failed\":0,\"buffered_"
      "bytes\":0}";
  CHECK(response.body == "{\"shards\":[{\"shard\":0," + numbers + ",{\"shard\":1," + numbers + "]}\n");
}

TEST_CASE("/debug/calls lists the calls in flight") {
  Served served;
  CHECK(served.get("/debug/calls").body == "{\"calls_in_flight\":0,\"oldest\":[]}\n");
  const Channel channel(served.server->addresses().front());
  auto call = submit([&] { return unary(channel, "Sleep", "600000", {.timeout = 600s}); });
  while (served.service.started == 0) std::this_thread::yield();
  const std::string body = served.get("/debug/calls").body;
  CHECK(body.starts_with(
      "{\"calls_in_flight\":1,\"oldest\":[{\"method\":\"/test.v1.Raw/Sleep\",\"peer\":\"127.0.0.1:"));
  CHECK(body.find("\"age_s\":0.") != std::string::npos);
  CAPTURE(body);
  // The page may be of the turn in which the call began, whose time is a little older.
  const bool has_deadline = body.find("\"deadline_in_s\":59") != std::string::npos ||
                            body.find("\"deadline_in_s\":600") != std::string::npos;
  CHECK(has_deadline);
  CHECK(body.ends_with("\"state\":\"handling\",\"waits_for\":\"the handler\"}]}\n"));
  CHECK(served.server->drain(0s) == 1);
  CHECK_FALSE(call.get());
}

TEST_CASE("/debug/connections and /debug/failures list what there is") {
  Served served;
  CHECK(served.get("/debug/connections").body == "{\"connections_open\":0,\"oldest\":[],\"newest\":[]}\n");
  CHECK(served.get("/debug/failures").body == "{\"failures\":[]}\n");
  const Channel channel(served.server->addresses().front());
  CHECK_FALSE(block_on(unary(channel, "Fail", "5")));
  const std::string connections = served.get("/debug/connections").body;
  CHECK(connections.starts_with("{\"connections_open\":1,\"oldest\":[{\"peer\":\"127.0.0.1:"));
  CHECK(connections.find("\"identity\":\"\",\"transport\":\"tcp\",\"tls\":\"no\",\"draining\":\"no\"") !=
        std::string::npos);
  CHECK(served.get("/debug/failures").body.find("\"code\":\"NOT_FOUND\",\"method\":\"/test.v1.Raw/Fail\"") !=
        std::string::npos);
}

TEST_CASE("/status has the state of the server, and a policy for its script") {
  const Served served;
  const PageResponse page = served.get("/status");
  CHECK(page.content_type == "text/html; charset=utf-8");
  CHECK(page.content_security_policy.starts_with("default-src 'none'; "));
  CHECK(page.body.find(served.server->addresses().front()) != std::string::npos);
  CHECK(page.body.find("<a href=\"/metrics\">") != std::string::npos);
  CHECK(served.get("/status").content_security_policy != page.content_security_policy);
}

TEST_CASE("/debug/calls is bounded") {
  Served served;
  std::vector<Channel> channels;
  std::vector<decltype(submit([&] { return unary(channels[0], "Sleep", ""); }))> calls;
  for (int i = 0; i < 4; ++i) channels.emplace_back(served.server->addresses().front());
  for (int i = 0; i < 300; ++i)
    calls.push_back(
        submit([&, i] { return unary(channels[static_cast<unsigned>(i) % 4], "Sleep", "600000"); }));
  while (served.service.started < 300) std::this_thread::yield();
  const std::string body = served.get("/debug/calls").body;
  CHECK(body.starts_with("{\"calls_in_flight\":300,"));
  std::size_t listed = 0;
  for (std::size_t at = 0; (at = body.find("\"method\"", at)) != std::string::npos; ++at) ++listed;
  CHECK(listed == 200);
  served.server->drain(0s);
  for (auto& call : calls) CHECK_FALSE(call.get());
}

}  // namespace
}  // namespace ringrpc
