#include "telemetry/endpoint.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "transport/address.h"

namespace ringrpc::telemetry {
namespace {

constexpr std::string_view default_endpoint = "http://localhost:4317";
constexpr std::string_view default_port = ":4317";
constexpr std::string_view example = "; for example http://localhost:4317";

/// The more specific of the two variables that is set.
class SignalVariables {
 public:
  SignalVariables(const Variables& variables, const std::string& signal) noexcept
      : variables_(variables), signal_(signal) {}

  const Variables& all() const noexcept { return variables_; }

  /// The name of the variable that is set; that for all signals if none is.
  std::string name(const std::string& suffix) const {
    std::string specific = "OTEL_EXPORTER_OTLP_" + signal_ + "_" + suffix;
    return variables_.text(specific).empty() ? "OTEL_EXPORTER_OTLP_" + suffix : specific;
  }
  std::string text(const std::string& suffix) const { return variables_.text(name(suffix)); }

 private:
  const Variables& variables_;
  const std::string& signal_;
};

Status refuse(const std::string& variable, const std::string& why) {
  return Status(Code::INVALID_ARGUMENT, variable + ": " + why, Initiator::application);
}

bool has_port(std::string_view host) noexcept {
  const std::size_t colon = host.rfind(':');
  return colon != host.npos && host.find(']', colon) == host.npos;
}

/// The target of an http or https URL.
Result<std::string> target_of_url(const SignalVariables& variables, std::string_view url,
                                  std::string_view host) {
  const std::size_t end = host.find_first_of("/?#");
  const std::string_view path = end == host.npos ? std::string_view() : host.substr(end);
  host = host.substr(0, end);
  if (host.contains('@'))
    return std::unexpected(
        refuse(variables.name("ENDPOINT"), "credentials belong in OTEL_EXPORTER_OTLP_HEADERS"));
  if (!path.empty() && path != "/")
    variables.all().warn(variables.name("ENDPOINT"), "the path of " + std::string(url) +
                                                         " is ignored: OTLP over gRPC has a path of its own");
  return std::string(host).append(has_port(host) ? "" : default_port);
}

struct Endpoint {
  std::string target;
  bool tls;
};

Result<Endpoint> find_endpoint(const SignalVariables& variables) {
  std::string given = variables.text("ENDPOINT");
  if (given.empty()) given = default_endpoint;
  Endpoint endpoint;
  const auto url_after = [&](std::string_view scheme) -> Result<std::string> {
    return target_of_url(variables, given, std::string_view(given).substr(scheme.size()));
  };
  Result<std::string> target = given;
  if (given.starts_with("http://")) {
    endpoint.tls = false;
    target = url_after("http://");
  } else if (given.starts_with("https://")) {
    endpoint.tls = true;
    target = url_after("https://");
  } else {
    endpoint.tls = given.starts_with(tls_prefix) || !variables.all().flag(variables.name("INSECURE"));
  }
  if (!target) return std::unexpected(std::move(target).error());
  const Result<Address> address = Address::parse_target(*target);
  if (!address) {
    const bool other_url = target->contains("://");
    const std::string why = other_url ? "\"" + *target + "\": the scheme of a URL must be http or https"
                                      : std::string(address.error().message());
    return std::unexpected(refuse(variables.name("ENDPOINT"), why + std::string(example)));
  }
  endpoint.target = address->with_tls(endpoint.tls).to_string();
  return endpoint;
}

Status read_headers(const SignalVariables& variables, Metadata& headers) {
  const std::string name = variables.name("HEADERS");
  const Result<Pairs> pairs = parse_pairs(variables.all().text(name));
  if (!pairs) return refuse(name, std::string(pairs.error().message()));
  for (const auto& [key, value] : *pairs) {
    std::string lower = key;
    std::ranges::transform(lower, lower.begin(), [](char c) {
      return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    if (!headers.add(lower, value).ok())
      return refuse(name, "\"" + key + "\" or its value cannot be a header of gRPC");
  }
  return {};
}

Status read_tls(const SignalVariables& variables, OtlpOptions& options) {
  const auto file = [&](const std::string& suffix) {
    const std::string path = variables.text(suffix);
    return path.empty() ? Pem() : Pem::file(path, variables.name(suffix));
  };
  ClientTlsOptions tls;
  tls.authorities = file("CERTIFICATE");
  tls.certificate = file("CLIENT_CERTIFICATE");
  tls.private_key = file("CLIENT_KEY");
  if (tls.certificate.empty() != tls.private_key.empty())
    return refuse(variables.name(tls.certificate.empty() ? "CLIENT_KEY" : "CLIENT_CERTIFICATE"),
                  "a certificate and its key are needed together; set " +
                      variables.name(tls.certificate.empty() ? "CLIENT_CERTIFICATE" : "CLIENT_KEY") + " too");
  Result<std::shared_ptr<const ClientTls>> loaded = ClientTls::load(tls);
  if (!loaded) return std::move(loaded).error();
  options.tls = *std::move(loaded);
  return {};
}

void ignore_tls(const SignalVariables& variables) {
  for (const char* const suffix : {"CERTIFICATE", "CLIENT_CERTIFICATE", "CLIENT_KEY"})
    if (!variables.text(suffix).empty())
      variables.all().warn(variables.name(suffix),
                           "it is ignored, because the endpoint is plaintext; https:// uses TLS");
}

}  // namespace

Status read_endpoint(const Variables& all, const std::string& signal, OtlpOptions& options) {
  if (!options.enabled) return {};
  const SignalVariables variables(all, signal);
  if (const std::string protocol = variables.text("PROTOCOL"); !protocol.empty() && protocol != "grpc")
    return refuse(variables.name("PROTOCOL"),
                  "\"" + protocol + "\" is not supported; ringrpc exports by \"grpc\", usually to port 4317");
  Result<Endpoint> endpoint = find_endpoint(variables);
  if (!endpoint) return std::move(endpoint).error();
  options.target = std::move(endpoint->target);
  if (!endpoint->tls) {
    ignore_tls(variables);
  } else if (Status status = read_tls(variables, options); !status.ok()) {
    return status;
  }
  if (Status status = read_headers(variables, options.headers); !status.ok()) return status;
  all.read_time(variables.name("TIMEOUT"), options.timeout, Variables::Zero::no_limit);
  if (const auto compression = all.choice<Compression>(
          variables.name("COMPRESSION"), {{"none", Compression::identity}, {"gzip", Compression::gzip}}))
    options.compression = *compression;
  return {};
}

}  // namespace ringrpc::telemetry
