// Metadata and compression.
#include "../visit.h"

using namespace ringrpc;
using namespace weather::v1;

class Station final : public Weather::Service {
  // [handler]
  Task<Result<Reading>> GetReading(Call& call, GetReadingRequest) override {
    const auto id = call.metadata().find("request-id").value_or("none");
    if (Status status = call.initial_metadata().add("request-id", id); !status.ok())
      co_return std::unexpected(status);
    if (Status status = call.trailing_metadata().add("cost", "12"); !status.ok())
      co_return std::unexpected(status);
    // [compress]
    call.set_compression(Compression::gzip);  // if the client supports it
    // [/compress]
    Reading reading;
    reading.set_station(std::string(1000, 'x'));
    co_return reading;
  }
  // [/handler]
};

static Task<Status> ask(Weather::Stub& weather) {
  GetReadingRequest request;
  request.set_station("harbour");
  // [call]
  CallOptions options;
  options.compression = Compression::gzip;
  if (Status status = options.metadata.add("request-id", "7c1e"); !status.ok()) co_return status;
  auto reading = co_await weather.GetReading(request, options);
  const auto& [initial, trailing, compressed] = reading.metadata;
  std::cout << initial.find("request-id").value_or("no id") << ", "
            << trailing.find("cost").value_or("no cost") << '\n';
  // [/call]
  if (!reading) co_return reading.error();
  if (initial.find("request-id") != "7c1e" || trailing.find("cost") != "12" || !compressed)
    co_return fail(Code::INTERNAL, "metadata is lost, or the response is not compressed");
  co_return Status();
}

int main() {
  Station station;
  return examples::visit(station, ask);
}
