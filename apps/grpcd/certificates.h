/// The certificates that grpcd serves with. They are reloaded on request and when a file changes.
///
///   auto certificates = Certificates::load(values.tls);
///   options.tls = (*certificates)->tls();
///   Result<Reload> read = (*certificates)->read_again();
///
/// When a changed file cannot be loaded, the error is logged and the old certificates stay in use.
#pragma once

#include <chrono>
#include <memory>

#include "ringrpc/tls.h"

#include "grpcd/configuration.h"
#include "grpcd/file_watch.h"
#include "transport/tls_reload.h"

namespace ringrpc::grpcd {

class Certificates {
 public:
  /// Null when `values` names no file. An error names the setting that is missing (INVALID_ARGUMENT), or the
  /// file, the setting that named it, and what is wrong.
  static Result<std::unique_ptr<Certificates>> load(
      const TlsValues& values, const apps::Origins& origins = {},
      std::chrono::milliseconds interval = std::chrono::seconds(1));

  const std::shared_ptr<ServerTls>& tls() const noexcept { return tls_; }

  /// Reads the files again. From any thread.
  Result<Reload> read_again() const { return ringrpc::read_again(*tls_); }

 private:
  void reload() const;

  Certificates(std::shared_ptr<ServerTls> tls, std::chrono::milliseconds interval);

  std::shared_ptr<ServerTls> tls_;
  FileWatch watch_;
};

}  // namespace ringrpc::grpcd
