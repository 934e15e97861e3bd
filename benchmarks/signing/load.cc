// The load of signing.py: signing-load ADDRESS ALGORITHM|echo SECONDS CALLERS
//
// So many callers, on one shard and one connection, make one call after the other for so long: signatures of
// a message of 32 bytes, or echoes of 16. Prints how many calls were answered, the seconds that took, and
// the median and the 99th percentile of their latencies in microseconds. The exit status is 1 unless every
// call succeeded.
#include <algorithm>
#include <charconv>
#include <chrono>
#include <iostream>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "ringrpc/block_on.h"

#include "crypto/v1/crypto.ringrpc.h"
#include "echo/v1/echo.ringrpc.h"

using namespace ringrpc;

namespace {

using Clock = std::chrono::steady_clock;
using Latencies = std::vector<float>;  // in microseconds

template <class Make>
Task<Status> call_until(Clock::time_point end, Make make, Latencies& latencies) {
  for (Clock::time_point begun = Clock::now(); begun < end;) {
    const auto answer = co_await make();
    if (!answer) co_return answer.error();
    const Clock::time_point now = Clock::now();
    latencies.push_back(std::chrono::duration<float, std::micro>(now - begun).count());
    begun = now;
  }
  co_return Status();
}

Task<Status> sign(Channel& channel, const std::string& algorithm, Clock::time_point end,
                  Latencies& latencies) {
  const crypto::v1::CryptoService::Stub stub(channel);
  crypto::v1::SignRequest request;
  request.set_data("a message of thirty-two octets..");
  request.set_algorithm(algorithm);
  const auto one = [&] { return stub.Sign(request); };
  co_return co_await call_until(end, one, latencies);
}

Task<Status> echo(Channel& channel, Clock::time_point end, Latencies& latencies) {
  const echo::v1::EchoService::Stub stub(channel);
  echo::v1::EchoRequest request;
  request.set_payload("sixteen octets..");
  const auto one = [&] { return stub.Echo(request); };
  co_return co_await call_until(end, one, latencies);
}

/// A number above 0, or 0 for what is not one.
unsigned number(std::string_view text) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? value : 0;
}

/// Each caller waits on a thread of its own; the calls themselves are all made on the one background shard.
Status run(Channel& channel, const std::string& what, Clock::duration time,
           std::vector<Latencies>& latencies) {
  const Clock::time_point end = Clock::now() + time;
  std::vector<Status> ends(latencies.size());
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < ends.size(); ++i)
      threads.emplace_back([&, i] {
        ends[i] = block_on([&] {
          return what == "echo" ? echo(channel, end, latencies[i]) : sign(channel, what, end, latencies[i]);
        });
      });
  }
  const auto failed = std::ranges::find_if(ends, [](const Status& status) { return !status.ok(); });
  return failed == ends.end() ? Status() : *failed;
}

}  // namespace

int main(int count, char** arguments) {
  const unsigned seconds = count == 5 ? number(arguments[3]) : 0;
  const unsigned callers = count == 5 ? number(arguments[4]) : 0;
  if (seconds == 0 || callers == 0 || callers > 100)
    return std::cerr << "usage: signing-load ADDRESS ALGORITHM|echo SECONDS CALLERS\n", 2;

  Channel channel(arguments[1]);
  std::vector<Latencies> warm(1);
  Status status = run(channel, arguments[2], std::chrono::milliseconds(100), warm);
  std::vector<Latencies> latencies(callers);
  const auto begun = Clock::now();
  if (status.ok()) status = run(channel, arguments[2], std::chrono::seconds(seconds), latencies);
  const double took = std::chrono::duration<double>(Clock::now() - begun).count();
  if (!status.ok()) return std::cerr << status.to_string() << '\n', 1;

  Latencies all;
  for (const Latencies& one : latencies) all.insert(all.end(), one.begin(), one.end());
  std::ranges::sort(all);
  const auto percentile = [&](unsigned of_hundred) { return all[(all.size() - 1) * of_hundred / 100]; };
  std::cout << all.size() << ' ' << took << ' ' << percentile(50) << ' ' << percentile(99) << '\n';
}
