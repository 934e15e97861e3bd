/// The flag `--service-config` of the client programs.
///
///   line.add(service_config_setting("Connection", values.service_config));
///   Result<std::shared_ptr<const ServiceConfig>> config = load_service_config(values.service_config, origins);
#pragma once

#include <memory>
#include <string>

#include "ringrpc/service_config.h"

#include "common/origins.h"
#include "common/setting.h"

namespace ringrpc::apps {

/// `target` stays empty until the flag is given.
Setting service_config_setting(const std::string& group, std::string& target);

/// Null if `value` is empty. `value` is JSON if it begins with a brace, else the path of a file that has it.
/// An error names the flag and the field; INVALID_ARGUMENT is only for JSON in the flag itself.
Result<std::shared_ptr<const ServiceConfig>> load_service_config(const std::string& value,
                                                                 const Origins& origins = {});

}  // namespace ringrpc::apps
