/// A DNS server for tests, on a thread of its own: UDP and TCP on one port of the loopback.
///
///   NameServer server([](const NameServer::Query& query) {
///     return NameServer::Reply{.records = {NameServer::address("127.0.0.1", 60)}};
///   });
///   Channel channel("dns://127.0.0.1:" + std::to_string(server.port()) + "/orders.test:50051");
#pragma once

#include <arpa/inet.h>
#include <array>
#include <atomic>
#include <cstdint>
#include <doctest/doctest.h>
#include <functional>
#include <optional>
#include <poll.h>
#include <string>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include "base/unique_fd.h"

namespace ringrpc::test {

class NameServer {
 public:
  static constexpr std::uint16_t type_a = 1;
  static constexpr std::uint16_t type_aaaa = 28;

  struct Query {
    std::string name;  ///< without a dot at its end
    std::uint16_t type = 0;
    bool over_tcp = false;
    std::string message;
  };
  struct Record {
    std::uint16_t type = 0;
    std::uint32_t ttl_s = 0;
    std::string data;
    std::string name = "";  ///< as in the message; empty for a pointer to the name of the question
  };
  struct Reply {
    std::vector<Record> records{};
    int code = 0;  ///< 2 for SERVFAIL, 3 for NXDOMAIN
    bool truncated = false;
    bool silent = false;
    std::uint16_t id_error = 0;        ///< added to the id of the query
    std::optional<std::string> raw{};  ///< in place of everything behind the id
  };
  using Answer = std::function<Reply(const Query&)>;

  /// `answer` runs on the server's thread.
  explicit NameServer(Answer answer) : answer_(std::move(answer)) {
    sockaddr_in any{};
    any.sin_family = AF_INET;
    any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    // A port that is free for both. Another program may take it between the two calls.
    for (int tries = 0; tries < 100; ++tries) {
      tcp_ = UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
      udp_ = UniqueFd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
      any.sin_port = 0;
      REQUIRE(::bind(tcp_.get(), reinterpret_cast<sockaddr*>(&any), sizeof any) == 0);
      socklen_t length = sizeof any;
      REQUIRE(::getsockname(tcp_.get(), reinterpret_cast<sockaddr*>(&any), &length) == 0);
      if (::bind(udp_.get(), reinterpret_cast<sockaddr*>(&any), sizeof any) == 0) break;
      REQUIRE(tries < 99);
    }
    port_ = ntohs(any.sin_port);
    REQUIRE(::listen(tcp_.get(), 16) == 0);
    thread_ = std::thread([this] { serve(); });
  }
  NameServer(const NameServer&) = delete;
  NameServer& operator=(const NameServer&) = delete;
  ~NameServer() {
    const std::uint64_t one = 1;
    CHECK(::write(stop_.get(), &one, sizeof one) == sizeof one);
    thread_.join();
  }

  std::uint16_t port() const noexcept { return port_; }
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  /// The number of queries so far.
  unsigned queries() const noexcept { return queries_; }

  static Record address(const std::string& text, std::uint32_t ttl_s) {
    std::array<char, 16> bytes{};
    if (::inet_pton(AF_INET, text.c_str(), bytes.data()) == 1)
      return {.type = type_a, .ttl_s = ttl_s, .data = {bytes.data(), 4}};
    REQUIRE(::inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1);
    return {.type = type_aaaa, .ttl_s = ttl_s, .data = {bytes.data(), 16}};
  }
  static Record alias(const std::string& to, std::uint32_t ttl_s) {
    return {.type = 5, .ttl_s = ttl_s, .data = encoded(to)};
  }
  static std::string encoded(const std::string& name) {
    std::string out;
    for (std::size_t at = 0; at < name.size();) {
      const std::size_t end = std::min(name.find('.', at), name.size());
      out += static_cast<char>(end - at);
      out.append(name, at, end - at);
      at = end + 1;
    }
    return out + '\0';
  }
  static std::string number(std::uint64_t value, int bytes) {
    std::string out;
    for (int at = bytes - 1; at >= 0; --at) out += static_cast<char>(value >> (8 * at));
    return out;
  }
  /// A whole response to `query`.
  static std::string message(const Query& query, const Reply& reply) {
    const auto id = static_cast<std::uint16_t>((static_cast<unsigned char>(query.message[0]) << 8) +
                                               static_cast<unsigned char>(query.message[1]) + reply.id_error);
    std::string out = number(id, 2);
    if (reply.raw) return out + *reply.raw;
    out += number(0x8180u | (reply.truncated ? 0x200u : 0u) | static_cast<unsigned>(reply.code), 2);
    out += number(1, 2) + number(reply.records.size(), 2) + number(0, 4);
    out += encoded(query.name) + number(query.type, 2) + number(1, 2);
    for (const Record& record : reply.records) {
      out += record.name.empty() ? std::string("\xc0\x0c") : record.name;
      out += number(record.type, 2) + number(1, 2) + number(record.ttl_s, 4) + number(record.data.size(), 2);
      out += record.data;
    }
    return out;
  }

 private:
  void serve() {
    std::vector<UniqueFd> connections;
    for (;;) {
      std::vector<pollfd> polled = {
          {stop_.get(), POLLIN, 0}, {udp_.get(), POLLIN, 0}, {tcp_.get(), POLLIN, 0}};
      for (const UniqueFd& connection : connections) polled.push_back({connection.get(), POLLIN, 0});
      if (::poll(polled.data(), polled.size(), -1) < 0) continue;
      if (polled[0].revents != 0) return;
      if (polled[1].revents != 0) serve_udp();
      for (std::size_t at = 3; at < polled.size(); ++at)
        if (polled[at].revents != 0 && !serve_tcp(connections[at - 3])) connections[at - 3].reset();
      std::erase_if(connections, [](const UniqueFd& connection) { return !connection; });
      if (polled[2].revents != 0)
        connections.emplace_back(::accept4(tcp_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    }
  }

  void serve_udp() {
    std::array<char, 4096> buffer;
    sockaddr_in from{};
    socklen_t length = sizeof from;
    const ssize_t got =
        ::recvfrom(udp_.get(), buffer.data(), buffer.size(), 0, reinterpret_cast<sockaddr*>(&from), &length);
    if (got < 12) return;
    const std::optional<std::string> reply = answer({buffer.data(), static_cast<std::size_t>(got)}, false);
    if (reply)
      ::sendto(udp_.get(), reply->data(), reply->size(), 0, reinterpret_cast<sockaddr*>(&from), length);
  }

  bool serve_tcp(const UniqueFd& connection) {
    std::array<unsigned char, 2> prefix;
    if (::recv(connection.get(), prefix.data(), 2, MSG_WAITALL) != 2) return false;
    std::string query(static_cast<std::size_t>(prefix[0] << 8 | prefix[1]), '\0');
    if (::recv(connection.get(), query.data(), query.size(), MSG_WAITALL) !=
        static_cast<ssize_t>(query.size()))
      return false;
    const std::optional<std::string> reply = answer(query, true);
    if (!reply) return true;
    const std::string framed = number(reply->size(), 2) + *reply;
    for (std::size_t sent = 0; sent < framed.size();) {
      const ssize_t took = ::send(connection.get(), framed.data() + sent, framed.size() - sent, MSG_NOSIGNAL);
      if (took <= 0) return false;
      sent += static_cast<std::size_t>(took);
    }
    return true;
  }

  std::optional<std::string> answer(const std::string& bytes, bool over_tcp) {
    ++queries_;
    Query query{.name = {}, .type = 0, .over_tcp = over_tcp, .message = bytes};
    std::size_t at = 12;
    while (at < bytes.size() && bytes[at] != '\0') {
      const auto length = static_cast<unsigned char>(bytes[at]);
      query.name += (query.name.empty() ? "" : ".") + bytes.substr(at + 1, length);
      at += length + 1;
    }
    query.type = static_cast<std::uint16_t>(static_cast<unsigned char>(bytes[at + 1]) << 8 |
                                            static_cast<unsigned char>(bytes[at + 2]));
    const Reply reply = answer_(query);
    if (reply.silent) return std::nullopt;
    return message(query, reply);
  }

  Answer answer_;
  UniqueFd udp_, tcp_;
  UniqueFd stop_{::eventfd(0, EFD_CLOEXEC)};
  std::uint16_t port_ = 0;
  std::atomic<unsigned> queries_ = 0;
  std::thread thread_;
};

}  // namespace ringrpc::test
