/// The record of a request for a signature, at level info:
///
///   127.0.0.1:40712 SignRSA RSA_PSS_SHA256 key 7c1e… digest SHA256:ab12…: OK
///   unix: (pid 4711, uid 1000, gid 1000) SignECC ECDSA_P256_SHA256 key 820a… digest -: INVALID_ARGUMENT
///
/// In parentheses behind the address stands whom the transport vouches for, where the address does not say
/// it: a process, or the name in a certificate. Where making the signature failed, the cause stands behind
/// the code, in parentheses, with what callers are not told: which limit was reached, say.
///
/// Where a key has been used, or is being used when the call goes, the digest of the data stands there,
/// whatever the status; of a request that brings a digest itself, that, as it was sent.
///
/// When many requests are refused, only some of each code are logged (base/log_quota.h): a flood of them
/// would fill the log's queue, and what finds that full is lost, the records of signatures too.
///
/// It is written when this is destroyed, so that a cancelled call leaves one too, or by `written`, for who
/// gives no signature away without its record. It has no data, no signature and nothing of a private key; what
/// was not found out before the request was refused has a dash.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "ringrpc/call.h"
#include "ringrpc/clock.h"
#include "ringrpc/status.h"
#include "ringrpc/task.h"

#include "base/log_receipt.h"
#include "grpcd/services/signing_use.h"
#include "signer/signer.h"

namespace ringrpc {

class SigningAudit {
 public:
  /// The call must outlive it, as it does what is in its handler's frame.
  SigningAudit(const Call& call, std::string_view method);
  SigningAudit(const SigningAudit&) = delete;
  SigningAudit& operator=(const SigningAudit&) = delete;
  ~SigningAudit();

  /// Whether anything will be written.
  bool wanted() const noexcept { return wanted_; }
  /// OK where a record would be written, as far as is known now; else UNAVAILABLE with what stands in the way.
  Status possible() const;
  // What the request asks for, each as soon as it is known.
  void uses(Algorithm algorithm) noexcept;
  void uses(const Signer& signer);
  /// Of the key, for who signs.
  const std::shared_ptr<SigningUse>& use() const noexcept { return use_; }
  /// Where this is never called, that of the call's failure: its deadline, its caller, or its connection.
  void ended(Code code) noexcept { code_ = code; }
  /// The same, with what stood in the way.
  void failed(Code code, const Status& cause);

  /// Writes the record of a signature that was made, with OK, and ends when it has been written. UNAVAILABLE
  /// when it could not be, or was not within its time: the signature must not be given away then, which a second
  /// record says. Call it once and last, and only where the record is wanted.
  Task<Status> written(Nanoseconds patience);

 private:
  void submit(std::string_view digest, Code code, std::string_view left_out = {},
              const std::shared_ptr<log::Receipt>& receipt = nullptr) const noexcept;
  void submit_refusal(std::string_view digest) const noexcept;

  const Call& call_;
  bool wanted_;
  std::string peer_;  // and who that is
  std::string_view method_;
  std::string_view algorithm_ = "-";
  std::string key_id_ = "-";
  std::shared_ptr<SigningUse> use_ = std::make_shared<SigningUse>();
  std::optional<Code> code_;
  std::string cause_;  // in parentheses, after a space
  bool submitted_ = false;
};

}  // namespace ringrpc
