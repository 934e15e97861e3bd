#include "grpcd/configuration.h"

#include <doctest/doctest.h>
#include <string_view>

#include "apps/scratch_file.h"
#include "text_data.h"

namespace ringrpc::grpcd {
namespace {

const char* no_variable(const char*) { return nullptr; }

TEST_CASE("without any source grpcd serves as the library does") {
  Configuration configuration;
  CHECK(configuration.line.read({}, no_variable) == apps::Action::run);
  const ServerOptions defaults;
  CHECK(configuration.values.server.listen == defaults.listen);
  CHECK(configuration.values.server.max_message_bytes == defaults.max_message_bytes);
  CHECK(configuration.values.log_level == log::Level::info);
  CHECK(configuration.values.log_payload == PayloadLog::none);
  CHECK(configuration.values.drain_timeout == std::chrono::seconds(30));
}

TEST_CASE("every flag sets its option") {
  Configuration configuration;
  const std::vector<std::string> arguments = {"--listen=[::1]:0",
                                              "--admin=127.0.0.1:2",
                                              "--admin-host=web1.example.com",
                                              "--channelz=unix:/run/z.sock",
                                              "--shards=3",
                                              "--max-message-size=64K",
                                              "--max-buffered-size=2M",
                                              "--max-concurrent-streams=7",
                                              "--max-connections=9",
                                              "--max-connections-per-address=6",
                                              "--handshake-timeout=1s",
                                              "--stall-timeout=2m",
                                              "--drain-timeout=250ms",
                                              "--log-level=debug",
                                              "--log-payload=head",
                                              "--header-timeout=3s",
                                              "--ping-interval=1m",
                                              "--idle-ping-interval=1h",
                                              "--keepalive-time=10m",
                                              "--keepalive-timeout=5s",
                                              "--max-connection-age=4h",
                                              "--max-connection-age-grace=40s",
                                              "--max-connection-idle=30m",
                                              "--tls-cert=a.pem",
                                              "--tls-key=a.key",
                                              "--tls-client-ca=ca.pem",
                                              "--tls-min-version=1.3",
                                              "--allow-tls-key-log",
                                              "--log-format=json",
                                              "--access-log=calls",
                                              "--access-log-sample=10",
                                              "--access-log-failures=sampled",
                                              "--access-log-rate=500",
                                              "--authz=who.toml",
                                              "--max-total-buffered-size=3G",
                                              "--max-inflation-per-second=5M",
                                              "--key=a.pem",
                                              "--key=ED25519:b.pem",
                                              "--key-passphrase-file=c",
                                              "--generate-key=p256",
                                              "--signing-workers=4",
                                              "--signing-queue=17",
                                              "--signing-queue-size=5M",
                                              "--verify-signatures",
                                              "--telemetry",
                                              "--sandbox",
                                              "--jwt-keys=keys.json",
                                              "--jwt-issuer=https://issuer.example",
                                              "--jwt-audience=api",
                                              "--jwt-algorithm=ES256",
                                              "--jwt-leeway=5s",
                                              "--jwt-open-service=grpc.health.v1.Health",
                                              "--user=grpcd",
                                              "--audit-required",
                                              "--max-header-list-size=16K",
                                              "--max-header-fields=200",
                                              "--reset-burst=50",
                                              "--resets-per-second=5",
                                              "--spin-us=7",
                                              "--io=epoll"};
  REQUIRE(configuration.line.read(arguments, no_variable) == apps::Action::run);
  const Values& values = configuration.values;
  CHECK(values.server.listen == std::vector<std::string>{"[::1]:0"});
  CHECK(values.admin == std::vector<std::string>{"127.0.0.1:2"});
  CHECK(values.admin_hosts == std::vector<std::string>{"web1.example.com"});
  CHECK(values.channelz == std::vector<std::string>{"unix:/run/z.sock"});
  CHECK(values.server.shards == 3);
  CHECK(values.server.io == IoBackend::epoll);
  CHECK(values.server.spin.count() == 7);
  CHECK(values.server.max_message_bytes == 65536);
  CHECK(values.server.max_buffered_bytes == 2 << 20);
  CHECK(values.server.max_total_buffered_bytes == std::size_t{3} << 30);
  CHECK(values.server.max_inflation_per_second == 5 << 20);
  CHECK(values.server.max_header_list_bytes == 16384);
  CHECK(values.server.max_header_fields == 200);
  CHECK(values.server.max_concurrent_streams == 7);
  CHECK(values.server.reset_burst == 50);
  CHECK(values.server.resets_per_second == 5);
  CHECK(values.server.max_connections == 9);
  CHECK(values.max_connections_per_address == 6);
  CHECK(values.server.handshake_timeout == std::chrono::seconds(1));
  CHECK(values.server.header_timeout == std::chrono::seconds(3));
  CHECK(values.server.ping_interval_min == std::chrono::minutes(1));
  CHECK(values.server.idle_ping_interval_min == std::chrono::hours(1));
  CHECK(values.server.stall_timeout == std::chrono::minutes(2));
  CHECK(values.server.max_connection_age == std::chrono::hours(4));
  CHECK(values.server.max_connection_age_grace == std::chrono::seconds(40));
  CHECK(values.server.max_connection_idle == std::chrono::minutes(30));
  CHECK(values.server.keepalive_time == std::chrono::minutes(10));
  CHECK(values.server.keepalive_timeout == std::chrono::seconds(5));
  CHECK(values.tls.certificate == "a.pem");
  CHECK(values.tls.key == "a.key");
  CHECK(values.tls.client_authorities == "ca.pem");
  CHECK(values.tls.version_min == TlsVersion::tls_1_3);
  CHECK(values.authz == "who.toml");
  CHECK(values.drain_timeout == std::chrono::milliseconds(250));
  CHECK(values.telemetry);
  CHECK(values.sandbox);
  CHECK(values.jwt.keys == "keys.json");
  CHECK(values.jwt.issuer == "https://issuer.example");
  CHECK(values.jwt.audience == "api");
  CHECK(values.jwt.algorithms == std::vector<std::string>{"ES256"});
  CHECK(values.jwt.leeway == std::chrono::seconds(5));
  CHECK(values.jwt.open_services == std::vector<std::string>{"grpc.health.v1.Health"});
  CHECK(values.user == "grpcd");
  CHECK(values.log_level == log::Level::debug);
  CHECK(values.log_format == log::Format::json);
  CHECK(values.access_log.path == "calls");
  CHECK(values.access_log.one_call_of == 10);
  CHECK_FALSE(values.access_log.all_failures);
  CHECK(values.access_log.lines_per_second_max == 500);
  CHECK(values.tls.allow_key_log);
  CHECK(values.log_payload == PayloadLog::head);
  CHECK(values.signing.key_files == std::vector<std::string>{"a.pem", "ED25519:b.pem"});
  CHECK(values.signing.passphrase_file == "c");
  CHECK(values.signing.generated == std::vector<std::string>{"p256"});
  CHECK(values.signing.workers == 4);
  CHECK(values.signing.queue_limit == 17);
  CHECK(values.signing.queue_bytes_max == 5 << 20);
  CHECK(values.signing.verify);
  CHECK(values.signing.audit_required);
  CHECK(arguments.size() == configuration.line.settings().size() + 1);  // one of them is given twice
}

std::string refusal(const std::vector<std::string>& arguments,
                    apps::CommandLine::Environment environment = no_variable) {
  Configuration configuration;
  const Result<apps::Action> action = configuration.line.read(arguments, environment);
  return action ? "taken" : std::string(action.error().message());
}

TEST_CASE("a required audit needs a log level that has its lines") {
  for (const char* level : {"trace", "debug", "info"})
    CHECK(refusal({"--audit-required", "--log-level", level}) == "taken");
  for (const std::string level : {"warn", "error", "off"}) {
    CHECK(refusal({"--log-level", level}) == "taken");
    CHECK(refusal({"--audit-required", "--log-level", level}) ==
          "--audit-required contradicts --log-level " + level +
              ": signatures are logged at level info; choose info, debug or trace");
  }
}

TEST_CASE("settings of the access log need its file") {
  for (const std::string flag :
       {"--access-log-sample=2", "--access-log-failures=all", "--access-log-rate=7"}) {
    CHECK(refusal({flag, "--access-log=-"}) == "taken");
    CHECK(refusal({flag}) ==
          flag.substr(0, flag.find('=')) + " is about the access log; give --access-log too");
  }
  CHECK(refusal({}, [](const char* name) -> const char* {
          return std::string_view(name) == "LOG_FORMAT" ? "xml" : nullptr;
        }).starts_with("environment: LOG_FORMAT: 'xml' "));
}

TEST_CASE("an invalid address is refused with its origin") {
  CHECK(refusal({"--listen", "nowhere"}).starts_with("--listen: address \"nowhere\": want "));
  CHECK(refusal({"--listen", "[::1]:0", "--listen", "fd:x"}).starts_with("--listen: address \"fd:x\": "));
  CHECK(test::missing(refusal({"--listen", "unix:/x", "--listen", ""}), {"--listen: ", "empty"}) == "");
  CHECK(refusal({}, [](const char* name) -> const char* {
          return std::string_view(name) == "SERVER_ADDR" ? "127.0.0.1" : nullptr;
        }).starts_with("environment: SERVER_ADDR: address \"127.0.0.1\": "));
  const apps::ScratchFile file("shards = 1\nlisten = ['tls+unix:/x', '127.0.0.1:65536']\n");
  CHECK(refusal({"--config", file.path()})
            .starts_with(file.path() + ":2: listen: address \"127.0.0.1:65536\": "));
}

TEST_CASE("keepalive PINGs are off, or at least a second apart") {
  CHECK(test::missing(refusal({"--keepalive-time", "10ms"}),
                      {"--keepalive-time: 10ms ", "0s, or 1s to 24h"}) == "");
  CHECK(test::missing(refusal({"--keepalive-time", "25h"}), {"--keepalive-time: 25h ", "0s, or 1s to 24h"}) ==
        "");
  CHECK(refusal({"--keepalive-time", "0"}) == "taken");
  CHECK(refusal({"--keepalive-time", "1s"}) == "taken");
  CHECK(refusal({"--keepalive-timeout", "10ms"}) == "taken");
  for (const std::string flag :
       {"--keepalive-timeout", "--handshake-timeout", "--header-timeout", "--stall-timeout"})
    CHECK(test::missing(refusal({flag, "0"}), {flag + ": 0 ", "1ms to 24h"}) == "");
}

TEST_CASE("grpcd can listen on every form of address") {
  for (const char* form : {"localhost:0", "[::1]:0", "tcp://127.0.0.1:1", "unix:/x", "unix-abstract:x",
                           "vsock:any:1", "hvsock:///x:1", "systemd", "systemd:x", "fd:3", "tls+fd:3"})
    CHECK_MESSAGE(refusal({"--listen", form}) == "taken", form);
}

TEST_CASE("changes are logged in the format of the file") {
  Configuration before;
  Configuration after;
  after.values.server.max_message_bytes = 1 << 20;
  after.values.server.listen = {"a", "b"};
  const std::vector<Change> found = changes(before, after);
  REQUIRE(found.size() == 2);
  CHECK(found[0].name == "listen");
  CHECK(found[0].after == "a b");
  CHECK(found[1].name == "max-message-size");
  CHECK(found[1].before == "4M");
  CHECK(found[1].after == "1M");
}

TEST_CASE("a change from or to an unset value is logged with the default") {
  Configuration before;
  Configuration after;
  before.values.signing.generated = {"p256"};
  before.values.tls.key = "a.key";
  after.values.signing.key_files = {"/nope"};
  const std::vector<Change> found = changes(before, after);
  REQUIRE(found.size() == 3);
  CHECK(found[0].name == "tls-key");
  CHECK(found[0].after == "none");
  CHECK(found[1].name == "key");
  CHECK(found[1].before == "none");
  CHECK(found[1].after == "/nope");
  CHECK(found[2].name == "generate-key");
  CHECK(found[2].after == "rsa2048, p256, p384 and ed25519, unless --key is given");
}

}  // namespace
}  // namespace ringrpc::grpcd
