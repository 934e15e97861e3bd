// grpcd's certificates: settings that need each other, and reloading changed files without a signal.
#include "grpcd/certificates.h"

#include <chrono>
#include <doctest/doctest.h>
#include <string>
#include <thread>

#include "apps/captured_stderr.h"
#include "apps/scratch_file.h"
#include "base/internals.h"
#include "transport/test_authority.h"

namespace ringrpc::grpcd {
namespace {

using apps::CapturedStderr;
using apps::ScratchFile;
using test::our_authority;

/// Waits until `done` returns true. Returns false after a long time.
bool comes_true(const auto& done) {
  const auto limit = std::chrono::steady_clock::now() + std::chrono::minutes(5);
  while (!done()) {
    if (std::chrono::steady_clock::now() > limit) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

TEST_CASE("a certificate, its key and the clients' CAs need each other") {
  const auto refusal = [](const TlsValues& values) {
    const auto loaded = Certificates::load(values);
    return loaded ? "taken" : std::string(loaded.error().message());
  };
  CHECK(Certificates::load({}).value() == nullptr);
  CHECK(refusal({.certificate = "a.pem"}) ==
        "--tls-cert: a certificate needs its private key; give --tls-key too");
  CHECK(refusal({.key = "a.key"}) == "--tls-key: a private key needs its certificate; give --tls-cert too");
  CHECK(refusal({.client_authorities = "ca.pem"}) ==
        "--tls-client-ca: TLS needs a certificate; give --tls-cert and --tls-key too");
}

TEST_CASE("the error for a missing setting has the line of the file that needs it") {
  const auto refusal = [](const std::string& key, const TlsValues& values) {
    apps::Origins origins;
    origins.note(key, "grpcd.toml:3: " + key, apps::Source::file);
    const auto loaded = Certificates::load(values, origins);
    REQUIRE_FALSE(loaded);
    CHECK(loaded.error().code() == Code::INVALID_ARGUMENT);
    return std::string(loaded.error().message());
  };
  CHECK(refusal("tls-cert", {.certificate = "a.pem"}) ==
        "grpcd.toml:3: tls-cert: a certificate needs its private key; give tls-key too");
  CHECK(refusal("tls-key", {.key = "a.key"}) ==
        "grpcd.toml:3: tls-key: a private key needs its certificate; give tls-cert too");
  CHECK(refusal("tls-client-ca", {.client_authorities = "ca.pem"}) ==
        "grpcd.toml:3: tls-client-ca: TLS needs a certificate; give tls-cert and tls-key too");
  CHECK(refusal("tls-min-version", {.version_min = TlsVersion::tls_1_3}) ==
        "grpcd.toml:3: tls-min-version: TLS needs a certificate; give tls-cert and tls-key too");
}

TEST_CASE("a TLS version without a certificate is an error, not plaintext") {
  apps::Origins origins;
  origins.note("tls-min-version", "--tls-min-version", apps::Source::flag);
  const auto loaded = Certificates::load({.version_min = TlsVersion::tls_1_3}, origins);
  REQUIRE_FALSE(loaded);
  CHECK(loaded.error().code() == Code::INVALID_ARGUMENT);
  CHECK(loaded.error().message() ==
        "--tls-min-version: TLS needs a certificate; give --tls-cert and --tls-key too");
}

TEST_CASE("a changed file is reloaded, and an invalid one is logged once") {
  const test::TestIdentity first = our_authority().issue({});
  const test::TestIdentity second = our_authority().issue({});
  const ScratchFile certificate(first.certificate);
  const ScratchFile key(first.key);
  const CapturedStderr captured;
  const auto certificates = Certificates::load({.certificate = certificate.path(), .key = key.path()}, {},
                                               std::chrono::milliseconds(20))
                                .value();
  const auto before = detail::Internals::context(*certificates->tls());

  key.write(second.key);
  certificate.write(second.certificate);
  CHECK(comes_true([&] { return detail::Internals::context(*certificates->tls()) != before; }));
  const auto after = detail::Internals::context(*certificates->tls());

  // Each change is found in one check of the files and loaded in the next. So a file that was logged in each
  // check would be logged more often than it changes.
  const auto times_logged = [&] {
    const std::string said = captured.text();
    const std::string_view error = "-----BEGIN CERTIFICATE-----; the old certificates stay in use";
    int times = 0;
    for (std::size_t at = said.find(error); at != said.npos; at = said.find(error, at + 1)) ++times;
    return times;
  };
  for (int changes = 1; changes <= 5; ++changes) {
    certificate.replace("nothing" + std::string(static_cast<std::size_t>(changes), '!'));
    CHECK(comes_true([&] { return times_logged() >= changes; }));
    CHECK(times_logged() == changes);
  }
  CHECK(detail::Internals::context(*certificates->tls()) == after);

  certificate.write(first.certificate);
  key.write(first.key);
  CHECK(comes_true([&] { return detail::Internals::context(*certificates->tls()) != after; }));
  CHECK(captured.text().find("changed files: reloaded the certificates") != std::string::npos);
}

TEST_CASE("an expired certificate is refused with its flag and its file") {
  const test::TestIdentity first = our_authority().issue({});
  const ScratchFile certificate(first.certificate);
  const ScratchFile key(first.key);
  apps::Origins origins;
  origins.note("tls-cert", "--tls-cert", apps::Source::flag);
  const auto certificates = Certificates::load({.certificate = certificate.path(), .key = key.path()},
                                               origins, std::chrono::hours(1))
                                .value();
  const auto before = detail::Internals::context(*certificates->tls());
  const test::TestIdentity late =
      our_authority().issue({.common_name = "late", .valid_from_hours = -48, .valid_until_hours = -24});
  certificate.write(late.certificate);
  key.write(late.key);
  const auto read = certificates->read_again();
  REQUIRE_FALSE(read);
  CHECK(read.error().message().starts_with("TLS: --tls-cert: " + certificate.path() +
                                           ": the certificate of CN=late has expired on "));
  CHECK(detail::Internals::context(*certificates->tls()) == before);
}

TEST_CASE("certificates that were read again are used when the reload takes effect, and not before") {
  const test::TestIdentity first = our_authority().issue({});
  const test::TestIdentity second = our_authority().issue({});
  const ScratchFile certificate(first.certificate);
  const ScratchFile key(first.key);
  const auto certificates =
      Certificates::load({.certificate = certificate.path(), .key = key.path()}, {}, std::chrono::hours(1))
          .value();
  const auto before = detail::Internals::context(*certificates->tls());
  certificate.write(second.certificate);
  key.write(second.key);
  {
    const auto dropped = certificates->read_again();
    REQUIRE(dropped);
  }
  CHECK(detail::Internals::context(*certificates->tls()) == before);
  auto read = certificates->read_again();
  REQUIRE(read);
  CHECK(detail::Internals::context(*certificates->tls()) == before);
  (*read)();
  CHECK(detail::Internals::context(*certificates->tls()) != before);
}

}  // namespace
}  // namespace ringrpc::grpcd
