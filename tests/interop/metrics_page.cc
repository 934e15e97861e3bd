/// Prints a page of metrics, for tools that judge its format.
///
///   metrics_page prometheus|openmetrics        of a server that has served calls, and its channel
///   metrics_page prometheus|openmetrics CA     the same of a program that trusts the CA of a file
///   metrics_page prometheus|openmetrics odd    with values that need escapes, and large ones
#include <chrono>
#include <cstdio>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "ringrpc/block_on.h"
#include "ringrpc/channel.h"
#include "ringrpc/server.h"
#include "ringrpc/tls.h"

#include "observe/metrics_text.h"
#include "rpc/server/raw_service.h"

using namespace ringrpc;

namespace {

Task<CallResult<RawMessage>> call(const Channel& channel, std::string_view method, std::string request) {
  co_return co_await channel.unary<RawMessage, RawMessage>("/test.v1.Raw/" + std::string(method),
                                                           RawMessage{std::move(request)});
}

Result<std::string> page_of_server(MetricsFormat format, const std::string& authorities) {
  std::shared_ptr<const ClientTls> tls;
  if (!authorities.empty()) {
    Result<std::shared_ptr<const ClientTls>> loaded =
        ClientTls::load({.authorities = Pem::file(authorities)});
    if (!loaded) return std::unexpected(loaded.error());
    tls = std::move(*loaded);
  }
  RawService service;
  ServerOptions options;
  options.listen = {"127.0.0.1:0"};
  options.shards = 2;
  options.metrics = true;
  Result<std::unique_ptr<Server>> server = Server::start({&service}, options);
  if (!server) return std::unexpected(server.error());
  ChannelOptions counted;
  counted.metrics = true;
  const Channel channel((*server)->addresses().front(), counted);
  for (int count = 0; count < 20; ++count) {
    if (const auto echo = block_on(call(channel, "Echo", "hello")); !echo)
      return std::unexpected(echo.error());
    (void)block_on(call(channel, "Fail", std::to_string(count % 16 + 1)));
    (void)block_on(call(channel, "Missing", ""));
  }
  if (const auto slept = block_on(call(channel, "Sleep", "3")); !slept) return std::unexpected(slept.error());
  return block_on((*server)->metrics_text(format));
}

std::string odd_page(MetricsFormat format) {
  MetricsText text(format);
  text.begin({.name = "odd", .help = "Odd values of labels.", .type = MetricType::counter});
  for (const std::string_view value : {"", "a\"b", "a\\b", "a\\", "a\nb", "a,b=\"c\"}", "# EOF", "é"})
    text.sample(label("value", value), std::numeric_limits<std::uint64_t>::max());
  LatencyHistogram latency;
  for (const std::uint64_t value : {0ull, 1ull, 10'000ull, 1'000'000'000ull, 1'000'000'000'000'000'000ull})
    latency.record(value);
  text.begin({.name = "odd_seconds", .help = "Latencies.", .type = MetricType::histogram, .unit = "seconds"});
  text.histogram({}, latency);
  text.histogram(label("value", "\\"), LatencyHistogram());
  return std::move(text).finish();
}

}  // namespace

int main(int count, char** arguments) {
  const std::string_view name = count > 1 ? arguments[1] : "";
  if (name != "prometheus" && name != "openmetrics") return 2;
  const MetricsFormat format = name == "openmetrics" ? MetricsFormat::openmetrics : MetricsFormat::prometheus;
  const std::string more = count > 2 ? arguments[2] : "";
  const Result<std::string> page = more == "odd" ? odd_page(format) : page_of_server(format, more);
  if (!page) {
    std::fprintf(stderr, "%s\n", page.error().to_string().c_str());
    return 1;
  }
  std::fputs(page->c_str(), stdout);
}
