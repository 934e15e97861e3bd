// Bytes that no honest peer sends, cut at any places: there is no crash and no event out of order, and the
// same bytes have the same events.
#include <algorithm>
#include <doctest/doctest.h>
#include <random>
#include <string>

#include "http1/server.h"
#include "seeds.h"

using namespace ringrpc;
using namespace ringrpc::http1;
using namespace ringrpc::http1::test;

namespace {

using Random = std::mt19937_64;

const Limits small{.header_bytes_max = 200,
                   .fields_max = 5,
                   .target_bytes_max = 40,
                   .body_bytes_max = 100,
                   .chunk_extension_bytes_max = 8,
                   .requests_max = 20};

std::string_view pick(Random& random, std::span<const std::string_view> of) {
  return of[random() % of.size()];
}

/// Parts of requests in an order that often makes sense.
std::string random_request(Random& random) {
  static constexpr std::string_view lines[] = {"GET / HTTP/1.1\r\n",  "POST /a?b HTTP/1.1\r\n",
                                               "HEAD * HTTP/1.0\r\n", "OPTIONS * HTTP/1.1\r\n",
                                               "GET / HTTP/2.0\r\n",  "\r\n"};
  static constexpr std::string_view fields[] = {"Content-Length: 5\r\n",
                                                "Transfer-Encoding: chunked\r\n",
                                                "Connection: close\r\n",
                                                "Connection: keep-alive\r\n",
                                                "Expect: 100-continue\r\n",
                                                "X: y\r\n",
                                                "Content-Length: 0\r\n",
                                                " fold\r\n",
                                                "X : y\r\n"};
  static constexpr std::string_view bodies[] = {"",
                                                "hello",
                                                "5\r\nhello\r\n0\r\n\r\n",
                                                "0\r\nX: y\r\n\r\n",
                                                "3;a=b\r\nabc\r\n0\r\n\r\n",
                                                "fffffffff\r\n",
                                                "\n"};
  std::string request(pick(random, lines));
  request += "Host: a\r\n";
  for (auto count = random() % 4; count > 0; --count) request += pick(random, fields);
  request += "\r\n";
  request += pick(random, bodies);
  if (random() % 4 == 0) request[random() % request.size()] = static_cast<char>(random());
  return request;
}

void check_order(const std::vector<std::string>& events) {
  std::string shape;
  for (const std::string& event : events) {
    if (event.starts_with("request")) shape += 'r';
    if (event.starts_with("body")) shape += 'b';
    if (event.starts_with("end")) shape += 'e';
    if (event.starts_with("response end")) shape += '.';
    if (event.starts_with("aborted")) shape += 'a';
  }
  const auto follows = [](char before, char after) {
    switch (after) {
      case 'r':
        return before == '.' || before == ' ';
      case 'b':
        return before == 'r';
      case 'e':
        return before == 'r' || before == 'b';
      case '.':
        return before == 'e';
      default:
        return before == 'r' || before == 'b' || before == 'e';
    }
  };
  char before = ' ';
  for (const char after : shape) {
    CHECK_MESSAGE(follows(before, after), shape);
    before = after;
  }
}

}  // namespace

TEST_CASE("random requests have the same effect however they are cut") {
  for_each_seed(2000, [](std::uint64_t seed) {
    INFO("RINGRPC_SEED=", seed);
    Random random(seed);
    std::string bytes;
    for (auto count = 1 + random() % 6; count > 0; --count) bytes += random_request(random);
    const Outcome whole = outcome_of(bytes, small, {});
    check_order(whole.events);
    std::vector<std::size_t> all_cuts;
    std::vector<std::size_t> some_cuts;
    for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
      all_cuts.push_back(cut);
      if (random() % 10 == 0) some_cuts.push_back(cut);
    }
    CHECK(outcome_of(bytes, small, all_cuts) == whole);
    CHECK(outcome_of(bytes, small, some_cuts) == whole);
  });
}

TEST_CASE("random bytes get a response at most, and the end") {
  for_each_seed(2000, [](std::uint64_t seed) {
    INFO("RINGRPC_SEED=", seed);
    Random random(seed);
    std::string bytes(1 + random() % 400, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random());
    const Outcome outcome = outcome_of(bytes, small, {});
    CHECK(outcome.events.empty());
    CHECK(statuses(outcome.sent).size() <= 1);
  });
}
