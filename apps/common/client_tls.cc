#include "common/client_tls.h"

#include <string_view>
#include <utility>

#include "common/exit_code.h"

namespace ringrpc::apps {

void add_client_tls(CommandLine& line, ClientTlsValues& values) {
  const std::string group = "TLS; each of these asks for it, and so does tls+ before ADDR";
  const auto add = [&](std::string name, std::string help, std::string& target) {
    line.add(path({.name = std::move(name), .group = group, .placeholder = "FILE", .help = std::move(help)},
                  target));
  };
  line.add(toggle({.name = "tls",
                   .group = group,
                   .help = "Speaks TLS, and believes the authorities that this system does"},
                  values.wanted));
  add("tls-ca", "PEM file of the authorities to believe instead", values.authorities);
  add("tls-cert", "PEM file of the certificate to show to a server that asks for one", values.certificate);
  add("tls-key", "PEM file of its private key, not encrypted", values.key);
  Setting server_name{.name = "tls-server-name",
                      .group = group,
                      .placeholder = "NAME",
                      .help = "The name that the server's certificate must have",
                      .fallback = "the host of ADDR"};
  server_name.assign = [&values](const std::vector<std::string>& texts) -> Status {
    if (texts.back().empty()) return fail(Code::INVALID_ARGUMENT, "the name is empty; write a host's");
    values.server_name = texts.back();
    return Status();
  };
  server_name.show = [shown = server_name.fallback] { return shown; };
  line.add(std::move(server_name));
}

Result<std::shared_ptr<const ClientTls>> load_client_tls(const ClientTlsValues& values,
                                                         const Origins& origins) {
  const auto pem = [&origins](const std::string& path, std::string_view setting) {
    return path.empty() ? Pem() : Pem::file(path, origins.of(setting));
  };
  const bool wanted = values.wanted || !values.authorities.empty() || !values.certificate.empty() ||
                      !values.key.empty() || !values.server_name.empty();
  if (!wanted) return nullptr;
  if (values.certificate.empty() != values.key.empty())
    return fail(Code::INVALID_ARGUMENT, "--tls-cert and --tls-key go together; give both");
  auto tls = ClientTls::load({.authorities = pem(values.authorities, "tls-ca"),
                              .certificate = pem(values.certificate, "tls-cert"),
                              .private_key = pem(values.key, "tls-key"),
                              .server_name = values.server_name});
  if (!tls) return std::unexpected(at_run_time(std::move(tls).error()));
  return tls;
}

}  // namespace ringrpc::apps
