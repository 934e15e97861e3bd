// Streams that are opened to be reset, by the peer or by us because of its faults, and those that honest
// clients cancel.
#include <doctest/doctest.h>
#include <nghttp2/nghttp2.h>

#include "raw_server.h"

using namespace ringrpc;
using namespace ringrpc::http2;
using namespace ringrpc::http2::test;
using namespace std::chrono_literals;

namespace {

constexpr std::string_view too_many_resets = "too many streams reset";

}  // namespace

TEST_CASE("rapid reset ends the connection before it has started more than a thousand handlers") {
  RawServer server;
  server.endpoint.end_hook = nullptr;
  const int taken = server.flood(100'000, [&](std::uint32_t n) {
    return server.encoder.headers(id_of(n), get, end_stream) + rst_stream(id_of(n), ErrorCode::cancel);
  });
  CHECK(taken == 1000);
  CHECK(server.endpoint.requests <= 1001);
  server.check_ended(ErrorCode::enhance_your_calm, too_many_resets);
}

TEST_CASE("rapid reset in one piece ends the connection as early") {
  RawServer server;
  server.endpoint.end_hook = nullptr;
  std::string bytes;
  for (std::uint32_t n = 0; n < 10'000; ++n) {
    bytes += server.encoder.headers(id_of(n), get, end_stream) + rst_stream(id_of(n), ErrorCode::cancel);
  }
  server.status = server.endpoint.receive(bytes);
  server.output = server.endpoint.produce();
  CHECK(server.endpoint.requests == 1001);
  server.check_ended(ErrorCode::enhance_your_calm, too_many_resets);
}

TEST_CASE("calls that are cancelled now and then do not add up") {
  RawServer server;
  server.endpoint.end_hook = nullptr;
  const int taken = server.flood(5'000, [&](std::uint32_t n) {
    server.endpoint.now += 31ms;
    return server.encoder.headers(id_of(n), get, end_stream) + rst_stream(id_of(n), ErrorCode::cancel);
  });
  CHECK(taken == 5'000);
}

TEST_CASE("streams with a timeout that have begun are limited like those without one") {
  RawServer server;
  server.endpoint.end_hook = nullptr;
  server.endpoint.headers_hook = [](Stream& stream) { stream.set_timeout(10s); };
  const int taken = server.flood(5'000, [&](std::uint32_t n) {
    return (n == 0 ? "" : rst_stream(id_of(n - 1), ErrorCode::cancel)) +
           server.encoder.headers(id_of(n), get, end_stream);
  });
  CHECK(taken == 1001);
  server.check_ended(ErrorCode::enhance_your_calm, too_many_resets);
}

TEST_CASE("resets that cross the response do not count") {
  RawServer server;
  const int taken = server.flood(20'000, [&](std::uint32_t n) {
    return server.encoder.headers(id_of(n), get, end_stream) +
           (n == 0 ? "" : rst_stream(id_of(n - 1), ErrorCode::cancel));
  });
  CHECK(taken == 20'000);
}

TEST_CASE("streams that the peer has waited for may be reset at any rate") {
  RawServer server;
  server.endpoint.end_hook = nullptr;
  const auto taken_at_age = [&](Nanoseconds age) {
    constexpr std::uint32_t at_a_time = 100;
    return server.flood(20'000, [&](std::uint32_t n) {
      if (n % at_a_time == 0) server.endpoint.now += age;
      return (n < at_a_time ? "" : rst_stream(id_of(n - at_a_time), ErrorCode::cancel)) +
             server.encoder.headers(id_of(n), get, end_stream);
    });
  };
  SUBCASE("for a millisecond") { CHECK(taken_at_age(1ms) == 20'000); }
  SUBCASE("for less") {
    CHECK(taken_at_age(999us) < 2000);
    server.check_ended(ErrorCode::enhance_your_calm, too_many_resets);
  }
}

TEST_CASE("streams whose response has begun may be reset at any rate") {
  RawServer server;
  Endpoint& endpoint = server.endpoint;
  std::string_view first;
  endpoint.end_hook = [&](Stream& stream) {
    endpoint.session.send_headers(stream, std::vector<Header>{{":status", "200"}}, false);
    if (!first.empty()) endpoint.session.send_data(stream, as_bytes(first), false);
  };
  const auto taken = [&] {
    return server.flood(10'000, [&](std::uint32_t n) {
      return (n == 0 ? "" : rst_stream(id_of(n - 1), ErrorCode::cancel)) +
             server.encoder.headers(id_of(n), get, end_stream);
    });
  };
  SUBCASE("with a message") {
    first = "first";
    CHECK(taken() == 10'000);
  }
  SUBCASE("but not with headers alone") {
    CHECK(taken() == 1001);
    server.check_ended(ErrorCode::enhance_your_calm, too_many_resets);
  }
}

TEST_CASE("making us reset streams counts like resetting them") {
  RawServer server;
  server.endpoint.end_hook = nullptr;
  const auto run = [&](auto make) {
    const int taken = server.flood(100'000, make);
    CHECK(taken == 1000);
    CHECK(server.endpoint.requests <= 1001);
    server.check_ended(ErrorCode::enhance_your_calm, too_many_resets);
  };
  SUBCASE("by a window that overflows") {
    run([&](std::uint32_t n) {
      return server.encoder.headers(id_of(n), get) + window_update(id_of(n), 0x7fffffff);
    });
  }
  SUBCASE("by a body longer than content-length") {
    run([&](std::uint32_t n) {
      return server.encoder.headers(id_of(n), with(get, {{"content-length", "1"}})) + data(id_of(n), "hello");
    });
  }
  SUBCASE("by trailers with a pseudo-header field") {
    run([&](std::uint32_t n) {
      return in_order({server.encoder.headers(id_of(n), get),
                       server.encoder.headers(id_of(n), {{":path", "/"}}, end_stream)});
    });
  }
  SUBCASE("by trailers without END_STREAM") {
    run([&](std::uint32_t n) {
      return in_order(
          {server.encoder.headers(id_of(n), get), server.encoder.headers(id_of(n), {{"a", "b"}})});
    });
  }
  SUBCASE("by malformed requests") {
    run([&](std::uint32_t n) {
      return server.encoder.headers(id_of(n), with(get, {{"Bad", "b"}}), end_stream);
    });
  }
  SUBCASE("by oversized requests") {
    const FieldList large = with(get, {{"large", std::string(9000, 'x')}});
    run([&](std::uint32_t n) { return server.encoder.headers(id_of(n), large, end_stream); });
  }
}

TEST_CASE("making us reset streams counts whatever their age") {
  RawServer server;
  server.endpoint.end_hook = nullptr;
  const int taken = server.flood(10'000, [&](std::uint32_t n) {
    server.endpoint.now += 2ms;
    const std::string fault = n == 0 ? "" : window_update(id_of(n - 1), 0x7fffffff);
    return fault + server.encoder.headers(id_of(n), get);
  });
  CHECK(taken > 1000);
  CHECK(taken < 1100);
  server.check_ended(ErrorCode::enhance_your_calm, too_many_resets);
}

TEST_CASE("streams that we reset count even if the peer reads nothing") {
  RawServer server({.reset_burst = 10});
  server.endpoint.end_hook = nullptr;
  Status status;
  std::uint32_t n = 0;
  for (; n < 1000 && status.ok(); ++n) {
    status = server.endpoint.receive(server.encoder.headers(id_of(n), with(get, {{"content-length", "1"}})));
    if (status.ok()) status = server.endpoint.receive(data(id_of(n), "hello"));
  }
  CHECK(n == 11);
}

TEST_CASE("streams that the user refuses do not count") {
  RawServer server;
  server.endpoint.headers_hook = [&](Stream& stream) {
    server.endpoint.session.reset(stream, ErrorCode::refused_stream);
  };
  CHECK(server.flood(5000, [&](std::uint32_t n) {
    return server.encoder.headers(id_of(n), get, end_stream);
  }) == 5000);
}
