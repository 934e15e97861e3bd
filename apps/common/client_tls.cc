#include "common/client_tls.h"

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

Result<std::shared_ptr<const ClientTls>> load_client_tls(const ClientTlsValues& values) {
  const auto pem = [](const std::string& path) { return path.empty() ? Pem() : Pem::file(path); };
  const bool wanted = values.wanted || !values.authorities.empty() || !values.certificate.empty() ||
                      !values.key.empty() || !values.server_name.empty();
  if (!wanted) return nullptr;
  return ClientTls::load({.authorities = pem(values.authorities),
                          .certificate = pem(values.certificate),
                          .private_key = pem(values.key),
                          .server_name = values.server_name});
}

}  // namespace ringrpc::apps
