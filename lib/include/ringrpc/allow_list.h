/// Restricts methods to listed peers, by the identity that the transport has verified
/// (ringrpc/peer_identity.h).
///
///   AllowList allowed;
///   Status status = allowed.add("/echo.v1.EchoService/*", "spiffe://example.org/billing");
///   if (status.ok()) status = allowed.add("/grpc.health.v1.Health/*", "*");
///   if (!status.ok()) return report(status);
///   options.interceptors = {&allowed};
///
/// A peer that is not listed gets PERMISSION_DENIED. A method without a list refuses all peers. Only
/// the most specific list of a method counts: that of the method, else that of its service, else that of
/// "*". At level debug the log has the identities of each refused peer, in the form that `add` takes.
#pragma once

#include "ringrpc/compiler.h"

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "ringrpc/export.h"
#include "ringrpc/interceptor.h"
#include "ringrpc/peer_identity.h"

namespace ringrpc {

/// An interceptor that lets only listed peers call a method. One thread sets it up before a server starts
/// with it; then all shards use it at once.
class RINGRPC_EXPORT AllowList final : public Interceptor {
 public:
  /// Lets `who` call `methods`. Throws std::logic_error once a server with this list has started. `methods`
  /// is "/package.Service/Method", "/package.Service/*" or "*". `who` is one of
  ///   spiffe://domain/path     that SPIFFE id; if it ends in "/*", all below spiffe://domain/path
  ///   dns:name, uri:uri, email:address
  ///                            a certificate with exactly that alternative name
  ///   subject:CN=alice,O=x     a certificate of exactly that subject (RFC 4514)
  ///   uid:1000                 a process of that user, over a unix socket
  ///   cid:3                    the virtual machine of that CID, over vsock; 2 is the host, 1 this machine
  ///   *                        every peer, also one without an identity
  /// INVALID_ARGUMENT quotes an argument that has none of these forms.
  Status add(std::string_view methods, std::string_view who);

  Task<Status> intercept(Call& call, Next next) override;
  Status on_start() override;

  /// True if `peer` may call `method` ("/package.Service/Method"). From any thread.
  bool allows(std::string_view method, const PeerIdentity& peer) const;

 private:
  enum class Kind : std::uint8_t { anybody, spiffe, spiffe_below, dns, uri, email, subject, uid, cid };
  struct Rule {
    Kind kind;
    std::string value;
  };
  using Rules = std::vector<Rule>;

  const Rules* closest(std::string_view method) const;
  static bool matches(const Rule& rule, const PeerIdentity& peer);

  std::map<std::string, Rules, std::less<>> lists_;  // by "/p.S/M", "/p.S/" for a service, "" for all
  std::atomic<bool> started_ = false;
};

}  // namespace ringrpc
