#include "grpcd/certificates.h"

#include <string_view>
#include <utility>

#include "ringrpc/log.h"

#include "common/exit_code.h"
#include "common/settings.h"

namespace ringrpc::grpcd {
namespace {

/// An error when settings are given that need others.
Status check_complete(const TlsValues& values, const apps::Origins& origins) {
  if (Status status = apps::check_certificate_pair(values.certificate, values.key, origins); !status.ok())
    return status;
  if (!values.certificate.empty()) return Status();
  const auto alone = [&](std::string_view given) {
    return fail(Code::INVALID_ARGUMENT, origins.of(given) + ": TLS needs a certificate; give " +
                                            origins.name_beside(given, "tls-cert") + " and " +
                                            origins.name_beside(given, "tls-key") + " too");
  };
  if (!values.client_authorities.empty()) return alone("tls-client-ca").error();
  if (origins.given("tls-min-version")) return alone("tls-min-version").error();
  if (values.allow_key_log) return alone("allow-tls-key-log").error();
  return Status();
}

}  // namespace

Result<std::unique_ptr<Certificates>> Certificates::load(const TlsValues& values,
                                                         const apps::Origins& origins,
                                                         std::chrono::milliseconds interval) {
  if (Status status = check_complete(values, origins); !status.ok())
    return std::unexpected(std::move(status));
  if (values.certificate.empty()) return nullptr;
  const auto pem = [&origins](const std::string& path, std::string_view setting) {
    return path.empty() ? Pem() : Pem::file(path, origins.of(setting));
  };
  auto tls = ServerTls::load({.certificate = pem(values.certificate, "tls-cert"),
                              .private_key = pem(values.key, "tls-key"),
                              .client_authorities = pem(values.client_authorities, "tls-client-ca"),
                              .version_min = values.version_min,
                              .key_log = apps::tls_key_log(values.allow_key_log)});
  if (!tls) return std::unexpected(apps::at_run_time(std::move(tls).error()));
  return std::unique_ptr<Certificates>(new Certificates(std::move(*tls), interval));
}

Certificates::Certificates(std::shared_ptr<ServerTls> tls, std::chrono::milliseconds interval)
    : tls_(std::move(tls)),
      watch_([this] { return tls_->files_changed(); }, [this] { reload(); }, interval) {}

void Certificates::reload() const {
  if (const Status status = tls_->reload(); status.ok()) {
    log::info("changed files: reloaded the certificates; new connections use them");
  } else {
    log::error("changed files: {}; the old certificates stay in use", status.message());
  }
}

}  // namespace ringrpc::grpcd
