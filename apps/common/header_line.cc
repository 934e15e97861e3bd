#include "common/header_line.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "base/escape.h"
#include "rpc/wire/base64.h"

namespace ringrpc::apps {
namespace {

std::string_view trim(std::string_view text) {
  constexpr std::string_view blank = " \t";
  const std::size_t begin = text.find_first_not_of(blank);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(blank) - begin + 1);
}

}  // namespace

Setting header_setting(const std::string& group, const std::string& help, Metadata& target) {
  Setting setting{.name = "header",
                  .letter = "H",
                  .group = group,
                  .placeholder = "'NAME: VALUE'",
                  .help = help,
                  .fallback = "none",
                  .file_type = FileType::texts};
  setting.assign = [&target](const std::vector<std::string>& lines) {
    Metadata headers;
    for (const std::string& line : lines) {
      if (Status status = add_header(headers, line); !status.ok()) return status;
    }
    target = std::move(headers);
    return Status();
  };
  setting.show = [] { return std::string("none"); };
  return setting;
}

Status add_header(Metadata& metadata, std::string_view line) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos)
    return fail(Code::INVALID_ARGUMENT, "'" + std::string(line) + "' has no colon; write 'name: value'");
  if (trim(line).starts_with(':'))
    return fail(Code::INVALID_ARGUMENT,
                "'" + std::string(line) + "' has no name; pseudo-headers such as :path cannot be set");
  std::string name(trim(line.substr(0, colon)));
  std::ranges::transform(name, name.begin(),
                         [](char c) { return static_cast<char>(c >= 'A' && c <= 'Z' ? c | 0x20 : c); });
  const std::string_view value = trim(line.substr(colon + 1));
  if (!name.ends_with("-bin")) return metadata.add(name, value);
  const std::optional<std::string> bytes = base64_decode(value);
  if (!bytes)
    return fail(Code::INVALID_ARGUMENT,
                "the value of '" + name + "' is not base64, which names that end in -bin require");
  return metadata.add(name, *bytes);
}

std::string header_line(const Metadata::Entry& entry) {
  const bool binary = entry.name.ends_with("-bin");
  return escape_controls(entry.name) + ": " +
         (binary ? base64_encode(entry.value) : escape_controls(entry.value));
}

}  // namespace ringrpc::apps
