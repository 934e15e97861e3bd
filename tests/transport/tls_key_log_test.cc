/// The secrets of TLS connections, for programs that decrypt recorded ones.

#include "transport/tls_key_log.h"

#include <cstdlib>
#include <doctest/doctest.h>
#include <filesystem>
#include <fstream>
#include <memory>
#include <set>
#include <string>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include "transport/tls_ends.h"

namespace ringrpc::test {
namespace {

std::set<std::string> lines_of(const std::string& path) {
  std::set<std::string> lines;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) lines.insert(line);
  return lines;
}

std::shared_ptr<LineLog> key_log(const std::string& path) {
  Result<std::shared_ptr<LineLog>> opened = open_key_log(path);
  REQUIRE(opened);
  return *opened;
}

TEST_CASE("both sides of a connection log the same secrets, in a file for its owner alone") {
  std::string folder = std::filesystem::temp_directory_path() / "ringrpc-XXXXXX";
  REQUIRE(::mkdtemp(folder.data()));
  for (const TlsVersion version : {TlsVersion::tls_1_2, TlsVersion::tls_1_3}) {
    const std::string ours = folder + "/ours", theirs = folder + "/theirs";
    Simulation simulation(1);
    {
      const auto server_keys = key_log(ours), client_keys = key_log(theirs);
      const auto server = TlsContext::of_server(server_options(), server_keys);
      ClientTlsOptions options = client_options();
      options.version_min = version;
      const auto client = TlsContext::of_client(options, client_keys);
      REQUIRE(server);
      REQUIRE(client);
      Session calling = (*client)->connect("localhost");
      if (version == TlsVersion::tls_1_2) SSL_set_max_proto_version(calling.get(), TLS1_2_VERSION);
      Ends ends(simulation, (*server)->accept(), std::move(calling));
      ends.client->send("hello");
      REQUIRE(simulation.run_until([&] { return ends.server->received == "hello"; }));
      server_keys->flush();
      client_keys->flush();
    }
    const std::set<std::string> secrets = lines_of(ours);
    CHECK(secrets.size() >= (version == TlsVersion::tls_1_2 ? 1u : 4u));
    CHECK(secrets == lines_of(theirs));
    struct stat found{};
    REQUIRE(::stat(ours.c_str(), &found) == 0);
    CHECK((found.st_mode & 0777) == 0600);
  }
  std::filesystem::remove_all(folder);
}

TEST_CASE("without a path there is no key log, and one that cannot be opened is an error") {
  CHECK(key_log("") == nullptr);
  ServerTlsOptions options = server_options();
  options.key_log = "/nowhere/keys";
  const auto refused = ServerTls::load(options);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message() == "TLS key log: /nowhere/keys: no such file or directory");
}

TEST_CASE("the variable SSLKEYLOGFILE alone has no effect") {
  const std::string path =
      std::filesystem::temp_directory_path() / ("ringrpc-keys-" + std::to_string(::getpid()));
  ::setenv("SSLKEYLOGFILE", path.c_str(), 1);
  Simulation simulation(1);
  Ends ends(simulation, server_side(), client_side());
  ends.client->send("hello");
  REQUIRE(simulation.run_until([&] { return ends.server->received == "hello"; }));
  ::unsetenv("SSLKEYLOGFILE");
  CHECK_FALSE(std::filesystem::exists(path));
}

}  // namespace
}  // namespace ringrpc::test
