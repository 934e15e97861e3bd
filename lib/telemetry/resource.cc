#include "telemetry/resource.h"

#include <cerrno>  // program_invocation_short_name

#include "base/utf8.h"

namespace ringrpc::telemetry {

void set(otlp::v1::Attribute& attribute, std::string_view key, std::string_view text) {
  attribute.set_key(std::string(key));
  attribute.mutable_value()->set_string_value(only_utf8(text));
}

otlp::v1::Resource resource_of(const TelemetryOptions& options) {
  otlp::v1::Resource resource;
  bool named = false;
  for (const auto& [key, value] : options.resource) {
    set(*resource.add_attributes(), only_utf8(key), value);
    named = named || key == "service.name";
  }
  if (!named)
    set(*resource.add_attributes(), "service.name",
        std::string("unknown_service:").append(program_invocation_short_name));
  set(*resource.add_attributes(), "telemetry.sdk.language", "cpp");
  set(*resource.add_attributes(), "telemetry.sdk.name", "ringrpc");
  set(*resource.add_attributes(), "telemetry.sdk.version", RINGRPC_VERSION);
  return resource;
}

otlp::v1::Scope scope() {
  otlp::v1::Scope scope;
  scope.set_name("ringrpc");
  scope.set_version(RINGRPC_VERSION);
  return scope;
}

}  // namespace ringrpc::telemetry
