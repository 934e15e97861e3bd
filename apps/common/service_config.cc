#include "common/service_config.h"

#include <utility>

#include "common/exit_code.h"
#include "common/text_file.h"

namespace ringrpc::apps {

namespace {
constexpr const char* setting_name = "service-config";
}  // namespace

Setting service_config_setting(const std::string& group, std::string& target) {
  Setting setting{.name = setting_name,
                  .group = group,
                  .placeholder = "CONFIG",
                  .help =
                      "Service config of gRPC, a file or the JSON itself: timeouts, limits, retries and "
                      "hedging for each method",
                  .fallback = "none"};
  setting.assign = [&target](const std::vector<std::string>& texts) -> Status {
    if (texts.back().empty()) return fail(Code::INVALID_ARGUMENT, "it is empty; give a file or JSON");
    target = texts.back();
    return Status();
  };
  setting.show = [shown = setting.fallback] { return shown; };
  return setting;
}

Result<std::shared_ptr<const ServiceConfig>> load_service_config(const std::string& value,
                                                                 const Origins& origins) {
  if (value.empty()) return nullptr;
  const std::string named_by = origins.of(setting_name) + ": ";
  const std::size_t begin = value.find_first_not_of(" \t\r\n");
  if (begin != std::string::npos && value[begin] == '{') {
    auto config = ServiceConfig::parse(value);
    if (!config) return fail(Code::INVALID_ARGUMENT, named_by + std::string(config.error().message()));
    return config;
  }
  const auto text = read_text(value);
  if (!text) return std::unexpected(at_run_time(from_errno(named_by + value, text.error())));
  auto config = ServiceConfig::parse(*text);
  if (!config)
    return fail(Code::FAILED_PRECONDITION, named_by + value + ": " + std::string(config.error().message()));
  return config;
}

}  // namespace ringrpc::apps
