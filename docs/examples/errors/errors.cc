// Sends and reads an error with details.
#include "ringrpc/status_details.h"

#include "../visit.h"
#include "google/rpc/error_details.pb.h"

using namespace ringrpc;
using namespace weather::v1;

// [details]
Status bad_field(const std::string& field, const std::string& description) {
  google::rpc::BadRequest request;
  auto* violation = request.add_field_violations();
  violation->set_field(field);
  violation->set_description(description);
  return with_detail(Status(Code::INVALID_ARGUMENT, field + ": " + description), request);
}
// [/details]

class Station final : public Weather::Service {
  // [handler]
  Task<Result<Reading>> GetReading(Call&, GetReadingRequest request) override {
    if (request.station().empty()) co_return std::unexpected(bad_field("station", "name a station"));
    co_return fail(Code::NOT_FOUND, "no station '" + request.station() + "'");
  }
  // [/handler]
};

// [explain]
void explain(const Status& status) {
  std::cout << status.to_string() << '\n';
  const auto request = find_detail<google::rpc::BadRequest>(status);
  if (!request) return;
  for (const auto& violation : request->field_violations())
    std::cout << "  " << violation.field() << ": " << violation.description() << '\n';
}
// [/explain]

static Task<Status> fail_twice(Weather::Stub& weather) {
  GetReadingRequest request;
  auto unnamed = co_await weather.GetReading(request);
  request.set_station("summit");
  auto unknown = co_await weather.GetReading(request);
  if (unnamed || unknown) co_return fail(Code::INTERNAL, "an invalid request got a reading");
  explain(unnamed.error());
  explain(unknown.error());
  if (unnamed.error().details().empty()) co_return fail(Code::INTERNAL, "the details are lost");
  co_return Status();
}

int main() {
  Station station;
  return examples::visit(station, fail_twice);
}
