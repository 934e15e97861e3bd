#include "grpcclient/command.h"

#include <algorithm>
#include <array>
#include <utility>

namespace ringrpc::grpcclient {
namespace {

using Kind = Command::Kind;

constexpr std::array<std::pair<std::string_view, Kind>, 4> commands = {
    {{"demo", Kind::demo}, {"list", Kind::list}, {"describe", Kind::describe}, {"call", Kind::call}}};

}  // namespace

Outcome<Command> parse_command(const std::vector<std::string>& words) {
  Command command;
  if (words.empty()) return command;
  const auto* known = std::ranges::find(commands, words[0], &std::pair<std::string_view, Kind>::first);
  if (known == commands.end())
    return give_up(exit_usage, "'" + words[0] + "' is not a command; choose demo, list, describe or call");
  command.kind = known->second;

  std::size_t next = 1;
  if (next < words.size() && words[next].find(':') != std::string::npos) command.address = words[next++];
  if (next < words.size() && command.kind != Kind::demo) command.symbol = words[next++];
  if (next < words.size())
    return give_up(exit_usage, "'" + words[next] + "' is one word too many; --help shows what " + words[0] +
                                   " takes, and data goes into -d");
  if (command.kind == Kind::call && command.symbol.empty())
    return give_up(exit_usage, "call what? Write call ADDR SERVICE/METHOD; list ADDR shows the services");
  return command;
}

}  // namespace ringrpc::grpcclient
