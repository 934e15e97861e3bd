#include "grpcd/configuration.h"

#include <utility>

#include "admin/host_names.h"
#include "common/settings.h"
#include "common/telemetry.h"
#include "grpcd/signing_settings.h"
#include "reactor/memory_limit.h"
#include "transport/address.h"

namespace ringrpc::grpcd {

using namespace std::chrono_literals;

namespace {

constexpr std::uint64_t message_bytes_max = 1ull << 30;
constexpr std::uint64_t buffered_bytes_max = 64ull << 30;
constexpr std::uint64_t total_buffered_bytes_max = 1024ull << 30;
constexpr std::uint64_t connections_max = 1'000'000;

/// Texts that `check` accepts.
apps::Setting checked_texts(apps::Setting words, std::vector<std::string>& target,
                            Status (*check)(std::string_view text)) {
  apps::Setting setting = apps::texts(std::move(words), target);
  setting.assign = [assign = std::move(setting.assign),
                    check](const std::vector<std::string>& texts) -> Status {
    for (const std::string& text : texts) {
      if (text.empty()) break;  // `assign` reports it
      if (Status status = check(text); !status.ok()) return status;
    }
    return assign(texts);
  };
  return setting;
}

/// Texts that are addresses to listen on.
apps::Setting addresses(apps::Setting words, std::vector<std::string>& target) {
  return checked_texts(std::move(words), target, [](std::string_view text) {
    Result<Address> address = Address::parse(text);
    return address ? Status() : std::move(address).error();
  });
}

void add_serving(apps::CommandLine& line, Values& values) {
  ServerOptions& server = values.server;
  const std::string group = "Serving";
  line.add(addresses(
      {.name = "listen",
       .environment = "SERVER_ADDR",
       .group = group,
       .placeholder = "ADDR",
       .help =
           "Address to listen on: host:port, [v6]:port, unix:/path, unix-abstract:name, vsock:CID:port or "
           "hvsock:///path:port. Port 0 lets the kernel choose. systemd takes the sockets that systemd "
           "passes, fd:3 a socket that listens already. The prefix tls+ serves an address with TLS. Repeat "
           "the flag to listen on several."},
      server.listen));
  line.add(addresses({.name = "admin",
                      .environment = "ADMIN_ADDR",
                      .group = group,
                      .placeholder = "ADDR",
                      .help = "Address of the admin pages: HTTP/1.1 and HTTP/2 with /status, /healthz, "
                              "/readyz, /metrics and the pages below /debug/; any other path lists them. "
                              "The pages show data about clients and have no access control, so "
                              "choose a loopback address or a unix socket. Repeat the flag to listen on "
                              "several.",
                      .fallback = "none"},
                     values.admin));
  line.add(checked_texts(
      {.name = "admin-host",
       .environment = "ADMIN_HOST",
       .group = group,
       .placeholder = "NAME",
       .help = "Host name of this server, without a port, for which admin pages are served. By TCP, they are "
               "also served for IP addresses, localhost and the host names of --admin, and for no others, so "
               "that no web site can read them through a browser. Repeat the flag for several.",
       .fallback = "none"},
      values.admin_hosts, admin::check_host_name));
  line.add(addresses(
      {.name = "channelz",
       .environment = "CHANNELZ_ADDR",
       .group = group,
       .placeholder = "ADDR",
       .help = "Address of the gRPC services grpc.channelz.v1 and reflection, on a thread of their own, in "
               "plaintext. They name all clients and have no access control, so choose a loopback address or "
               "a unix socket. Repeat the flag to listen on several.",
       .fallback = "none"},
      values.channelz));
  line.add(apps::number({.name = "shards",
                         .environment = "WORKER_THREADS",
                         .group = group,
                         .placeholder = "N",
                         .help = "Serving threads, at most 1024; 0 means one per usable core"},
                        server.shards, {0, 1024}));
  line.add(apps::io_backend(
      group, server.io,
      "Kernel interface: uring, epoll, or auto, which uses io_uring where it is available and epoll "
      "elsewhere"));
  line.add(apps::spin(
      group, server.spin,
      "How many microseconds, at most 1000, an idle thread polls before it sleeps, while requests keep "
      "arriving within that time. 0 never polls; nor do threads that outnumber the usable cores."));
}

void add_security(apps::CommandLine& line, Values& values) {
  const std::string group = "Security; certificates and keys are PEM files";
  line.add(
      apps::path({.name = "tls-cert",
                  .group = group,
                  .placeholder = "FILE",
                  .help = "The server's certificate, followed by the intermediate certificates. Serves every "
                          "address with TLS or, if some begin with tls+, only those."},
                 values.tls.certificate));
  line.add(apps::path({.name = "tls-key",
                       .group = group,
                       .placeholder = "FILE",
                       .help = "The certificate's private key, not encrypted"},
                      values.tls.key));
  line.add(
      apps::path({.name = "tls-client-ca",
                  .group = group,
                  .placeholder = "FILE",
                  .help = "Certificate authorities of clients: each client must present a certificate that "
                          "one of them has signed"},
                 values.tls.client_authorities));
  line.add(apps::choice<TlsVersion>({.name = "tls-min-version",
                                     .group = group,
                                     .placeholder = "VERSION",
                                     .help = "Oldest TLS version to accept: 1.2 or 1.3"},
                                    values.tls.version_min,
                                    {{"1.2", TlsVersion::tls_1_2}, {"1.3", TlsVersion::tls_1_3}}));
  line.add(apps::allow_tls_key_log(group, values.tls.allow_key_log));
  line.add(apps::path(
      {.name = "jwt-keys",
       .group = group,
       .placeholder = "FILE",
       .help = "Public keys of the issuer of JSON Web Tokens: a JSON Web Key Set, or PEM. Each call "
               "must bring a valid token; other calls get UNAUTHENTICATED. Needs jwt-issuer and "
               "jwt-audience. A changed file is read again."},
      values.jwt.keys));
  line.add(apps::text({.name = "jwt-issuer",
                       .group = group,
                       .placeholder = "TEXT",
                       .help = "Issuer that tokens must name in iss",
                       .fallback = "none"},
                      values.jwt.issuer));
  line.add(apps::text({.name = "jwt-audience",
                       .group = group,
                       .placeholder = "TEXT",
                       .help = "Name of this server, which tokens must have in aud",
                       .fallback = "none"},
                      values.jwt.audience));
  line.add(apps::texts({.name = "jwt-algorithm",
                        .group = group,
                        .placeholder = "NAME",
                        .help = "Algorithm that tokens may be signed with: RS256, RS384, RS512, PS256, "
                                "PS384, PS512, ES256, ES384 or EdDSA. Repeat the flag for several.",
                        .fallback = "all of them"},
                       values.jwt.algorithms));
  line.add(apps::duration({.name = "jwt-leeway",
                           .group = group,
                           .placeholder = "TIME",
                           .help = "Difference between the clocks of the issuer and of this machine that "
                                   "exp, nbf and iat are forgiven, in seconds or with s or m, at most 5m; "
                                   "0, or 1s at least"},
                          values.jwt.leeway, 5min, 1s));
  line.add(apps::texts({.name = "jwt-open-service",
                        .group = group,
                        .placeholder = "SERVICE",
                        .help = "Service that may be called without a token, such as grpc.health.v1.Health. "
                                "Repeat the flag for several.",
                        .fallback = "none"},
                       values.jwt.open_services));
  line.add(apps::path({.name = "authz",
                       .group = group,
                       .placeholder = "FILE",
                       .help = "TOML file that lists who may call which methods; other callers get "
                               "PERMISSION_DENIED"},
                      values.authz));
  line.add(apps::toggle(
      {.name = "sandbox",
       .environment = "RINGRPC_SANDBOX",
       .group = group,
       .help = "Once grpcd serves, lets it make only the system calls that it needs (seccomp), and reach "
               "only the files and TCP ports that its settings name (Landlock)"},
      values.sandbox));
  line.add(apps::text({.name = "user",
                       .group = group,
                       .placeholder = "NAME",
                       .help = "User that grpcd becomes once it listens, if it was started by root",
                       .fallback = "the user that starts it"},
                      values.user));
}

void add_limits(apps::CommandLine& line, Values& values) {
  ServerOptions& server = values.server;
  server.max_total_buffered_bytes = half_of_memory(server.max_total_buffered_bytes);
  const std::string group = "Limits";
  line.add(apps::size({.name = "max-message-size",
                       .group = group,
                       .placeholder = "BYTES",
                       .help = "Largest message in either direction, in bytes or with K, M or G, at most 1G"},
                      server.max_message_bytes, {1, message_bytes_max}));
  line.add(apps::size(
      {.name = "max-buffered-size",
       .group = group,
       .placeholder = "BYTES",
       .help = "Memory of one connection's calls, at most 64G; raised to max-message-size plus 64K"},
      server.max_buffered_bytes, {1, buffered_bytes_max}));
  line.add(apps::size({.name = "max-total-buffered-size",
                       .group = group,
                       .placeholder = "BYTES",
                       .help = "The same for all connections together, with their own memory, at most 1024G, "
                               "in equal shares for the shards, each raised to max-message-size plus 64K",
                       .fallback = "half of the memory of its control group, at most 1G"},
                      server.max_total_buffered_bytes, {1, total_buffered_bytes_max}));
  line.add(apps::size({.name = "max-inflation-per-second",
                       .group = group,
                       .placeholder = "BYTES",
                       .help = "Bytes a second that decompressing one connection's requests may produce "
                               "beyond 16 times the bytes received, at most 1024G"},
                      server.max_inflation_per_second, {1, total_buffered_bytes_max}));
  line.add(
      apps::max_header_list_size(group, server.max_header_list_bytes, "Largest header list of a request"));
  line.add(apps::max_header_fields(group, server.max_header_fields, "Most header fields of a request"));
  line.add(apps::number({.name = "max-concurrent-streams",
                         .group = group,
                         .placeholder = "N",
                         .help = "Calls in flight on one connection, 1 to 1000000"},
                        server.max_concurrent_streams, {1, 1'000'000}));
  line.add(apps::number({.name = "reset-burst",
                         .group = group,
                         .placeholder = "N",
                         .help = "Streams that one connection may have reset at once, 1 to 1000000: calls "
                                 "cancelled within a millisecond of their start, and protocol errors. More "
                                 "resets end the connection."},
                        server.reset_burst, {1, 1'000'000}));
  line.add(apps::number({.name = "resets-per-second",
                         .group = group,
                         .placeholder = "N",
                         .help = "Such resets a second in the long run, at most 1000000"},
                        server.resets_per_second, {0, 1'000'000}));
  line.add(
      apps::number({.name = "max-connections",
                    .group = group,
                    .placeholder = "N",
                    .help = "Connections over all shards, 1 to 1000000; further ones are closed at once"},
                   server.max_connections, {1, connections_max}));
  line.add(apps::number({.name = "max-connections-per-address",
                         .group = group,
                         .placeholder = "N",
                         .help = "Connections of one IPv4 address, IPv6 /64, vsock CID or unix socket user, "
                                 "at most 1000000; further ones are closed at once; 0 for no limit",
                         .fallback = "three quarters of max-connections"},
                        values.max_connections_per_address, {0, connections_max}));
}

void add_timeouts(apps::CommandLine& line, Values& values) {
  const auto words = [](std::string name, std::string help) {
    return apps::Setting{.name = std::move(name),
                         .group = "Timeouts, in seconds or with ms, s, m or h, at most 24h",
                         .placeholder = "TIME",
                         .help = std::move(help)};
  };
  const auto add = [&](std::string name, std::string help, std::chrono::milliseconds& target,
                       std::chrono::milliseconds least = 0ms) {
    line.add(apps::duration(words(std::move(name), std::move(help)), target, 24h, least));
  };
  const auto add_timeout = [&](std::string name, std::string help, std::chrono::milliseconds& target) {
    line.add(apps::timeout(words(std::move(name), std::move(help) + ", 1ms at least"), target, 24h));
  };
  add_timeout("handshake-timeout",
              "How long a new connection may take to finish its TLS handshake and send its HTTP/2 preface",
              values.server.handshake_timeout);
  add_timeout("header-timeout", "How long a request's header block may take from its first byte to its last",
              values.server.header_timeout);
  add_timeout(
      "stall-timeout",
      "Time limit for a client that does not read responses, does not finish a request message, or waits "
      "for a response after it has half-closed the connection",
      values.server.stall_timeout);
  add("max-connection-age",
      "Age, give or take a tenth, at which a connection gets a GOAWAY, so that its client reconnects; 0 for "
      "no limit",
      values.server.max_connection_age);
  add("max-connection-age-grace",
      "How long the connection's calls may go on after that GOAWAY; 0 for no limit",
      values.server.max_connection_age_grace);
  add("max-connection-idle", "How long a connection may have no call before it gets a GOAWAY; 0 for no limit",
      values.server.max_connection_idle);
  add("keepalive-time",
      "How long a client may be silent before the server sends it a keepalive PING, 1s at least; 0 sends "
      "none",
      values.server.keepalive_time, 1s);
  add_timeout("keepalive-timeout",
              "How long the client may take to acknowledge that PING before its connection is closed",
              values.server.keepalive_timeout);
  add("ping-interval",
      "Shortest interval between a client's keepalive PINGs while it has calls; 0 for no limit",
      values.server.ping_interval_min);
  add("idle-ping-interval",
      "Shortest interval between a client's keepalive PINGs while it has no calls; 0 for no limit",
      values.server.idle_ping_interval_min);
  add("drain-timeout",
      "How long calls in flight may take to finish after SIGTERM or SIGINT; a second signal "
      "ends them at once",
      values.drain_timeout);
}

void add_access_log(apps::CommandLine& line, const std::string& group, AccessLogOptions& values) {
  line.add(apps::path(
      {.name = "access-log",
       .group = group,
       .placeholder = "FILE",
       .help = "File that gets a line for each call, in the form of --log-format; - is stdout. SIGHUP "
               "opens it again, for logrotate."},
      values.path));
  line.add(apps::number({.name = "access-log-sample",
                         .group = group,
                         .placeholder = "N",
                         .help = "Logs one call in N, 1 to 1000000000"},
                        values.one_call_of, {1, 1'000'000'000}));
  line.add(apps::choice<bool>(
      {.name = "access-log-failures",
       .group = group,
       .placeholder = "KIND",
       .help = "Calls with a status other than OK in the access log: all, or sampled like the "
               "others"},
      values.all_failures, {{"all", true}, {"sampled", false}}));
  line.add(apps::number(
      {.name = "access-log-rate",
       .group = group,
       .placeholder = "N",
       .help = "Lines a second that the access log takes, at most 1000000; the next line has the "
               "number of those that were left out; 0 for no limit"},
      values.lines_per_second_max, {0, 1'000'000}));
}

void add_logging(apps::CommandLine& line, Values& values) {
  const std::string group = "Logging";
  line.add(apps::log_level(group, values.log_level,
                           "Least severe level that is logged to stderr: trace, debug, info, warn, error or "
                           "off. SIGUSR1 makes it one step more verbose, SIGUSR2 one step less."));
  line.add(apps::log_format(group, values.log_format));
  add_access_log(line, group, values.access_log);
  line.add(apps::choice<PayloadLog>(
      {.name = "log-payload",
       .group = group,
       .placeholder = "KIND",
       .help = "How much of each Echo's payload is logged, at level debug: none, size, head (the "
               "first 64 bytes) or full; control bytes are escaped"},
      values.log_payload,
      {{"none", PayloadLog::none},
       {"size", PayloadLog::size},
       {"head", PayloadLog::head},
       {"full", PayloadLog::full}}));
}

/// The setting's value, as the file would have it. An empty value was never given.
std::string shown(const apps::Setting& setting) {
  std::string value = setting.show();
  return value.empty() ? setting.fallback : value;
}

Status settle(const Values& values, const apps::Origins& origins) {
  for (const std::string_view about : {"access-log-sample", "access-log-failures", "access-log-rate"})
    if (origins.given(about) && values.access_log.path.empty())
      return fail(Code::INVALID_ARGUMENT, origins.of(about) + " is about the access log; give " +
                                              origins.name_beside(about, "access-log") + " too");
  if (origins.given("admin-host") && values.admin.empty())
    return fail(Code::INVALID_ARGUMENT, origins.of("admin-host") + " is about the admin pages; give " +
                                            origins.name_beside("admin-host", "admin") + " too");
  if (!values.signing.audit_required || values.log_level <= log::Level::info) return {};
  return fail(Code::INVALID_ARGUMENT,
              origins.of("audit-required") + " contradicts " + origins.of("log-level") + " " +
                  std::string(name(values.log_level)) +
                  ": signatures are logged at level info; choose info, debug or trace");
}

}  // namespace

Configuration::Configuration()
    : line("grpcd",
           "Serves gRPC: crypto.v1.CryptoService, echo.v1.EchoService and node.v1.NodeService, with health "
           "checks and reflection.") {
  add_serving(line, values);
  add_security(line, values);
  add_limits(line, values);
  add_timeouts(line, values);
  add_signing(line, values.signing);
  line.add(apps::telemetry("Telemetry", values.telemetry));
  add_logging(line, values);
  line.settle([this](const apps::Origins& origins) { return settle(values, origins); });
}

std::vector<StatusSetting> settings_in_force(const Configuration& configuration) {
  const apps::Origins& origins = configuration.line.origins();
  std::vector<StatusSetting> settings;
  for (const apps::Setting& setting : configuration.line.settings()) {
    const bool given = origins.given(setting.name);
    settings.push_back({.name = setting.name,
                        .value = given ? shown(setting) : setting.fallback,
                        .origin = given ? origins.of(setting.name) : "default"});
  }
  return settings;
}

std::vector<Change> changes(const Configuration& before, const Configuration& after) {
  std::vector<Change> found;
  for (std::size_t i = 0; i < before.line.settings().size(); ++i) {
    const apps::Setting& setting = before.line.settings()[i];
    std::string was = shown(setting);
    std::string is = shown(after.line.settings()[i]);
    if (was != is) found.push_back({setting.name, std::move(was), std::move(is)});
  }
  return found;
}

}  // namespace ringrpc::grpcd
