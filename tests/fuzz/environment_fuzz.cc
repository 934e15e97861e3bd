// The OTEL_* variables of telemetry, one NAME=value a record: any values give options that telemetry
// can run with, or a reason.
#include <cstdlib>
#include <map>
#include <string>
#include <vector>

#include "fuzz/target.h"
#include "telemetry/environment.h"

namespace ringrpc::fuzz {

void run(Input input) {
  // The CAs of the system would take far more time than everything else.
  [[maybe_unused]] static const int without_system_authorities = ::setenv("SSL_CERT_FILE", "/dev/null", 1);
  std::map<std::string, std::string, std::less<>> variables;
  while (!input.empty()) {
    const std::string_view variable = input.record().rest();
    if (const std::size_t equals = variable.find('='); equals != variable.npos)
      variables.insert_or_assign(std::string(variable.substr(0, equals)),
                                 std::string(variable.substr(equals + 1)));
  }
  std::vector<std::string> warnings;
  const auto options = telemetry::read_environment(
      [&](const char* name) -> const char* {
        const auto found = variables.find(std::string_view(name));
        return found == variables.end() ? nullptr : found->second.c_str();
      },
      warnings);
  if (!options) {
    CHECK_FALSE(options.error().message().empty());
    return;
  }
  CHECK(options->max_queued_spans >= 1);
  CHECK(options->max_batch_spans <= options->max_queued_spans);
  CHECK(options->metric_interval.count() > 0);
  plant(options->traces.headers.find("x-fuzz") && warnings.empty());
}

}  // namespace ringrpc::fuzz
