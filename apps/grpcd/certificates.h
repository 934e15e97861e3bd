/// The certificates that grpcd serves with, kept up to date: read again when asked, and when a file has
/// changed.
///
///   auto certificates = Certificates::load(values.tls);
///   options.tls = (*certificates)->tls();
///   (*certificates)->reload("SIGHUP");
///
/// A thread looks at the files every second; when one has changed it gives the others another second to
/// follow, for a certificate and its key are rarely replaced at the same moment. What is refused is logged,
/// and the old ones stay.
#pragma once

#include <chrono>
#include <memory>
#include <string_view>
#include <thread>

#include "ringrpc/tls.h"

#include "grpcd/configuration.h"

namespace ringrpc::grpcd {

class Certificates {
 public:
  /// Null where `values` names no file. A failure names the flag that is missing (INVALID_ARGUMENT), or the
  /// file, where its name came from, and its fault.
  static Result<std::unique_ptr<Certificates>> load(
      const TlsValues& values, const apps::Origins& origins = {},
      std::chrono::milliseconds interval = std::chrono::seconds(1));

  const std::shared_ptr<ServerTls>& tls() const noexcept { return tls_; }

  /// Reads them again and logs what came of it, after `occasion`. From any thread.
  void reload(std::string_view occasion) const;

 private:
  Certificates(std::shared_ptr<ServerTls> tls, std::chrono::milliseconds interval);
  void watch(const std::stop_token& stop, std::chrono::milliseconds interval) const;

  std::shared_ptr<ServerTls> tls_;
  std::jthread watcher_;
};

}  // namespace ringrpc::grpcd
