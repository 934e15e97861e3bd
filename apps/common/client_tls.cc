#include "common/client_tls.h"

#include <string_view>
#include <utility>

#include "common/exit_code.h"
#include "common/settings.h"

namespace ringrpc::apps {

void add_client_tls(CommandLine& line, ClientTlsValues& values) {
  const std::string group = "TLS; any of these flags turns it on, as does tls+ before ADDR";
  const auto add = [&](std::string name, std::string help, std::string& target) {
    line.add(path({.name = std::move(name), .group = group, .placeholder = "FILE", .help = std::move(help)},
                  target));
  };
  line.add(toggle({.name = "tls",
                   .group = group,
                   .help = "Connects with TLS and trusts the system's certificate authorities"},
                  values.wanted));
  add("tls-ca", "PEM file of the certificate authorities to trust instead", values.authorities);
  add("tls-cert", "PEM file of the client certificate, for servers that ask for one", values.certificate);
  add("tls-key", "PEM file of the client certificate's private key, not encrypted", values.key);
  Setting server_name{.name = "tls-server-name",
                      .group = group,
                      .placeholder = "NAME",
                      .help = "Host name that the server's certificate must be for",
                      .fallback = "the host of ADDR"};
  server_name.assign = [&values](const std::vector<std::string>& texts) -> Status {
    if (texts.back().empty()) return fail(Code::INVALID_ARGUMENT, "the name is empty; give a host name");
    values.server_name = texts.back();
    return Status();
  };
  server_name.show = [shown = server_name.fallback] { return shown; };
  line.add(std::move(server_name));
  line.add(allow_tls_key_log(group, values.allow_key_log));
}

Result<std::shared_ptr<const ClientTls>> load_client_tls(const ClientTlsValues& values,
                                                         const Origins& origins) {
  const auto pem = [&origins](const std::string& path, std::string_view setting) {
    return path.empty() ? Pem() : Pem::file(path, origins.of(setting));
  };
  const bool wanted = values.wanted || !values.authorities.empty() || !values.certificate.empty() ||
                      !values.key.empty() || !values.server_name.empty() || values.allow_key_log;
  if (!wanted) return nullptr;
  if (Status status = check_certificate_pair(values.certificate, values.key, origins); !status.ok())
    return std::unexpected(std::move(status));
  auto tls = ClientTls::load({.authorities = pem(values.authorities, "tls-ca"),
                              .certificate = pem(values.certificate, "tls-cert"),
                              .private_key = pem(values.key, "tls-key"),
                              .server_name = values.server_name,
                              .key_log = tls_key_log(values.allow_key_log)});
  if (!tls) return std::unexpected(at_run_time(std::move(tls).error()));
  return tls;
}

}  // namespace ringrpc::apps
