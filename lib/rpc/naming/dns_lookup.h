/// Asks name servers for the addresses of a host, on the shard (c-ares; no thread).
///
///   DnsLookup lookup(shard, {.host = "orders.example", .port = 443}, handler);      // on_looked_up follows
///
/// 1. Unless a server is given, the hosts file comes first (rpc/naming/hosts_file.h).
/// 2. The name, with each search domain of resolv.conf(5), of which the C library gives out six, is asked for A
///    and AAAA together. The first of these names that has an address is the result. Once one kind of addresses
///    has come, the other may take another 50 ms (RFC 8305, 3).
/// 3. If it is asked for, the service config of that name follows (gRFC A2), in the TXT record of
///    `_grpc_config.<name>`. It may take another second.
/// 4. A truncated response is asked for again over TCP; a server that does not respond is
///    replaced by the next one, until the timeout of the whole look-up.
///
/// Each look-up reads /etc/resolv.conf again and has sockets, and so ports, of its own. Belongs to its shard.
#pragma once

#include <ares.h>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ringrpc/status.h"

#include "reactor/shard.h"
#include "rpc/naming/dns_message.h"
#include "transport/address.h"

namespace ringrpc {

class DnsLookup final : Ready, Timer {
 public:
  struct Question {
    std::string host;
    std::uint16_t port = 0;
    std::optional<Address> server{};  ///< none for those of the system
    bool service_config = false;      ///< asks for that too
    /// For the addresses, whatever the number of names and servers that are asked.
    Nanoseconds timeout = std::chrono::seconds(20);
  };
  class Handler {
   public:
    /// Addresses, at least one, or UNAVAILABLE with the host and the reason. Called once, from the ready
    /// list. May destroy the look-up.
    virtual void on_looked_up(Result<DnsAddresses> found) = 0;

   protected:
    ~Handler() = default;
  };

  /// Throws std::bad_alloc.
  DnsLookup(Shard& shard, Question question, Handler& handler);
  DnsLookup(const DnsLookup&) = delete;
  DnsLookup& operator=(const DnsLookup&) = delete;
  /// Cancels the look-up.
  ~DnsLookup() override;

  /// The list of service configs that the name has, as JSON; empty if it has none or was not asked for.
  /// UNAVAILABLE if that is not known. Once the addresses have been found.
  const Result<std::string>& service_configs() const noexcept { return configs_; }

 private:
  class Socket;
  /// One of the two queries for a name.
  struct Query {
    DnsLookup* lookup;
    bool answered = false;
  };
  /// Of the query for the service config.
  enum class ConfigQuery : std::uint8_t { not_wanted, wanted, asked, answered };

  void run() override;
  void on_time() override;

  int begin();
  void name_candidates(int ndots, const char* const* domains);
  void ask_next();
  void ask_config();
  void process(int descriptor, short events);
  void await_more();
  void on_socket_state(int descriptor, bool readable, bool writable) noexcept;
  void on_answer(Query& query, int status, Bytes message) noexcept;
  void on_config(int status, Bytes message) noexcept;
  void settle();
  void finish(int status) noexcept;
  void end_channel() noexcept;
  Status no_config(std::string_view why) const;
  Result<DnsAddresses> outcome();

  Shard& shard_;
  const Question question_;
  Handler& handler_;
  ares_channel channel_ = nullptr;  // null once it has ended
  std::map<int, std::unique_ptr<Socket>> sockets_;
  std::vector<std::string> candidates_;
  std::size_t asked_ = 0;  // of the candidates
  Query four_{this};
  Query six_{this};
  Instant due_;             // when the look-up without an address fails
  Instant enough_ = never;  // when the addresses of one kind are enough
  ConfigQuery config_;
  Instant config_due_ = never;  // when it is waited for no longer
  Result<std::string> configs_;
  DnsAddresses found_;
  int worst_ = ARES_SUCCESS;  // the least conclusive status of this candidate's queries
  bool finished_ = false;
  int status_ = ARES_SUCCESS;
};

}  // namespace ringrpc
