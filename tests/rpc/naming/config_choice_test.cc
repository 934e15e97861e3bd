/// The choice among the service configs of a name.

#include "rpc/naming/config_choice.h"

#include <doctest/doctest.h>
#include <string>
#include <utility>
#include <vector>

#include "ringrpc/resolver.h"

namespace ringrpc {
namespace {

const ConfigReader reader{.hostname = "rack7", .percentile = 40};

std::string chosen(std::string_view choices) {
  const auto config = choose_config(choices, reader);
  REQUIRE_MESSAGE(config, config.error().to_string());
  return *config;
}

TEST_CASE("the first choice counts whose conditions hold") {
  const std::vector<std::pair<std::string, std::string>> table = {
      {"[]", ""},
      {R"([{"serviceConfig": {}}])", "{}"},
      {R"([{"serviceConfig": {"a": 1}}, {"serviceConfig": {"a": 2}}])", R"({"a":1})"},
      {R"([{"clientLanguage": ["go", "java"], "serviceConfig": {"a": 1}}, {"serviceConfig": {"a": 2}}])",
       R"({"a":2})"},
      {R"([{"clientLanguage": ["go", "C++"], "serviceConfig": {"a": 1}}])", R"({"a":1})"},
      {R"([{"clientLanguage": [], "serviceConfig": {"a": 1}}])", R"({"a":1})"},
      {R"([{"percentage": 40, "serviceConfig": {}}])", ""},
      {R"([{"percentage": 41, "serviceConfig": {}}])", "{}"},
      {R"([{"percentage": 0, "serviceConfig": {}}])", ""},
      {R"([{"clientHostname": ["rack6", "rack7"], "serviceConfig": {}}])", "{}"},
      {R"([{"clientHostname": ["RACK7"], "serviceConfig": {}}])", ""},
      {R"([{"clientHostname": ["rack7"], "percentage": 10, "serviceConfig": {}}])", ""},
      {R"([{"somethingNew": 1, "serviceConfig": {}}])", "{}"},
  };
  for (const auto& [choices, config] : table) {
    CAPTURE(choices);
    CHECK(chosen(choices) == config);
  }
}

TEST_CASE("a fault in any choice is an error that names its field") {
  const std::vector<std::pair<std::string, std::string>> table = {
      {"{}", "they must be a list"},
      {"[1]", "[0]: 1 is not an object"},
      {"[{}]", "[0].serviceConfig: it is missing"},
      {R"([{"serviceConfig": 1}])", "[0].serviceConfig: 1 is not an object"},
      {R"([{"serviceConfig": {}}, {"percentage": 101, "serviceConfig": {}}])",
       "[1].percentage: it must be at most 100"},
      {R"([{"percentage": -1, "serviceConfig": {}}])", "[0].percentage: -1 is not a whole number from 0 on"},
      {R"([{"clientLanguage": "c++", "serviceConfig": {}}])", R"([0].clientLanguage: "c++" is not a list)"},
      {R"([{"clientHostname": [1], "serviceConfig": {}}])", "[0].clientHostname[0]: 1 is not a string"},
  };
  for (const auto& [choices, told] : table) {
    CAPTURE(choices);
    const auto config = choose_config(choices, reader);
    REQUIRE_FALSE(config);
    CHECK(config.error().message() == "the service configs of the name are invalid: " + told);
  }
  CHECK_FALSE(choose_config("[", reader));
  CHECK_FALSE(choose_config(std::string(resolved_config_bytes_max + 1, ' '), reader));
}

TEST_CASE("this machine has a name and a percentile") {
  const ConfigReader here = ConfigReader::here();
  CHECK_FALSE(here.hostname.empty());
  CHECK(here.percentile < 100);
}

}  // namespace
}  // namespace ringrpc
