#include "grpcd/authz.h"

#include <cerrno>
#include <utility>
#include <vector>

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
    return fail(Code::INVALID_ARGUMENT, entry.key + ": " + std::string(apps::type_name(entry.value)) +
                                            " names nobody; write a \"name\" or [\"several\", \"names\"]");
  }
  if (names.empty())
    return fail(Code::INVALID_ARGUMENT,
                entry.key + ": nobody is listed; leave the line out to let nobody in");
  for (const std::string& who : names)
    if (Status status = list.add(entry.key, who); !status.ok()) return status;
  return Status();
}

}  // namespace

Result<std::unique_ptr<AllowList>> read_authz(const std::string& path) {
  if (path.empty()) return nullptr;
  const auto text = apps::read_text(path);
  if (!text && text.error() == EFBIG)
    return fail(Code::INVALID_ARGUMENT, "authz: " + path + ": over 1M long; give a TOML file of methods");
  if (!text) return std::unexpected(from_errno("authz: " + path, text.error()));
  const auto entries = apps::parse_toml(*text);
  if (!entries)
    return fail(Code::INVALID_ARGUMENT, "authz: " + path + ":" + std::string(entries.error().message()));
  auto list = std::make_unique<AllowList>();
  for (const apps::TomlEntry& entry : *entries) {
    if (const Status status = add_line(*list, entry); !status.ok())
      return fail(Code::INVALID_ARGUMENT,
                  "authz: " + path + ":" + std::to_string(entry.line) + ": " + std::string(status.message()));
  }
  return list;
}

}  // namespace ringrpc::grpcd
