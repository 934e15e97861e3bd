// Service configs of any text, as a name server may send them: refused with the name of the
// field, or within gRPC's bounds.
#include <string>

#include "ringrpc/service_config.h"

#include "fuzz/target.h"

namespace ringrpc::fuzz {

void run(Input input) {
  const std::string text(input.rest());
  const auto config = ServiceConfig::parse(text);
  if (!config) {
    CHECK_FALSE(config.error().message().empty());
    return;
  }
  for (const char* path : {"/test.v1.Raw/Echo", "/test.v1.Raw/", "/", ""}) {
    const MethodConfig* const method = (*config)->find(path);
    if (!method) continue;
    if (method->retry_policy) {
      CHECK(method->retry_policy->max_attempts >= 2);
      CHECK(method->retry_policy->max_attempts <= 5);
      CHECK(method->retry_policy->backoff_multiplier > 0);
      CHECK_FALSE(method->retry_policy->retryable_codes.empty());
    }
    if (method->hedging_policy) {
      CHECK(method->hedging_policy->max_attempts >= 2);
      CHECK(method->hedging_policy->max_attempts <= 5);
      plant(method->hedging_policy->delay > std::chrono::seconds(7));
    }
    CHECK_FALSE((method->retry_policy && method->hedging_policy));
  }
  if (const auto& throttling = (*config)->retry_throttling())
    CHECK((throttling->max_milli_tokens > 0 && throttling->max_milli_tokens <= 1'000'000));
}

}  // namespace ringrpc::fuzz
