// The OTEL_* variables of telemetry, one NAME=value a line: any values give options that telemetry
// can run with, or a reason.
#include <map>
#include <string>
#include <vector>

#include "fuzz/target.h"
#include "telemetry/environment.h"

namespace ringrpc::fuzz {

void run(Input input) {
  std::map<std::string, std::string, std::less<>> variables;
  std::string_view lines = input.rest();
  while (!lines.empty()) {
    const std::size_t end = std::min(lines.find('\n'), lines.size());
    const std::string_view line = lines.substr(0, end);
    lines.remove_prefix(std::min(end + 1, lines.size()));
    if (const std::size_t equals = line.find('='); equals != line.npos)
      variables.insert_or_assign(std::string(line.substr(0, equals)), std::string(line.substr(equals + 1)));
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
