// The client of retries_test.py on this library: reads and prints what `retry-peers client`
// does (retry-peers/main.go).
//
//   retry_client ADDRESS < scenarios
#include <charconv>
#include <chrono>
#include <cstddef>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ringrpc/block_on.h"
#include "ringrpc/channel.h"

namespace ringrpc {
namespace {

constexpr std::string_view method = "/script.v1.Script/Call";

std::vector<std::string> fields_of(const std::string& line) {
  std::vector<std::string> fields(1);
  for (const char c : line)
    if (c == '\t')
      fields.emplace_back();
    else
      fields.back() += c;
  return fields;
}

Task<std::string> run_call(Channel channel, CallOptions options, std::size_t size, std::string name,
                           std::string script) {
  for (const auto& [key, value] : {std::pair("x-call", name), std::pair("x-script", script)})
    if (const Status status = options.metadata.add(key, value); !status.ok()) co_return status.to_string();
  const auto response =
      co_await channel.unary<RawMessage, RawMessage>(method, RawMessage{std::string(size, 'x')}, options);
  std::string result = std::to_string(static_cast<int>(response ? Code::OK : response.error().code()));
  for (const auto& [key, value] : response.metadata.trailing)
    if (key == "x-tell") result += " " + value;
  co_return result;
}

/// `last` is the channel of the last scenario that had a service config.
Task<std::string> run_scenario(std::string address, std::vector<std::string> scenario,
                               std::optional<Channel>& last) {
  if (scenario.at(0) != "-") {
    auto config = ServiceConfig::parse(scenario.at(0));
    if (!config) {
      std::cerr << config.error().message() << '\n';
      co_return "config";
    }
    ChannelOptions channel_options;
    channel_options.service_config = *config;
    last.emplace(address, channel_options);
  }
  const Channel channel = *last;
  CallOptions options;
  if (const int milliseconds = std::stoi(scenario.at(1)); milliseconds > 0)
    options.timeout = std::chrono::milliseconds(milliseconds);
  if (scenario.at(2) != "-") options.wait_for_ready = scenario.at(2) == "yes";
  std::string results;
  for (std::size_t at = 4; at + 1 < scenario.size(); at += 2) {
    if (!results.empty()) results += '\t';
    results +=
        co_await run_call(channel, options, std::stoul(scenario.at(3)), scenario[at], scenario[at + 1]);
  }
  co_return results;
}

}  // namespace
}  // namespace ringrpc

int main(int count, char** arguments) {
  if (count != 2) return 2;
  std::optional<ringrpc::Channel> last;
  for (std::string line; std::getline(std::cin, line);) {
    const auto result =
        ringrpc::block_on(ringrpc::run_scenario(arguments[1], ringrpc::fields_of(line), last));
    std::cout << (result ? *result : result.error().to_string()) << std::endl;
  }
}
