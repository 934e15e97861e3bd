/// crypto.v1.CryptoService: signs what callers send, with keys that stay here.
///
///   KeyRegistry keys = *make_keys(default_key_sources(), {});
///   auto workers = *WorkerPool::start({.threads = 4, .queue_limit = 256});
///   CryptoService crypto(keys, *workers);
///   Server::start({&crypto}, options);
///
/// RSA and P-384, large messages, and everything when it is verified go to the workers; P-256 and Ed25519
/// are signed on the shard, a few in each turn. Each request leaves a line in the log (see signing_audit.h).
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>

#include "ringrpc/worker_pool.h"

#include "crypto/v1/crypto.ringrpc.h"
#include "grpcd/services/signing_backlog.h"
#include "grpcd/services/signing_choice.h"

namespace ringrpc {

struct CryptoOptions {
  bool verify_signatures = false;  ///< each, before it is sent; a fault of the computation becomes INTERNAL
  /// Of all requests that wait for a worker or have one, their data; RESOURCE_EXHAUSTED beyond.
  std::size_t backlog_bytes_max = 64 * 1024 * 1024;
  /// Gives no signature away before its record has been written to the log, which takes it a millisecond or
  /// two; UNAVAILABLE where it cannot be. While records cannot be written, or not at the present log level, no
  /// key is used.
  bool audit_required = false;
  std::chrono::milliseconds audit_patience{
      2000};  ///< for its record, which a log that stands still never has
};

class CryptoService final : public crypto::v1::CryptoService::Service {
 public:
  /// Keys and workers must outlive the calls.
  CryptoService(const KeyRegistry& keys, WorkerPool& workers, const CryptoOptions& options = {})
      : keys_(keys),
        workers_(workers),
        options_(options),
        backlog_(std::make_shared<SigningBacklog>(options.backlog_bytes_max)) {}

  Task<Result<crypto::v1::SignResponse>> SignRSA(Call& call, crypto::v1::SignRequest request) override;
  Task<Result<crypto::v1::SignResponse>> SignECC(Call& call, crypto::v1::SignRequest request) override;
  Task<Result<crypto::v1::SignResponse>> Sign(Call& call, crypto::v1::SignRequest request) override;
  Task<Result<crypto::v1::PublicKeyResponse>> GetPublicKey(Call& call,
                                                           crypto::v1::PublicKeyRequest request) override;

 private:
  Task<Result<crypto::v1::SignResponse>> sign(Call& call, const SigningMethod& method,
                                              crypto::v1::SignRequest request);

  const KeyRegistry& keys_;
  WorkerPool& workers_;
  CryptoOptions options_;
  std::shared_ptr<SigningBacklog> backlog_;
};

}  // namespace ringrpc
