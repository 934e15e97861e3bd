#include "rpc/naming/config_choice.h"

#include <algorithm>
#include <array>
#include <google/protobuf/struct.pb.h>
#include <limits.h>
#include <random>
#include <strings.h>
#include <unistd.h>
#include <utility>

#include "ringrpc/resolver.h"

#include "rpc/wire/json_field.h"

namespace ringrpc {
namespace {

constexpr const char* own_language = "c++";
constexpr unsigned percent = 100;

std::unexpected<Status> invalid_choices(const std::string& why) {
  return fail(Code::INVALID_ARGUMENT, "the service configs of the name are invalid: " + why);
}

template <class Matches>
bool lists(const JsonField& list, Matches matches) {
  if (!list.given()) return true;
  const std::vector<JsonField> elements = list.elements();
  // All of them, so that a fault is found on every machine.
  bool any = elements.empty();
  for (const JsonField& each : elements) any |= matches(each.text());
  return any;
}

bool is_for(const JsonField& choice, const ConfigReader& reader) {
  const JsonField share = choice["percentage"];
  const std::uint64_t wanted = share.given() ? share.whole_number(0) : percent;
  if (wanted > percent) share.refuse("it must be at most 100");
  const bool language = lists(choice["clientLanguage"], [](const std::string& name) {
    return ::strcasecmp(name.c_str(), own_language) == 0;
  });
  const bool machine =
      lists(choice["clientHostname"], [&](const std::string& name) { return name == reader.hostname; });
  return reader.percentile < wanted && language && machine;
}

}  // namespace

ConfigReader ConfigReader::here() {
  std::array<char, HOST_NAME_MAX + 1> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) name.front() = '\0';
  std::random_device random;
  return {.hostname = name.data(),
          .percentile = std::uniform_int_distribution<unsigned>(0, percent - 1)(random)};
}

Result<std::string> choose_config(std::string_view choices, const ConfigReader& reader) {
  if (choices.size() > resolved_config_bytes_max)
    return invalid_choices("they have " + std::to_string(choices.size()) + " bytes, the limit is " +
                           std::to_string(resolved_config_bytes_max));
  google::protobuf::Value root;
  JsonFault fault = parse_json(choices, root);
  if (fault) return invalid_choices("they are not JSON: " + *fault);
  std::optional<std::string> chosen;
  const JsonField list(root, fault);
  if (!root.has_list_value()) list.refuse("they must be a list");
  for (const JsonField& choice : root.has_list_value() ? list.elements() : std::vector<JsonField>()) {
    const JsonField config = choice["serviceConfig"];
    (void)config.required().members();
    if (is_for(choice, reader) && !chosen) chosen = config.json();
  }
  if (fault) return invalid_choices(*fault);
  return std::move(chosen).value_or("");
}

}  // namespace ringrpc
