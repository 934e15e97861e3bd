#include "grpcd/services/signing_job.h"

#include <utility>

#include "signer/digest.h"
#include "signer/ecdsa_encoding.h"

namespace ringrpc {

namespace {

/// SHA-2 hashes this much in the time of a quick signature, even on a processor without SHA instructions.
constexpr std::size_t quick_bytes_max = 8 * 1024;

std::string describe(Hash hash, Bytes digest) { return std::string(name(hash)) + ":" + hex(digest); }

}  // namespace

SigningJob::SigningJob(const SigningChoice& choice, crypto::v1::SignRequest request, Wishes wishes,
                       Instant expires, std::shared_ptr<SigningUse> use) noexcept
    : choice_(choice),
      data_(std::move(*request.mutable_data())),
      message_type_(request.message_type()),
      encoding_(request.encoding()),
      wishes_(wishes),
      expires_(expires),
      use_(std::move(use)) {
  // When a field was sent twice, the second value has the capacity of the first. Spare capacity from doubling
  // is left alone.
  if (data_.capacity() / 2 > data_.size()) data_.shrink_to_fit();
}

bool SigningJob::quick() const noexcept {
  return choice_.signer->cost() == Cost::cheap && data_.size() <= quick_bytes_max && !wishes_.verify;
}

/// `input` is the digest, or the whole message for algorithms that sign that.
Status SigningJob::begin_use(Bytes input) const {
  std::string described;
  if (const Hash hash = hash_of(choice_.algorithm); wishes_.digest && hash != Hash::none) {
    described = describe(hash, input);
    if (message_type_ == crypto::v1::DIGEST) described += " (as sent)";
  } else if (wishes_.digest) {
    const Result<Digest> of_message = digest_of(Hash::sha256, input);
    if (!of_message) return of_message.error();
    described = describe(Hash::sha256, of_message->bytes());
  }
  if (use_->begin(std::move(described))) return {};
  return fail(Code::CANCELLED, "the call ended before its data was signed");
}

Result<std::string> SigningJob::run() const {
  if (std::chrono::steady_clock::now() >= expires_)
    return fail(Code::DEADLINE_EXCEEDED, "the deadline passed before the data was signed");

  const Algorithm algorithm = choice_.algorithm;
  const Hash hash = hash_of(algorithm);
  const Bytes data = as_bytes(data_);
  Bytes input = data;
  Digest digest;
  if (hash != Hash::none && message_type_ == crypto::v1::RAW) {
    Result<Digest> computed = digest_of(hash, data);
    if (!computed) return std::unexpected(std::move(computed).error());
    digest = *computed;
    input = digest.bytes();
  }
  if (Status status = begin_use(input); !status.ok()) return std::unexpected(std::move(status));
  Result<std::string> signature = choice_.signer->sign(algorithm, input);
  if (!signature) return signature;
  const PublicKey& key = choice_.signer->public_key();
  if (wishes_.verify && !key.verify(algorithm, input, as_bytes(*signature)).ok())
    return fail(Code::INTERNAL,
                "the new signature is not valid, possibly because of a hardware fault; it was discarded; try "
                "again");
  return encoding_ == crypto::v1::RAW_RS ? raw_from_der(key.kind(), *signature) : signature;
}

}  // namespace ringrpc
