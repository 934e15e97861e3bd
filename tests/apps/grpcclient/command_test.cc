#include "grpcclient/command.h"

#include <doctest/doctest.h>

namespace ringrpc::grpcclient {
namespace {

using Kind = Command::Kind;

std::string usage_error(const std::vector<std::string>& words) {
  const Outcome<Command> command = parse_command(words);
  REQUIRE_FALSE(command);
  CHECK(command.error().exit_status == exit_usage);
  return command.error().message;
}

TEST_CASE("without a command nothing is sent") {
  CHECK(usage_error({}) == "a command is missing; choose demo, list, describe, call or health");
}

TEST_CASE("an address is recognized by its colon and is optional") {
  CHECK(parse_command({"demo", "unix:/x"})->address == "unix:/x");
  const Outcome<Command> with = parse_command({"call", "[::1]:1", "a.B/C"});
  CHECK(with->kind == Kind::call);
  CHECK(with->address == "[::1]:1");
  CHECK(with->symbol == "a.B/C");
  for (const char* word : {"tls+", "tls+systemd", "tls+myserver"})
    CHECK(parse_command({"list", word})->address == word);
  const Outcome<Command> health = parse_command({"health", "[::1]:1", "a.B"});
  CHECK(health->kind == Kind::health);
  CHECK(health->symbol == "a.B");
  CHECK(parse_command({"health"})->symbol.empty());
  const Outcome<Command> without = parse_command({"describe", "a.B"});
  CHECK(without->kind == Kind::describe);
  CHECK_FALSE(without->address);
  CHECK(without->symbol == "a.B");
}

TEST_CASE("a host without a port is not taken for a service of the default server") {
  CHECK(usage_error({"list", "127.0.0.1"}) ==
        "'127.0.0.1' is not an address: the port is missing; write 127.0.0.1:PORT");
  CHECK(usage_error({"describe", "localhost"}).starts_with("'localhost' is not an address: "));
  CHECK(usage_error({"call", "tls+10.0.0.1", "a.B/C"}).ends_with("; write tls+10.0.0.1:PORT"));
  CHECK(usage_error({"demo", "127.0.0.1"}).starts_with("'127.0.0.1' is not an address: "));
  CHECK(parse_command({"list", "myserver"})->symbol == "myserver");
}

TEST_CASE("an empty word is an error, not a missing address") {
  for (const char* command : {"demo", "list", "describe", "health"})
    CHECK(usage_error({command, ""}).starts_with("the address is empty; "));
  CHECK(usage_error({"call", "", "a.B/C"}).starts_with("the address is empty; "));
}

TEST_CASE("the error for a wrong word has the right ones") {
  CHECK(usage_error({"lst"}) == "'lst' is not a command; did you mean list?");
  CHECK(usage_error({"frobnicate"}) ==
        "'frobnicate' is not a command; choose demo, list, describe, call or health");
  CHECK(usage_error({"list", "a:1", "b", "c"}).starts_with("'c' is one argument too many; "));
  CHECK(usage_error({"demo", "b"}).starts_with("'b' is one argument too many; "));
  CHECK(usage_error({"call", "a:1"}).starts_with("the method is missing; "));
}

}  // namespace
}  // namespace ringrpc::grpcclient
