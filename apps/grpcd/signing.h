/// grpcd's signing: the keys, the worker threads, and the service that uses them.
///
///   Result<std::unique_ptr<Signing>> signing = Signing::start(configuration.values.signing);
///   Server::start({&(*signing)->service()}, options);
///   (*signing)->stop();      // when no call is left, before the server's shards are destroyed
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "ringrpc/status.h"
#include "ringrpc/worker_pool.h"

#include "common/origins.h"
#include "grpcd/services/crypto.h"
#include "signer/key_registry.h"

namespace ringrpc::grpcd {

struct SigningValues {
  std::vector<std::string> key_files{};  ///< as KeySource::from_file takes them
  /// As KeySource::generated takes them, or "none"; empty for the defaults.
  std::vector<std::string> generated{};
  std::string passphrase_file{};                   ///< empty for none
  std::uint32_t workers = 0;                       ///< 0 for one per usable core
  std::uint32_t queue_limit = 256;                 ///< signatures that may wait for a worker
  std::size_t queue_bytes_max = 64 * 1024 * 1024;  ///< request data that waits or is being signed
  bool verify = false;
  bool audit_required = false;  ///< no signature leaves before its log line is written
};

class Signing {
 public:
  /// Loads or generates the keys, which takes a fraction of a second, and starts the workers. Call it before
  /// anything else uses OpenSSL. An error names the setting and what is wrong; INVALID_ARGUMENT is a usage
  /// error.
  static Result<std::unique_ptr<Signing>> start(const SigningValues& values,
                                                const apps::Origins& origins = {});

  Service& service() noexcept { return *service_; }
  /// The metrics of its signatures.
  MetricsSource& metrics() noexcept { return *service_; }

  /// Logs a line for each key at level info, with its id, kind and algorithms, and how long getting all of
  /// them took.
  void log_keys() const;

  /// Lets the workers finish their current signatures and ends them. Nothing may be signed after that.
  void stop() noexcept { workers_ = nullptr; }

 private:
  Signing() = default;

  KeyRegistry keys_;
  std::chrono::milliseconds keys_took_{};
  std::unique_ptr<WorkerPool> workers_;  // after the keys, so that it is destroyed before them
  std::unique_ptr<CryptoService> service_;
};

}  // namespace ringrpc::grpcd
