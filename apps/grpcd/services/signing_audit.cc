#include "grpcd/services/signing_audit.h"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>

#include "ringrpc/event_count.h"
#include "ringrpc/log.h"

#include "base/escape.h"
#include "base/log_quota.h"

namespace ringrpc {
namespace {

/// Limit for a name from a certificate: a longer one would push the rest out of the record.
constexpr std::size_t named_bytes_max = 512;

/// One quota per shard and code, so that a flood of one code does not hide failures with another.
constinit thread_local std::array<LogQuota, static_cast<std::size_t>(Code::UNAUTHENTICATED) + 1>
    refusals_logged;

/// "127.0.0.1:40712", "unix: (pid 4711, uid 1000, gid 1000)".
std::string describe_peer(const Call& call) {
  PeerIdentity identity = call.peer_identity();
  identity.vsock_cid.reset();  // the address has it already
  std::string who = call.peer();
  if (const std::string named = to_string(identity); !named.empty())
    who.append(" (").append(escape_controls(named, named_bytes_max)).append(")");
  return who;
}

/// The code of a call whose handler was destroyed before it finished.
Code code_of_end(const Call& call) {
  const Status failure = call.failure();
  return failure.ok() ? Code::CANCELLED : failure.code();
}

class AwaitedReceipt final : public log::Receipt {
 public:
  enum class Outcome : std::uint8_t { unknown, written, lost };

  void tell(bool written) noexcept override {
    outcome = written ? Outcome::written : Outcome::lost;
    try {
      reported.notify();
    } catch (...) {
      // Out of memory: the waiting call then ends by its timeout.
    }
  }

  std::atomic<Outcome> outcome = Outcome::unknown;
  EventCount reported;
};

}  // namespace

SigningAudit::SigningAudit(const Call& call, std::string_view method)
    : call_(call), wanted_(log::enabled(log::Level::info)), method_(method) {
  if (wanted_) peer_ = describe_peer(call);
}

SigningAudit::~SigningAudit() {
  if (submitted_) return;
  const std::optional<std::string> digest = use_->close();
  if (!wanted_) return;
  if (!code_) code_ = code_of_end(call_);
  if (digest)
    submit(*digest, *code_);
  else
    submit_refusal("-");
}

/// Writes the record of a request that used no key, within the quota.
void SigningAudit::submit_refusal(std::string_view digest) const noexcept try {
  const auto taken = refusals_logged[static_cast<std::size_t>(*code_)].take(call_.now());
  if (taken) submit(digest, *code_, taken->words());
} catch (const std::bad_alloc&) {
  // Out of memory: this record is lost.
}

void SigningAudit::submit(std::string_view digest, Code code, std::string_view left_out,
                          const std::shared_ptr<log::Receipt>& receipt) const noexcept {
  log::write(log::Level::info, receipt, "{} {} {} key {} digest {}: {}{}{}", log::Field("peer", peer_),
             log::Field("method", method_), log::Field("algorithm", algorithm_), log::Field("key", key_id_),
             log::Field("digest", digest), log::Field("status", name(code)), cause_, left_out);
}

Status SigningAudit::possible() const {
  if (!wanted_) return fail(Code::UNAVAILABLE, "the log level hides records, which are at level info");
  return log::condition();
}

Task<Status> SigningAudit::written(Nanoseconds timeout) {
  const auto receipt = std::make_shared<AwaitedReceipt>();
  const std::string digest = use_->close().value_or("-");
  submit(digest, Code::OK, {}, receipt);
  submitted_ = true;
  co_await receipt->reported.past(0, timeout);
  const AwaitedReceipt::Outcome outcome = receipt->outcome;
  if (outcome == AwaitedReceipt::Outcome::written) co_return Status();
  const bool lost = outcome == AwaitedReceipt::Outcome::lost;
  const Status failure =
      fail(Code::UNAVAILABLE, lost ? "the record of the signature could not be written"
                                   : "the record of the signature was not written in time");
  failed(Code::UNAVAILABLE, failure);
  submit_refusal(digest);
  co_return failure;
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
