#include "grpcclient/demo.h"

#include <array>
#include <chrono>
#include <fmt/format.h>
#include <utility>

#include "common/units.h"
#include "echo/v1/echo.ringrpc.h"
#include "grpcclient/demo_signing.h"

namespace ringrpc::grpcclient {
namespace {

using echo::v1::EchoRequest;
using echo::v1::EchoResponse;
using echo::v1::EchoService;

constexpr std::array<std::size_t, 4> payload_sizes{16, 1024, 64 * 1024, 1024 * 1024};

std::string size_text(std::size_t bytes) {
  const std::string text = apps::format_size(bytes);
  const bool scaled = text.ends_with('K') || text.ends_with('M');
  return scaled ? text.substr(0, text.size() - 1) + " " + text.back() + "iB" : text + " B";
}

}  // namespace

std::string format_time(Nanoseconds time) {
  double value = static_cast<double>(time.count());
  std::string_view unit = "ns";
  for (const std::string_view larger : {"µs", "ms", "s"}) {
    if (value < 999.5) break;
    value /= 1000;
    unit = larger;
  }
  if (unit == "ns" || value >= 99.95) return fmt::format("{:.0f} {}", value, unit);
  return fmt::format("{:.{}f} {}", value, value >= 9.995 ? 1 : 2, unit);
}

Task<Outcome<bool>> demo(Session& session) {
  EchoService::Stub echo(session.channel);
  std::string heading = fmt::format("{:>10}  {:>10}  {:>10}\n", "payload", "round trip", "in server");
  for (std::size_t i = 0; i < payload_sizes.size(); ++i) {
    EchoRequest request;
    request.set_payload(std::string(payload_sizes[i], 'e'));
    request.set_request_id(fmt::format("demo-{}", i + 1));
    const CallOptions options = session.call_options();
    const Instant sent = std::chrono::steady_clock::now();
    CallResult<EchoResponse> response = co_await echo.Echo(request, options);
    const Nanoseconds took = std::chrono::steady_clock::now() - sent;
    if (!response) co_return std::unexpected(call_failure("echo.v1.EchoService/Echo", response.error()));
    if (response->payload() != request.payload() || response->request_id() != request.request_id())
      co_return fail_with(exit_protocol, "the echo differs from the request");
    const std::string line = fmt::format(
        "{:>10}  {:>10}  {:>10}{}\n", size_text(payload_sizes[i]), format_time(took),
        format_time(Nanoseconds(response->server_latency_ns())), i == 0 ? "  (with connecting)" : "");
    Outcome<bool> printed = print(std::exchange(heading, {}) + line);
    if (!printed) co_return printed;
  }
  co_return co_await demo_signing(session);
}

}  // namespace ringrpc::grpcclient
