#include "grpcd/authz.h"

#include <algorithm>
#include <cerrno>
#include <utility>
#include <vector>

#include "common/exit_code.h"
#include "common/nearest.h"
#include "common/text_file.h"
#include "common/toml.h"

namespace ringrpc::grpcd {
namespace {

Status add_line(AllowList& list, const apps::TomlEntry& entry) {
  std::vector<std::string> names;
  if (const auto* one = std::get_if<std::string>(&entry.value)) {
    names.push_back(*one);
  } else if (const auto* several = std::get_if<std::vector<std::string>>(&entry.value)) {
    names = *several;
  } else {
    return fail(Code::INVALID_ARGUMENT,
                entry.key + ": " + std::string(apps::type_name(entry.value)) +
                    " is the wrong type; write a \"name\" or [\"several\", \"names\"]");
  }
  if (names.empty())
    return fail(Code::INVALID_ARGUMENT, entry.key + ": the list is empty; to allow nobody, remove the line");
  for (const std::string& who : names)
    if (Status status = list.add(entry.key, who); !status.ok()) return status;
  return Status();
}

/// An error unless `key`, which is valid for an AllowList, names a method or service in `services`.
Status check_served(const std::string& key, std::span<Service* const> services) {
  if (key == "*") return Status();
  const std::size_t slash = key.rfind('/');
  const std::string service = key.substr(1, slash - 1);
  const std::string method = key.substr(slash + 1);
  const auto found = std::ranges::find(services, service, &Service::service_name);
  std::vector<std::string> there;
  if (found == services.end()) {
    for (const Service* each : services) there.emplace_back(each->service_name());
    return fail(Code::INVALID_ARGUMENT,
                key + ": there is no service '" + service + "'" + apps::suggest(service, there));
  }
  for (const Method& each : (*found)->service_methods()) {
    if (method == "*" || method == each.name) return Status();
    there.emplace_back(each.name);
  }
  return fail(Code::INVALID_ARGUMENT,
              key + ": " + service + " has no method '" + method + "'" + apps::suggest(method, there));
}

}  // namespace

Result<std::unique_ptr<AllowList>> read_authz(const std::string& path, std::span<Service* const> services,
                                              const apps::Origins& origins) {
  if (path.empty()) return nullptr;
  const std::string about = origins.of("authz") + ": " + path;
  const auto text = apps::read_text(path);
  if (!text && text.error() == EFBIG)
    return fail(Code::FAILED_PRECONDITION, about + ": larger than 1M; give a TOML file of methods");
  if (!text) return std::unexpected(apps::at_run_time(from_errno(about, text.error())));
  const auto entries = apps::parse_toml(*text);
  if (!entries) return fail(Code::FAILED_PRECONDITION, about + ":" + std::string(entries.error().message()));
  auto list = std::make_unique<AllowList>();
  for (const apps::TomlEntry& entry : *entries) {
    Status status = add_line(*list, entry);
    if (status.ok()) status = check_served(entry.key, services);
    if (!status.ok())
      return fail(Code::FAILED_PRECONDITION,
                  about + ":" + std::to_string(entry.line) + ": " + std::string(status.message()));
  }
  return list;
}

}  // namespace ringrpc::grpcd
