// The client of streams.py: stream-load ADDRESS unary|feed|pingpong MESSAGES CALLERS
//
// CALLERS callers on one shard and one connection share MESSAGES messages. In mode unary each message is a
// call; in the other modes each caller sends all of its messages in one call. Prints the duration in
// seconds. The exit status is 1 unless every message arrived.
#include <charconv>
#include <iostream>
#include <memory>
#include <string_view>
#include <thread>
#include <vector>

#include "ringrpc/block_on.h"

#include "streams.ringrpc.h"

using namespace ringrpc;

namespace {

using Stub = bench::Streams::Stub;
using Load = Task<Status>(const Stub&, std::int64_t);

constexpr std::string_view payload = "sixteen bytes...";

bench::Message message() {
  bench::Message made;
  made.set_payload(payload.data(), payload.size());
  return made;
}

Status expect(std::int64_t came, std::int64_t wanted) {
  if (came == wanted) return {};
  return {Code::DATA_LOSS, std::to_string(came) + " of " + std::to_string(wanted) + " messages came"};
}

Task<Status> unary(const Stub& stub, std::int64_t messages) {
  const bench::Message request = message();
  for (std::int64_t i = 0; i < messages; ++i) {
    auto answer = co_await stub.Unary(request);
    if (!answer) co_return answer.error();
    if (answer->payload() != payload) co_return fail(Code::DATA_LOSS, "the response is not the request");
  }
  co_return Status();
}

Task<Status> feed(const Stub& stub, std::int64_t messages) {
  bench::FeedRequest request;
  request.set_messages(messages);
  request.set_payload(payload.data(), payload.size());
  auto call = stub.Feed(request);
  std::int64_t came = 0;
  while (auto answer = co_await call.next()) came += answer->payload() == payload;
  Status status = co_await call.finish();
  co_return status.ok() ? expect(came, messages) : status;
}

Task<Status> ping_pong(const Stub& stub, std::int64_t messages) {
  const bench::Message ping = message();
  auto call = stub.PingPong();
  std::int64_t came = 0;
  for (; came < messages; ++came) {
    if (!co_await call.write(ping)) break;
    auto pong = co_await call.next();
    if (!pong || pong->payload() != payload) break;
  }
  call.writes_done();
  Status status = co_await call.finish();
  co_return status.ok() ? expect(came, messages) : status;
}

Load* load_of(std::string_view name) {
  if (name == "unary") return unary;
  if (name == "feed") return feed;
  return name == "pingpong" ? ping_pong : nullptr;
}

/// Parses a number above 0; 0 for any other text.
std::int64_t number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && value > 0 ? value : 0;
}

/// Each caller waits on a thread of its own. The one background shard makes all calls.
bool run(const Stub& stub, Load* load, std::int64_t messages, std::int64_t callers) {
  std::vector<Status> ends(static_cast<std::size_t>(callers));
  {
    std::vector<std::jthread> threads;
    for (Status& end : ends)
      threads.emplace_back([&] { end = block_on([&] { return load(stub, messages / callers); }); });
  }
  for (const Status& end : ends) {
    if (end.ok()) continue;
    std::cerr << end.to_string() << '\n';
    return false;
  }
  return true;
}

}  // namespace

int main(int count, char** arguments) {
  Load* load = count == 5 ? load_of(arguments[2]) : nullptr;
  const std::int64_t messages = load ? number(arguments[3]) : 0;
  const std::int64_t callers = load ? number(arguments[4]) : 0;
  if (callers == 0 || messages < callers)
    return std::cerr << "usage: stream-load ADDRESS unary|feed|pingpong MESSAGES CALLERS\n", 2;

  Channel channel(arguments[1]);
  const Stub stub(channel);
  if (!run(stub, unary, callers, callers)) return 1;  // connects
  const auto began = std::chrono::steady_clock::now();
  if (!run(stub, load, messages, callers)) return 1;
  std::cout << std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count() << '\n';
}
