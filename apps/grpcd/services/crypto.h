/// crypto.v1.CryptoService: signs clients' data with keys that never leave the process.
///
///   KeyRegistry keys = *make_keys(default_key_sources(), {});
///   auto workers = *WorkerPool::start({.threads = 4, .queue_limit = 256});
///   CryptoService crypto(keys, *workers);
///   Server::start({&crypto}, options);
///
/// Workers sign with RSA and P-384, sign large messages, and verify. The shard signs with P-256 and Ed25519,
/// a few signatures per turn. Each request is logged (see signing_audit.h).
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>

#include "ringrpc/metrics.h"
#include "ringrpc/worker_pool.h"

#include "crypto/v1/crypto.ringrpc.h"
#include "grpcd/services/signature_counts.h"
#include "grpcd/services/signing_backlog.h"
#include "grpcd/services/signing_choice.h"

namespace ringrpc {

struct CryptoOptions {
  bool verify_signatures = false;  ///< verify each signature before it is sent; INTERNAL when it is wrong
  /// Data of all requests that wait for a worker or are being processed by one; RESOURCE_EXHAUSTED beyond.
  std::size_t backlog_bytes_max = 64 * 1024 * 1024;
  /// Send a signature only after its record has been written to the log, which adds a millisecond or two;
  /// UNAVAILABLE when that fails. While records cannot be written, or the log level
  /// hides them, no key is used.
  bool audit_required = false;
  /// The timeout of the wait for that record; a log whose reader has stopped never writes it.
  std::chrono::milliseconds audit_timeout{2000};
};

class CryptoService final : public crypto::v1::CryptoService::Service, public MetricsSource {
 public:
  /// `keys` and `workers` must outlive the calls, and `keys` the service; all of its
  /// keys must have been added.
  CryptoService(const KeyRegistry& keys, WorkerPool& workers, const CryptoOptions& options = {})
      : keys_(keys),
        workers_(workers),
        options_(options),
        backlog_(std::make_shared<SigningBacklog>(options.backlog_bytes_max)),
        signatures_(keys) {}

  Task<Result<crypto::v1::SignResponse>> SignRSA(Call& call, crypto::v1::SignRequest request) override;
  Task<Result<crypto::v1::SignResponse>> SignECC(Call& call, crypto::v1::SignRequest request) override;
  Task<Result<crypto::v1::SignResponse>> Sign(Call& call, crypto::v1::SignRequest request) override;
  Task<Result<crypto::v1::PublicKeyResponse>> GetPublicKey(Call& call,
                                                           crypto::v1::PublicKeyRequest request) override;

  void write_metrics(MetricsWriter& writer) override;

 private:
  Task<Result<crypto::v1::SignResponse>> sign(Call& call, const SigningMethod& method,
                                              crypto::v1::SignRequest request);

  const KeyRegistry& keys_;
  WorkerPool& workers_;
  CryptoOptions options_;
  std::shared_ptr<SigningBacklog> backlog_;
  SignatureCounts signatures_;
};

}  // namespace ringrpc
