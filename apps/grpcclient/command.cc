#include "grpcclient/command.h"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <netinet/in.h>
#include <utility>

#include "transport/address.h"

namespace ringrpc::grpcclient {
namespace {

using Kind = Command::Kind;

constexpr std::array<std::pair<std::string_view, Kind>, 4> commands = {
    {{"demo", Kind::demo}, {"list", Kind::list}, {"describe", Kind::describe}, {"call", Kind::call}}};

/// Whether `word` names a machine, as no service is named.
bool is_host(std::string word) {
  if (word.starts_with(tls_prefix)) word.erase(0, tls_prefix.size());
  in_addr number{};
  return word == "localhost" || inet_pton(AF_INET, word.c_str(), &number) == 1;
}

}  // namespace

Outcome<Command> parse_command(const std::vector<std::string>& words) {
  Command command;
  if (words.empty()) return command;
  const auto* known = std::ranges::find(commands, words[0], &std::pair<std::string_view, Kind>::first);
  if (known == commands.end())
    return give_up(exit_usage, "'" + words[0] + "' is not a command; choose demo, list, describe or call");
  command.kind = known->second;

  std::size_t next = 1;
  if (next < words.size() && words[next].empty())
    return give_up(exit_usage, "an address is empty; write host:port, or leave it out");
  if (next < words.size() && is_host(words[next]))
    return give_up(exit_usage, "'" + words[next] + "' is no address: the port is missing; write " +
                                   words[next] + ":PORT");
  if (next < words.size() &&
      (words[next].find(':') != std::string::npos || words[next].starts_with(tls_prefix)))
    command.address = words[next++];
  if (next < words.size() && command.kind != Kind::demo) command.symbol = words[next++];
  if (next < words.size())
    return give_up(exit_usage, "'" + words[next] + "' is one word too many; --help shows what " + words[0] +
                                   " takes, and data goes into -d");
  if (command.kind == Kind::call && command.symbol.empty())
    return give_up(exit_usage, "call what? Write call ADDR SERVICE/METHOD; list ADDR shows the services");
  return command;
}

}  // namespace ringrpc::grpcclient
