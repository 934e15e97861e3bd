// The calls of outage_test.py on this library: reads and prints what outage/caller/main.go does.
#include <chrono>
#include <iostream>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "ringrpc/block_on.h"
#include "ringrpc/channel.h"
#include "ringrpc/service_config.h"
#include "ringrpc/sleep.h"
#include "ringrpc/tls.h"

namespace ringrpc {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

/// A line's fields, by their names in main.go.
struct Line {
  explicit Line(const std::string& text) {
    std::vector<std::string> fields(1);
    for (const char c : text)
      if (c == '\t')
        fields.emplace_back();
      else
        fields.back() += c;
    name = fields.at(0);
    target = fields.at(1);
    config = fields.at(2);
    tls = fields.at(3) == "yes";
    connect_timeout = milliseconds(std::stoi(fields.at(4)));
    options.wait_for_ready = fields.at(5) == "yes";
    if (const milliseconds timeout(std::stoi(fields.at(6))); timeout.count() > 0) options.timeout = timeout;
    patience = milliseconds(std::stoi(fields.at(7)));
    count = std::stoi(fields.at(8));
    pause = milliseconds(std::stoi(fields.at(9)));
  }

  std::string name, target, config;
  bool tls = false;
  CallOptions options;
  milliseconds connect_timeout{}, patience{}, pause{};
  int count = 0;
};

Channel make_channel(const Line& line) {
  ChannelOptions options{.connect_timeout = line.connect_timeout, .log_outages = false};
  if (line.config != "-") options.service_config = ServiceConfig::parse(line.config).value();
  static const std::shared_ptr<const ClientTls> tls = ClientTls::load().value();
  if (line.tls) options.tls = tls;
  return Channel(line.target, options);
}

Task<std::string> run(Channel channel, Line line) {
  std::string results = line.name;
  for (int at = 0; at < line.count; ++at) {
    const Clock::time_point began = Clock::now();
    auto call =
        channel.unary<RawMessage, RawMessage>("/outage.v1.Outage/Call", RawMessage{"x"}, line.options);
    call.start();
    while (!call.done() && Clock::now() - began < line.patience) co_await sleep_for(milliseconds(2));
    if (!call.done()) co_return results + "\twaiting";
    const auto took = std::chrono::duration_cast<milliseconds>(Clock::now() - began);
    const CallResult<RawMessage> response = call.result();
    if (!response) std::cerr << line.name << ": " << response.error().to_string() << '\n';
    results += '\t' + std::to_string(static_cast<int>(response ? Code::OK : response.error().code())) + ' ' +
               std::to_string(took.count());
    co_await sleep_for(line.pause);
  }
  co_return results;
}

/// Makes the calls of all lines at the same time.
Task<std::vector<std::string>> run_all(std::vector<Line> lines, std::map<std::string, Channel>& channels) {
  std::vector<Task<std::string>> runs;
  for (const Line& line : lines) {
    auto found = channels.find(line.name);
    if (found == channels.end()) found = channels.emplace(line.name, make_channel(line)).first;
    runs.push_back(run(found->second, line));
    runs.back().start();
  }
  std::vector<std::string> results;
  for (Task<std::string>& each : runs) {
    while (!each.done()) co_await sleep_for(milliseconds(2));
    results.push_back(each.result());
  }
  co_return results;
}

}  // namespace
}  // namespace ringrpc

int main() {
  std::map<std::string, ringrpc::Channel> channels;
  std::vector<ringrpc::Line> batch;
  for (std::string text; std::getline(std::cin, text);) {
    if (!text.empty()) {
      batch.emplace_back(text);
      continue;
    }
    const auto results = ringrpc::block_on(ringrpc::run_all(std::exchange(batch, {}), channels));
    if (!results) {
      std::cerr << results.error().to_string() << '\n';
      return 1;
    }
    for (const std::string& each : *results) std::cout << each << '\n';
    std::cout.flush();
  }
}
