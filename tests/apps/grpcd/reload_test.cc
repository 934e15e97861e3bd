// SIGHUP: everything is reloaded, or nothing.
#include <chrono>
#include <doctest/doctest.h>
#include <filesystem>
#include <thread>

#include "apps/captured_stderr.h"
#include "apps/grpcd/running_daemon.h"
#include "apps/scratch_file.h"
#include "transport/test_authority.h"

namespace ringrpc::grpcd {
namespace {

using apps::CapturedStderr;
using apps::ScratchFile;
using test::our_authority;

/// Waits for the end of the start, which opens the access log again: a file that is removed earlier comes back.
void wait_until_ready(const CapturedStderr& captured) {
  while (!captured.text().contains(" ready on ")) std::this_thread::yield();
}

/// All files that SIGHUP reads again, and a grpcd that uses them.
struct EveryFile {
  test::TestIdentity identity = our_authority().issue({});
  ScratchFile settings{"log-level = 'info'\n"};
  ScratchFile certificate{identity.certificate};
  ScratchFile key{identity.key};
  ScratchFile access{""};
  Running daemon{{"--config", settings.path(), "--tls-cert", certificate.path(), "--tls-key", key.path(),
                  "--access-log", access.path()}};

  EveryFile() { daemon.has_keys = true; }

  void reload() {
    daemon.signal(SIGHUP);
    daemon.signal(SIGTERM);
    CHECK(daemon.end() == apps::exit_ok);
  }
};

/// The lines of a log that have `text`.
int lines_with(std::string_view text, std::string_view log) {
  int lines = 0;
  for (std::size_t at = log.find(text); at != log.npos; at = log.find(text, at + 1)) ++lines;
  return lines;
}

TEST_CASE("neither SIGUSR2 nor SIGHUP hides the records that --audit-required needs") {
  const CapturedStderr captured;
  const ScratchFile file("audit-required = true\nlog-level = 'debug'\n");
  Running daemon({"--config", file.path()});
  daemon.signal(SIGUSR2);
  while (log::level() != log::Level::info) std::this_thread::yield();
  daemon.signal(SIGUSR2);
  while (captured.text().find("log level info; --audit-required needs it\n") == std::string::npos)
    std::this_thread::yield();
  file.write("audit-required = true\nlog-level = 'warn'\n");
  daemon.signal(SIGHUP);
  while (captured.text().find("nothing was reloaded: ") == std::string::npos) std::this_thread::yield();
  file.write("log-level = 'warn'\n");
  daemon.signal(SIGHUP);
  daemon.signal(SIGTERM);
  CHECK(daemon.end() == apps::exit_ok);
  CHECK(log::level() == log::Level::info);
  const std::string text = captured.text();
  contains(text, "SIGHUP: nothing was reloaded: " + file.path() + ":1: audit-required contradicts " +
                     file.path() + ":2: log-level warn: ");
  contains(text,
           "SIGHUP: audit-required changed to false in the file; true stays in effect until a restart\n");
}

TEST_CASE("SIGHUP takes the log level from the file and names the changes that need a restart") {
  const CapturedStderr captured;
  const ScratchFile file("log-level = 'info'\nshards = 1\n");
  Running daemon({"--config", file.path(), "--max-connections", "100"});
  file.write("log-level = 'debug'\nshards = 2\nmax-connections = 7\n");
  daemon.signal(SIGHUP);
  while (log::level() != log::Level::debug) std::this_thread::yield();
  daemon.signal(SIGTERM);
  CHECK(daemon.end() == apps::exit_ok);
  const std::string text = captured.text();
  contains(text, "info SIGHUP: reloaded " + file.path() + "; log level debug\n");
  contains(text, "warn");
  contains(text, "SIGHUP: shards changed to 2 in the file; 1 stays in effect until a restart\n");
  CHECK(text.find("max-connections") == std::string::npos);  // the flag beats the file
}

TEST_CASE("SIGHUP with a wrong file changes nothing, and one line has the file and the cause") {
  const CapturedStderr captured;
  EveryFile files;
  wait_until_ready(captured);
  files.settings.write("log-level = 'debug'\n");
  std::filesystem::remove(files.access.path());
  std::string cause, wanted;
  SUBCASE("the settings") {
    files.settings.write("log-level = 'debug'\nshard = 2\n");
    cause = files.settings.path() + ":2: shard: unknown key; did you mean shards?";
  }
  SUBCASE("the certificate") {
    files.certificate.write("nothing");
    cause = "TLS: --tls-cert: " + files.certificate.path() + ": ";
    wanted = "-----BEGIN CERTIFICATE-----";
  }
  SUBCASE("the keys of tokens") {
    files.daemon.keys_failure = fail(Code::INVALID_ARGUMENT, "JWT: keys.json: no key").error();
    cause = "JWT: keys.json: no key\n";
  }
  SUBCASE("the access log") {
    std::filesystem::create_directory(files.access.path());
    cause = "access log: " + files.access.path() + ": is a directory";
  }
  files.reload();
  CHECK(files.daemon.reloads_of_keys == 0);
  CHECK(log::level() == log::Level::info);
  CHECK_FALSE(std::filesystem::is_regular_file(files.access.path()));
  const std::string text = captured.text();
  contains(text, "error SIGHUP: nothing was reloaded: " + cause);
  contains(text, wanted);
  CHECK(lines_with("SIGHUP", text) == 1);
  CHECK(text.find("reloaded the certificates") == std::string::npos);
}

TEST_CASE("a certificate that SIGHUP refused for another file is loaded without a further signal") {
  const CapturedStderr captured;
  const test::TestIdentity first = our_authority().issue({});
  const test::TestIdentity second = our_authority().issue({});
  const ScratchFile certificate(first.certificate);
  const ScratchFile key(first.key);
  Running daemon({"--tls-cert", certificate.path(), "--tls-key", key.path()});
  daemon.keys_failure = fail(Code::INVALID_ARGUMENT, "JWT: keys.json: no key").error();
  certificate.write(second.certificate);
  key.write(second.key);
  daemon.signal(SIGHUP);
  while (captured.text().find("changed files: reloaded") == std::string::npos) std::this_thread::yield();
  daemon.signal(SIGTERM);
  CHECK(daemon.end() == apps::exit_ok);
  contains(captured.text(), "SIGHUP: nothing was reloaded: JWT: keys.json: no key\n");
}

TEST_CASE("SIGHUP reloads everything that comes from a file") {
  const CapturedStderr captured;
  EveryFile files;
  files.reload();
  CHECK(files.daemon.reloads_of_keys == 1);
  const std::string everything = "the certificates, the keys of tokens, the access log " +
                                 files.access.path() + ", " + files.settings.path();
  contains(captured.text(), "info SIGHUP: reloaded " + everything + "; log level info\n");
}

TEST_CASE("a flood of SIGHUP reloads each time, and is logged at a limited rate") {
  const CapturedStderr captured;
  const ScratchFile file("shards = 1\n");
  Running daemon({"--config", file.path()});
  const auto begun = std::chrono::steady_clock::now();
  bool wrong = false;
  SUBCASE("with a good file") { file.write("shards = 2\n"); }
  SUBCASE("with a wrong file") {
    file.write("shards = 'one'\n");
    wrong = true;
  }
  for (int signals = 1; signals <= 500; ++signals) {
    daemon.signal(SIGHUP);
    while (daemon.rereads < signals) std::this_thread::yield();
  }
  daemon.signal(SIGTERM);
  CHECK(daemon.end() == apps::exit_ok);
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(std::chrono::steady_clock::now() - begun);
  const std::string text = captured.text();
  const int lines = lines_with("SIGHUP: ", text);
  CHECK(lines >= (wrong ? 20 : 40));
  CHECK(lines <= (wrong ? 1 : 2) * (20 + seconds.count()));
}

TEST_CASE("a flood of SIGUSR1 and SIGUSR2 steps the log level each time, and is logged at a limited rate") {
  const CapturedStderr captured;
  Running daemon({"--log-level", "debug"});
  const auto begun = std::chrono::steady_clock::now();
  for (int round = 0; round < 200; ++round) {
    daemon.signal(SIGUSR1);
    while (log::level() != log::Level::trace) std::this_thread::yield();
    daemon.signal(SIGUSR2);
    while (log::level() != log::Level::debug) std::this_thread::yield();
  }
  daemon.signal(SIGTERM);
  CHECK(daemon.end() == apps::exit_ok);
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(std::chrono::steady_clock::now() - begun);
  const int lines = lines_with("info log level ", captured.text());
  CHECK(lines >= 40);
  CHECK(lines <= 2 * (20 + seconds.count()));
}

TEST_CASE("SIGHUP without files logs that there is nothing to reload") {
  const CapturedStderr captured;
  Running daemon({});
  daemon.signal(SIGHUP);
  daemon.signal(SIGTERM);
  CHECK(daemon.end() == apps::exit_ok);
  contains(captured.text(),
           "SIGHUP: there is nothing to reload; --config names a configuration file at the start\n");
}

TEST_CASE("SIGHUP opens the access log again") {
  const CapturedStderr captured;
  const ScratchFile file("");
  {
    Running daemon({"--access-log", file.path()});
    CHECK(daemon.server().access_log);
    wait_until_ready(captured);
    std::filesystem::remove(file.path());
    daemon.signal(SIGHUP);
    while (captured.text().find("SIGHUP: reloaded the access log") == std::string::npos)
      std::this_thread::yield();
    daemon.signal(SIGTERM);
    CHECK(daemon.end() == apps::exit_ok);
  }
  CHECK(std::filesystem::exists(file.path()));
  CHECK(captured.text().find("there is nothing to reload") == std::string::npos);
}

}  // namespace
}  // namespace ringrpc::grpcd
