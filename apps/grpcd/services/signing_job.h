/// One signature, from the request's data to the octets of the answer: what is done on a worker, or on the
/// shard where that takes some tens of microseconds.
///
///   SigningJob job(choice, std::move(request), {.verify = true, .digest = true}, expires, use);
///   Result<std::string> signature = job.run();
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

#include "ringrpc/clock.h"

#include "grpcd/services/signing_choice.h"
#include "grpcd/services/signing_use.h"

namespace ringrpc {

class SigningJob {
 public:
  struct Wishes {
    bool verify = false;  ///< the signature, before it is given away
    bool digest = false;  ///< of the data, for the audit: told to the use
  };

  /// `expires`, on the monotonic clock, is when nobody will wait for it any more. The choice's signer must
  /// outlive it. Of the request it keeps what it uses: the rest, such as fields that nobody knows, is of any
  /// size, and nobody counts it.
  SigningJob(const SigningChoice& choice, crypto::v1::SignRequest request, Wishes wishes, Instant expires,
             std::shared_ptr<SigningUse> use) noexcept;

  /// Whether a shard may do it between other things.
  bool quick() const noexcept;

  /// Of the request: what a job holds is not much more.
  std::size_t data_bytes() const noexcept { return data_.size(); }

  /// DEADLINE_EXCEEDED when it has expired, CANCELLED when its use is closed, INTERNAL when the cryptography
  /// fails or the signature does not verify. From any thread, once.
  Result<std::string> run() const;

 private:
  Status begin_use(Bytes input) const;

  SigningChoice choice_;
  std::string data_;
  crypto::v1::MessageType message_type_;
  crypto::v1::SignatureEncoding encoding_;
  Wishes wishes_;
  Instant expires_;
  std::shared_ptr<SigningUse> use_;
};

}  // namespace ringrpc
