#include "grpcclient/configuration.h"

#include <doctest/doctest.h>
#include <sstream>

#include "apps/scratch_file.h"
#include "common/service_config.h"
#include "text_data.h"

namespace ringrpc::grpcclient {
namespace {

using namespace std::chrono_literals;

const char* no_environment(const char*) { return nullptr; }
const char* some_environment(const char* name) {
  const std::string_view wanted(name);
  return wanted == "SERVER_ADDR" ? "unix:/x" : wanted == "LOG_LEVEL" ? "debug" : nullptr;
}

Result<apps::Action> read(Configuration& configuration, const std::vector<std::string>& arguments,
                          apps::CommandLine::Environment environment) {
  return configuration.line.read(arguments, environment);
}

std::string refusal(const std::vector<std::string>& arguments) {
  Configuration configuration;
  const Result<apps::Action> action = read(configuration, arguments, no_environment);
  REQUIRE_FALSE(action);
  return std::string(action.error().message());
}

TEST_CASE("words and flags may have any order") {
  Configuration configuration;
  REQUIRE(read(configuration,
               {"-v", "call", "a:1", "-H", "x: 1", "b.C/D", "-d", "-", "--deadline=5s", "-H", "y: 2"},
               no_environment) == apps::Action::run);
  CHECK(configuration.line.words() == std::vector<std::string>{"call", "a:1", "b.C/D"});
  CHECK(configuration.values.data == "-");
  CHECK(configuration.values.headers.size() == 2);
  CHECK(configuration.values.deadline == 5s);
  CHECK(configuration.values.verbose);
  CHECK_FALSE(configuration.values.compact);
}

TEST_CASE("any TLS flag turns TLS on") {
  const auto wants_tls = [](const std::vector<std::string>& arguments) {
    Configuration configuration;
    REQUIRE(read(configuration, arguments, no_environment));
    const auto tls = apps::load_client_tls(configuration.values.tls);
    return !tls || *tls != nullptr;
  };
  CHECK_FALSE(wants_tls({"list"}));
  CHECK(wants_tls({"list", "--tls"}));
  CHECK(wants_tls({"list", "--tls-ca=ca.pem"}));
  CHECK(wants_tls({"list", "--tls-cert=a.pem"}));
  CHECK(wants_tls({"list", "--tls-key=a.key"}));
  CHECK(wants_tls({"list", "--tls-server-name=example.org"}));
}

TEST_CASE("a service config is JSON or a file, and its error names the flag and the field") {
  const auto load = [](const std::string& value) {
    Configuration configuration;
    REQUIRE(read(configuration, {"call", "a.B/C", "--service-config", value}, no_environment));
    return apps::load_service_config(configuration.values.service_config, configuration.line.origins());
  };
  CHECK(*apps::load_service_config("") == nullptr);
  const std::string good = R"( {"methodConfig": [{"name": [{}], "timeout": "1s"}]})";
  const auto given = load(good);
  REQUIRE(given);
  CHECK((*given)->find("/a.B/C") != nullptr);
  const auto wrong = load(R"({"methodConfig": [{"timeout": 1}]})");
  REQUIRE_FALSE(wrong);
  CHECK(test::missing(wrong.error().to_string(),
                      {"INVALID_ARGUMENT: --service-config: ", "methodConfig[0].timeout: 1 "}) == "");
  const apps::ScratchFile file(good);
  CHECK(load(file.path()));
  const apps::ScratchFile bad("{");
  const auto unreadable = load(bad.path());
  REQUIRE_FALSE(unreadable);
  CHECK(unreadable.error().code() == Code::FAILED_PRECONDITION);
  CHECK(unreadable.error().message().starts_with("--service-config: " + bad.path() + ": "));
  CHECK_FALSE(load("/does/not/exist"));
  CHECK(refusal({"call", "--service-config", ""}) == "--service-config: it is empty; give a file or JSON");
}

TEST_CASE("empty data differs from no data") {
  Configuration without;
  REQUIRE(read(without, {"call"}, no_environment));
  CHECK_FALSE(without.values.data);
  Configuration empty;
  REQUIRE(read(empty, {"call", "-d", ""}, no_environment));
  CHECK(empty.values.data == "");
}

TEST_CASE("data is taken as it is: an array, a negative number, a text that looks like a flag") {
  for (const char* text : {"[1, 2]", "\"a,b\"", "{\"a\": [\"b\"]}", "%x", "-1"}) {
    Configuration configuration;
    REQUIRE_MESSAGE(read(configuration, {"call", "-d", text}, no_environment), text);
    CHECK(configuration.values.data == text);
  }
}

TEST_CASE("the environment gives address and level of the log, and a flag beats it") {
  Configuration configuration;
  REQUIRE(read(configuration, {}, some_environment));
  CHECK(configuration.values.address == "unix:/x");
  CHECK(configuration.values.log_level == log::Level::debug);
  Configuration flagged;
  REQUIRE(read(flagged, {"--address", "a:1"}, some_environment));
  CHECK(flagged.values.address == "a:1");
}

TEST_CASE("the error for a wrong value has the right ones") {
  CHECK(test::missing(refusal({"-H", "foo"}), {"--header: 'foo' ", "colon"}) == "");
  CHECK(refusal({"--address", "foo"}).starts_with("--address: address \"foo\": "));
  CHECK(refusal({"--deadline", "x"}).starts_with("--deadline: 'x' is not a duration; "));
  CHECK(refusal({"--frob"}) == "--frob: not a flag of grpcclient; --help lists them");
  CHECK(test::missing(refusal({"-d"}), {"value", "--help"}) == "");
}

TEST_CASE("the help fits a terminal and has commands, exit status and examples") {
  Configuration configuration;
  REQUIRE(read(configuration, {"--help"}, no_environment) == apps::Action::show_help);
  const std::string help = configuration.line.help();
  CHECK(help.find("\nUsage: grpcclient COMMAND [ADDR] [SYMBOL] [flags]\n\nCommands:\n") != std::string::npos);
  CHECK(help.find("\nExit status:\n") != std::string::npos);
  std::istringstream lines(help);
  for (std::string line; std::getline(lines, line);) CHECK_MESSAGE(line.size() <= 80, line);
}

}  // namespace
}  // namespace ringrpc::grpcclient
