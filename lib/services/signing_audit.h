/// The record of a request for a signature, at level info:
///
///   127.0.0.1:40712 SignRSA RSA_PSS_SHA256 key 7c1e… digest SHA256:ab12…: OK
///   unix: (pid 4711, uid 1000, gid 1000) SignECC ECDSA_P256_SHA256 key 820a… digest -: INVALID_ARGUMENT
///
/// In parentheses behind the address stands whom the transport vouches for, where the address does not say
/// it: a process, or the name in a certificate. Where making the signature failed, the cause stands behind
/// the code, in parentheses, with what callers are not told: which limit was reached, say.
///
/// When many requests are refused, only some of each code are logged (base/log_quota.h): a flood of them
/// would fill the log's queue, and what finds that full is lost, the records of signatures too.
///
/// It is written when this is destroyed, so that a cancelled call leaves one too. It has no data, no
/// signature and nothing of a private key; what was not found out before the request was refused has a dash.
#pragma once

#include <string>
#include <string_view>

#include "ringrpc/call.h"
#include "ringrpc/status.h"

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
  // What the request asks for, each as soon as it is known.
  void uses(Algorithm algorithm) noexcept;
  void uses(const Signer& signer);
  void signed_digest(std::string digest) noexcept { digest_ = std::move(digest); }
  /// CANCELLED where this is never called.
  void ended(Code code) noexcept { code_ = code; }
  /// The same, with what stood in the way.
  void failed(Code code, const Status& cause);

 private:
  const Call& call_;
  bool wanted_;
  std::string peer_;  // and who that is
  std::string_view method_;
  std::string_view algorithm_ = "-";
  std::string key_id_ = "-";
  std::string digest_ = "-";
  Code code_ = Code::CANCELLED;
  std::string cause_;  // in parentheses, after a space
};

}  // namespace ringrpc
