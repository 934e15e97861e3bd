// Replacing a server's certificates while it serves: new connections get valid ones, and invalid ones are
// refused.
#include "transport/tls_reload.h"

#include <cstdio>
#include <cstdlib>
#include <doctest/doctest.h>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "ringrpc/sleep.h"
#include "ringrpc/tls.h"

#include "base/internals.h"
#include "rpc/world.h"
#include "text_data.h"
#include "transport/test_authority.h"

namespace ringrpc {
namespace {

using namespace std::chrono_literals;
using test::our_authority;
using test::TestIdentity;
using test::TestSubject;

/// A certificate and a key in files, in a folder that is removed with them.
class Files {
 public:
  Files() {
    folder_ = std::filesystem::temp_directory_path() / "ringrpc-tls-XXXXXX";
    REQUIRE(::mkdtemp(folder_.data()) != nullptr);
  }
  Files(const Files&) = delete;
  Files& operator=(const Files&) = delete;
  ~Files() { std::filesystem::remove_all(folder_); }

  std::string certificate() const { return folder_ + "/server.pem"; }
  std::string key() const { return folder_ + "/server.key"; }
  void put(const TestIdentity& identity) const {
    put(certificate(), identity.certificate);
    put(key(), identity.key);
  }
  static void put(const std::string& path, const std::string& text) {
    std::ofstream(path + ".new") << text;
    std::filesystem::rename(path + ".new", path);
  }
  ServerTlsOptions options() const {
    return {.certificate = Pem::file(certificate()), .private_key = Pem::file(key())};
  }

 private:
  std::string folder_;
};

ChannelOptions trusting() {
  ChannelOptions options;
  options.tls = ClientTls::load(test::client_options()).value();
  return options;
}

TEST_CASE("a reload takes valid certificates and reports why it refuses others") {
  Files files;
  files.put(our_authority().issue({}));
  const auto tls = ServerTls::load(files.options()).value();
  CHECK_FALSE(tls->files_changed());
  const auto first = detail::Internals::context(*tls);

  files.put(our_authority().issue({}));
  CHECK(tls->files_changed());
  CHECK(tls->reload().ok());
  CHECK_FALSE(tls->files_changed());
  const auto second = detail::Internals::context(*tls);
  CHECK(second != first);

  Files::put(files.key(), our_authority().issue({}).key);
  CHECK(tls->files_changed());
  CHECK(test::missing(tls->reload().message(), {"TLS: " + files.key() + ": ", files.certificate()}) == "");
  CHECK_FALSE(tls->files_changed());  // refused files are not tried again
  CHECK(detail::Internals::context(*tls) == second);

  Files::put(files.certificate(), "");
  CHECK(test::missing(tls->reload().message(),
                      {"TLS: " + files.certificate() + ": ", "-----BEGIN CERTIFICATE-----"}) == "");
  std::filesystem::remove(files.certificate());
  CHECK(tls->files_changed());
  CHECK(tls->reload().message() == "TLS: open " + files.certificate() + ": no such file or directory");

  files.put(our_authority().issue({.valid_from_hours = -48, .valid_until_hours = -24}));
  const std::string whose = "TLS: " + files.certificate() + ": the certificate of CN=test ";
  CHECK(tls->reload().message().starts_with(whose + "has expired on "));
  files.put(our_authority().issue({.valid_from_hours = 24, .valid_until_hours = 48}));
  CHECK(tls->reload().message().starts_with(whose + "is not valid before "));
  CHECK(detail::Internals::context(*tls) == second);
}

TEST_CASE("files that are read again count as changed until they are put to use or refused") {
  Files files;
  files.put(our_authority().issue({}));
  const auto tls = ServerTls::load(files.options()).value();
  files.put(our_authority().issue({}));
  REQUIRE(read_again(*tls));  // and not put to use
  CHECK(tls->files_changed());
  Result<Reload> read = read_again(*tls);
  REQUIRE(read);
  (*read)();
  CHECK_FALSE(tls->files_changed());
  Files::put(files.key(), "");
  CHECK_FALSE(read_again(*tls));
  CHECK_FALSE(tls->files_changed());
}

TEST_CASE("open connections stay, and new ones get the new certificate") {
  Files files;
  files.put(our_authority().issue({.names = "IP:127.0.0.1"}));
  SimulatedWorld world(1);
  ServerOptions options;
  options.tls = ServerTls::load(files.options()).value();
  world.serve(options, "tls+127.0.0.1:7");
  const auto script = [&](Channel& old) -> Task<void> {
    CHECK((co_await unary(old, "Echo", "x")).has_value());
    files.put(our_authority().issue({.names = "DNS:elsewhere.example"}));
    CHECK(options.tls->reload().ok());
    CHECK((co_await unary(old, "Echo", "x")).has_value());
    Channel fresh("127.0.0.1:7", trusting());
    const auto refused = co_await unary(fresh, "Echo", "x");
    REQUIRE_FALSE(refused);
    CHECK(test::missing(refused.error().message(),
                        {"connect 127.0.0.1:7: TLS: IP address mismatch, ", "elsewhere.example"}) == "");
    CHECK((co_await unary(old, "Echo", "x")).has_value());
  };
  CHECK(world.run(script, trusting()));
}

TEST_CASE("a server lists the certificates of the last reload") {
  Files files;
  files.put(our_authority().issue({.common_name = "first"}));
  RawService service;
  ServerOptions options{.listen = {"127.0.0.1:0"}, .shards = 1};
  options.tls = ServerTls::load(files.options()).value();
  const auto server = Server::start({&service}, options).value();
  REQUIRE(server->certificates().size() == 1);
  CHECK(server->certificates().front().subject == "CN=first");
  files.put(our_authority().issue({.common_name = "second"}));
  REQUIRE(options.tls->reload().ok());
  REQUIRE(server->certificates().size() == 1);
  CHECK(server->certificates().front().subject == "CN=second");
}

TEST_CASE("a hundred good and bad exchanges under load lose no call") {
  Files files;
  files.put(our_authority().issue({}));
  SimulatedWorld world(5, benign_faults());
  ServerOptions options;
  options.tls = ServerTls::load(files.options()).value();
  options.max_connection_age = 20ms;  // so that handshakes come between the exchanges
  world.serve(options, "tls+127.0.0.1:7");
  int answered = 0;
  int refused = 0;
  const auto script = [&](Channel& channel) -> Task<void> {
    std::vector<Task<CallResult<RawMessage>>> calls;
    for (int round = 0; round < 100; ++round) {
      for (int at = 0; at < 5; ++at) {
        calls.push_back(unary(channel, "Sleep", "3"));
        calls.back().start();
      }
      co_await sleep_for(2ms);
      const bool good = round % 2 == 0;
      files.put(our_authority().issue({}));
      if (!good) Files::put(files.key(), round % 4 == 1 ? "nonsense" : our_authority().issue({}).key);
      const Status status = options.tls->reload();
      CHECK(status.ok() == good);
      refused += status.ok() ? 0 : 1;
    }
    for (const auto& call : calls) {
      while (!call.done()) co_await sleep_for(1ms);
      const auto answer = call.result();
      CHECK_MESSAGE(answer, answer.error().to_string());
      answered += answer ? 1 : 0;
    }
  };
  CHECK(world.run(script, trusting()));
  CHECK(answered == 500);
  CHECK(refused == 50);
  CHECK(world.server().counters().connections_open < 20);
}

}  // namespace
}  // namespace ringrpc
