/// The log record of a signing request, at level info:
///
///   127.0.0.1:40712 SignRSA RSA_PSS_SHA256 key 7c1e… digest SHA256:ab12…: OK
///   unix: (pid 4711, uid 1000, gid 1000) SignECC ECDSA_P256_SHA256 key 820a… digest -: INVALID_ARGUMENT
///
/// The parentheses after the address contain the identity that the transport guarantees, unless the address
/// has it already: a process, or the name in a certificate. When signing failed, the parentheses after the
/// code contain the cause, such as the limit that was reached. Clients do not get it.
///
/// The record has the digest of the data if a key was used, or was in use when the call ended, whatever the
/// status. If the request itself contains a digest, the record has that one.
///
/// Of requests that used no key, only a limited number per code is logged (base/log_quota.h): a flood of them
/// would fill the log's queue and cause records of signatures to be lost.
///
/// The destructor writes the record, so that a cancelled call has one too; `written` writes it earlier, for
/// services that must not send a signature without its record. The record never contains the data, the
/// signature or any part of a private key. A dash stands for a value that was not known yet.
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
  /// `call` must outlive it; a local variable of the handler satisfies this.
  SigningAudit(const Call& call, std::string_view method);
  SigningAudit(const SigningAudit&) = delete;
  SigningAudit& operator=(const SigningAudit&) = delete;
  ~SigningAudit();

  /// True if the log level shows the record.
  bool wanted() const noexcept { return wanted_; }
  /// OK if the log can be written at the moment, as far as is known; else UNAVAILABLE with the cause.
  Status possible() const;
  // The selections of the request; call each as soon as its argument is known.
  void uses(Algorithm algorithm) noexcept;
  void uses(const Signer& signer);
  /// For the thread that signs.
  const std::shared_ptr<SigningUse>& use() const noexcept { return use_; }
  /// Sets the code of the record. Without this call the record has the code of the call's failure: passed
  /// deadline, cancellation or lost connection.
  void ended(Code code) noexcept { code_ = code; }
  /// The same, with the cause.
  void failed(Code code, const Status& cause);

  /// Writes the record of a finished signature, with OK, and waits until it has been written. UNAVAILABLE
  /// when writing failed or took longer than `timeout`: the signature must then be discarded, and a second
  /// record says so. Call it once, last, and only if the record is wanted.
  Task<Status> written(Nanoseconds timeout);

 private:
  void submit(std::string_view digest, Code code, std::string_view left_out = {},
              const std::shared_ptr<log::Receipt>& receipt = nullptr) const noexcept;
  void submit_refusal(std::string_view digest) const noexcept;

  const Call& call_;
  bool wanted_;
  std::string peer_;  // address and identity
  std::string_view method_;
  std::string_view algorithm_ = "-";
  std::string key_id_ = "-";
  std::shared_ptr<SigningUse> use_ = std::make_shared<SigningUse>();
  std::optional<Code> code_;
  std::string cause_;  // " (cause)", or empty
  bool submitted_ = false;
};

}  // namespace ringrpc
