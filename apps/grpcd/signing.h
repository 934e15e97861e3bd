/// What grpcd signs with: its keys, its workers, and the service on top of them.
///
///   Result<std::unique_ptr<Signing>> signing = Signing::start(configuration.values.signing);
///   Server::start({&(*signing)->service()}, options);
///   (*signing)->stop();      // once no call is left, and before the server's shards end
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
  std::vector<std::string> key_files;  ///< as KeySource::from_file takes them
  std::vector<std::string>
      generated;                    ///< as KeySource::generated takes them, or "none"; empty for the defaults
  std::string passphrase_file;      ///< empty for none
  std::uint32_t workers = 0;        ///< 0 for one a core
  std::uint32_t queue_limit = 256;  ///< signatures that may wait for a worker
  std::size_t queue_bytes_max = 64 * 1024 * 1024;  ///< of their data, and that of signatures being made
  bool verify = false;
  bool audit_required = false;  ///< no signature without its line in the log
};

class Signing {
 public:
  /// Loads or makes the keys, which takes a fraction of a second, and starts the workers. To be called
  /// before anything else uses OpenSSL. Failures name what is wrong and where it was asked for; those of
  /// INVALID_ARGUMENT are mistakes of usage.
  static Result<std::unique_ptr<Signing>> start(const SigningValues& values,
                                                const apps::Origins& origins = {});

  Service& service() noexcept { return *service_; }

  /// A line for each key, at level info: its id, its kind and what it is for; and how long all of them took.
  void log_keys() const;

  /// Ends the workers, after the signatures that they are making. Nothing may be signed after that.
  void stop() noexcept { workers_ = nullptr; }

 private:
  Signing() = default;

  KeyRegistry keys_;
  std::chrono::milliseconds keys_took_{};
  std::unique_ptr<WorkerPool> workers_;  // ends before the keys
  std::unique_ptr<CryptoService> service_;
};

}  // namespace ringrpc::grpcd
