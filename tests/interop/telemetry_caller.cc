// telemetry_caller ADDR CALLS: calls echo.v1.EchoService/Echo so often, with the payloads of the Go client in
// telemetry/peer, then an unknown method. Exports as the OTEL_* variables ask.
#include <cstdlib>
#include <iostream>
#include <string>

#include "ringrpc/block_on.h"
#include "ringrpc/channel.h"
#include "ringrpc/telemetry.h"

#include "echo/v1/echo.ringrpc.h"

namespace ringrpc {
namespace {

Task<Status> call_all(const Channel& channel, int calls) {
  const echo::v1::EchoService::Stub stub(channel);
  for (int number = 0; number < calls; ++number) {
    echo::v1::EchoRequest request;
    request.set_payload(std::string(static_cast<std::size_t>(100 * number), '\0'));
    if (const auto response = co_await stub.Echo(request); !response) co_return response.error();
  }
  const auto absent =
      co_await channel.unary<RawMessage, RawMessage>("/echo.v1.EchoService/Absent", RawMessage(""));
  if (absent || absent.error().code() != Code::UNIMPLEMENTED)
    co_return fail(Code::INTERNAL, "the unknown method is served");
  co_return Status();
}

int report(const Status& status) { return std::cerr << status.to_string() << '\n', 1; }

int run(const std::string& address, int calls) {
  const Result<TelemetryOptions> options = telemetry_from_environment();
  if (!options) return report(options.error());
  const Result<std::unique_ptr<Telemetry>> telemetry = Telemetry::start(*options);
  if (!telemetry) return report(telemetry.error());
  const Channel channel(address, {.metrics = true, .tracer = (*telemetry)->tracer()});
  if (const Status status = block_on(call_all(channel, calls)); !status.ok()) return report(status);
  const Status flushed = (*telemetry)->flush(std::chrono::minutes(5));
  return flushed.ok() ? 0 : report(flushed);
}

}  // namespace
}  // namespace ringrpc

int main(int count, char** arguments) {
  return count == 3 ? ringrpc::run(arguments[1], std::atoi(arguments[2])) : 2;
}
