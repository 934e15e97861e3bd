/// One signature, from the request's data to the bytes of the response. It runs on a worker, or on the shard
/// if it takes only some tens of microseconds.
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
    bool verify = false;  ///< verify the signature
    bool digest = false;  ///< pass the digest of the data to the use, for the audit
  };

  /// `expires` is the call's deadline on the steady clock. The choice's signer must outlive the job. The job
  /// keeps only the fields that it uses: unknown fields may have any size, and no limit counts them.
  SigningJob(const SigningChoice& choice, crypto::v1::SignRequest request, Wishes wishes, Instant expires,
             std::shared_ptr<SigningUse> use) noexcept;

  /// True if it is short enough to run on a shard.
  bool quick() const noexcept;

  /// The size of the request's data, which is most of what a job holds.
  std::size_t data_bytes() const noexcept { return data_.size(); }

  /// DEADLINE_EXCEEDED after the deadline, CANCELLED when the use is closed, INTERNAL when the cryptography
  /// fails or the signature is not valid. Call it once, from any thread.
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
