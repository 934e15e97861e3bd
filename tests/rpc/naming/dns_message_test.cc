/// Responses of name servers, also malformed ones.

#include "rpc/naming/dns_message.h"

#include <doctest/doctest.h>
#include <random>
#include <string>

#include "rpc/naming/name_server.h"
#include "transport/address.h"

namespace ringrpc::test {
namespace {

const NameServer::Query question{.name = "orders.test", .type = NameServer::type_a, .message = "\x12\x34"};

TEST_CASE("addresses, aliases and the shortest time to live are read") {
  const std::string message =
      NameServer::message(question, {.records = {NameServer::alias("a.orders.test", 20),
                                                 NameServer::address("10.0.0.1", 30),
                                                 NameServer::address("2001:db8::1", 25),
                                                 {.type = 16, .ttl_s = 1, .data = "\3txt"}}});
  DnsAddresses found;
  CHECK(read_addresses(as_bytes(message), 50051, found));
  REQUIRE(found.addresses.size() == 2);
  CHECK(to_string(found.addresses[0]) == "10.0.0.1:50051");
  CHECK(to_string(found.addresses[1]) == "[2001:db8::1]:50051");
  CHECK(found.ttl_s == 20);
}

TEST_CASE("a time to live with the first bit set counts as zero") {
  DnsAddresses found;
  const std::string message =
      NameServer::message(question, {.records = {NameServer::address("10.0.0.1", 0x80000001)}});
  CHECK(read_addresses(as_bytes(message), 1, found));
  CHECK(found.ttl_s == 0);
}

TEST_CASE("records of a wrong length, type or class are not addresses") {
  std::string other_class = NameServer::message(question, {.records = {NameServer::address("10.0.0.1", 1)}});
  other_class[other_class.size() - 4 - 2 - 4 - 1] = 3;
  for (const std::string& message :
       {NameServer::message(question, {.records = {{.type = 1, .ttl_s = 1, .data = "abc"}}}),
        NameServer::message(question, {.records = {{.type = 28, .ttl_s = 1, .data = "abcd"}}}),
        other_class}) {
    DnsAddresses found;
    CHECK(read_addresses(as_bytes(message), 1, found));
    CHECK(found.addresses.empty());
  }
}

TEST_CASE("of several responses 4,096 addresses are read") {
  NameServer::Reply reply;
  for (unsigned at = 0; at < 4000; ++at)
    reply.records.push_back(
        NameServer::address("10.0." + std::to_string(at / 250) + "." + std::to_string(at % 250), 1));
  DnsAddresses found;
  CHECK(read_addresses(as_bytes(NameServer::message(question, reply)), 1, found));
  CHECK(found.addresses.size() == 4000);
  CHECK(read_addresses(as_bytes(NameServer::message(question, reply)), 1, found));
  CHECK(found.addresses.size() == dns_addresses_max);
}

TEST_CASE("a message that ends anywhere is malformed, and random bytes do no harm") {
  const std::string message = NameServer::message(
      question, {.records = {NameServer::alias("a.orders.test", 20), NameServer::address("10.0.0.1", 30)}});
  for (std::size_t length = 0; length < message.size(); ++length) {
    CAPTURE(length);
    DnsAddresses found;
    CHECK_FALSE(read_addresses(as_bytes(message.substr(0, length)), 1, found));
  }
  std::mt19937 random(1);
  for (int round = 0; round < 20'000; ++round) {
    std::string changed = message;
    for (int flips = 0; flips < 3; ++flips) changed[random() % changed.size()] = static_cast<char>(random());
    DnsAddresses found;
    (void)read_addresses(as_bytes(changed), 1, found);
    CHECK(found.addresses.size() <= 4);
  }
}

}  // namespace
}  // namespace ringrpc::test
