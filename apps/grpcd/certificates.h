/// The certificates that grpcd serves with. They are reloaded on request and when a file changes.
///
///   auto certificates = Certificates::load(values.tls);
///   options.tls = (*certificates)->tls();
///   (*certificates)->reload("SIGHUP");
///
/// When reloading fails, the error is logged and the old certificates stay in use.
#pragma once

#include <chrono>
#include <memory>
#include <string_view>

#include "ringrpc/tls.h"

#include "grpcd/configuration.h"
#include "grpcd/file_watch.h"

namespace ringrpc::grpcd {

class Certificates {
 public:
  /// Null when `values` names no file. An error names the setting that is missing (INVALID_ARGUMENT), or the
  /// file, the setting that named it, and what is wrong.
  static Result<std::unique_ptr<Certificates>> load(
      const TlsValues& values, const apps::Origins& origins = {},
      std::chrono::milliseconds interval = std::chrono::seconds(1));

  const std::shared_ptr<ServerTls>& tls() const noexcept { return tls_; }

  /// Reloads the files and logs the result, preceded by `occasion`. From any thread.
  void reload(std::string_view occasion) const;

 private:
  Certificates(std::shared_ptr<ServerTls> tls, std::chrono::milliseconds interval);

  std::shared_ptr<ServerTls> tls_;
  FileWatch watch_;
};

}  // namespace ringrpc::grpcd
