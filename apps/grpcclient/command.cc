#include "grpcclient/command.h"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <netinet/in.h>
#include <utility>

#include "common/nearest.h"
#include "transport/address.h"

namespace ringrpc::grpcclient {
namespace {

using Kind = Command::Kind;

constexpr std::array<std::pair<std::string_view, Kind>, 5> commands = {{{"demo", Kind::demo},
                                                                        {"list", Kind::list},
                                                                        {"describe", Kind::describe},
                                                                        {"call", Kind::call},
                                                                        {"health", Kind::health}}};
constexpr const char* choices = "choose demo, list, describe, call or health";

/// True if `word` is a host name or address, which cannot be the name of a service.
bool is_host(std::string word) {
  if (word.starts_with(tls_prefix)) word.erase(0, tls_prefix.size());
  in_addr number{};
  return word == "localhost" || inet_pton(AF_INET, word.c_str(), &number) == 1;
}

/// The commands that are close to the wrong one, or all.
std::string choices_for(std::string_view wrong) {
  std::vector<std::string> names;
  for (const auto& [name, kind] : commands) names.emplace_back(name);
  const std::string close = apps::did_you_mean(wrong, names);
  return close.empty() ? choices : close.substr(std::string_view("; ").size());
}

}  // namespace

Outcome<Command> parse_command(const std::vector<std::string>& words) {
  Command command;
  if (words.empty()) return fail_with(exit_usage, std::string("a command is missing; ") + choices);
  const auto* known = std::ranges::find(commands, words[0], &std::pair<std::string_view, Kind>::first);
  if (known == commands.end())
    return fail_with(exit_usage, "'" + words[0] + "' is not a command; " + choices_for(words[0]));
  command.kind = known->second;

  std::size_t next = 1;
  if (next < words.size() && words[next].empty())
    return fail_with(exit_usage, "the address is empty; write host:port, or leave it out");
  if (next < words.size() && is_host(words[next]))
    return fail_with(exit_usage, "'" + words[next] + "' is not an address: the port is missing; write " +
                                     words[next] + ":PORT");
  if (next < words.size() &&
      (words[next].find(':') != std::string::npos || words[next].starts_with(tls_prefix)))
    command.address = words[next++];
  if (next < words.size() && command.kind != Kind::demo) command.symbol = words[next++];
  if (next < words.size())
    return fail_with(exit_usage, "'" + words[next] + "' is one argument too many; --help shows what " +
                                     words[0] + " takes, and -d takes the data");
  if (command.kind == Kind::call && command.symbol.empty())
    return fail_with(exit_usage,
                     "the method is missing; write call ADDR SERVICE/METHOD (list ADDR shows the services)");
  return command;
}

}  // namespace ringrpc::grpcclient
