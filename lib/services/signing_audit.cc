#include "services/signing_audit.h"

#include <array>
#include <cstddef>
#include <string>

#include "ringrpc/log.h"

#include "base/escape.h"
#include "base/log_quota.h"

namespace ringrpc {
namespace {

/// Of a name from a certificate: what is longer would push the rest out of the record.
constexpr std::size_t named_bytes_max = 512;

/// Of each shard, by their codes: a wave of one kind must not hide a failure of another.
constinit thread_local std::array<LogQuota, static_cast<std::size_t>(Code::UNAUTHENTICATED) + 1>
    refusals_logged;

/// "127.0.0.1:40712", "unix: (pid 4711, uid 1000, gid 1000)".
std::string describe_peer(const Call& call) {
  PeerIdentity identity = call.peer_identity();
  identity.vsock_cid.reset();  // is in the address
  std::string who = call.peer();
  if (const std::string named = to_string(identity); !named.empty())
    who.append(" (").append(escape_controls(named, named_bytes_max)).append(")");
  return who;
}

/// Of a call whose handler did not come to its end.
Code code_of_end(const Call& call) {
  const Status failure = call.failure();
  return failure.ok() ? Code::CANCELLED : failure.code();
}

}  // namespace

SigningAudit::SigningAudit(const Call& call, std::string_view method)
    : call_(call), wanted_(log::enabled(log::Level::info)), method_(method) {
  if (wanted_) peer_ = describe_peer(call);
}

SigningAudit::~SigningAudit() {
  const std::optional<std::string> digest = use_->close();
  if (!wanted_) return;
  const Code code = code_ ? *code_ : code_of_end(call_);
  std::string left_out;
  if (!digest) {
    const auto taken = refusals_logged[static_cast<std::size_t>(code)].take(call_.now());
    if (!taken) return;
    left_out = taken->words();
  }
  log::info("{} {} {} key {} digest {}: {}{}{}", peer_, method_, algorithm_, key_id_, digest.value_or("-"),
            name(code), cause_, left_out);
}

void SigningAudit::uses(Algorithm algorithm) noexcept { algorithm_ = name(algorithm); }

void SigningAudit::uses(const Signer& signer) {
  if (wanted_) key_id_ = signer.public_key().id();
}

void SigningAudit::failed(Code code, const Status& cause) {
  ended(code);
  if (wanted_) cause_.append(" (").append(cause.message()).append(")");
}

}  // namespace ringrpc
