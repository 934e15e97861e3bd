// The effect of --audit-required: no signature leaves without its record. crypto_test.cc tests the text of
// the records.
#include "grpcd/services/signing_audit.h"

#include <fcntl.h>
#include <functional>
#include <poll.h>
#include <string>
#include <unistd.h>

#include "base/small_stderr.h"
#include "crypto_world.h"
#include "text_data.h"

namespace ringrpc {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view refused =
    "UNAVAILABLE: signatures cannot be recorded at the moment; try again later";

std::size_t count(std::string_view what, std::string_view in) {
  std::size_t found = 0;
  for (std::size_t at = in.find(what); at != in.npos; at = in.find(what, at + 1)) ++found;
  return found;
}

/// Signs with a key that counts its uses, and records each signature or failure.
class AuditedWorld {
 public:
  explicit AuditedWorld(std::chrono::milliseconds timeout = 60s)
      : world(fake_keys(new_keys({"p256"}).all()[0]->public_key(),
                        [this](Algorithm, Bytes) -> Result<std::string> {
                          ++uses;
                          return "signature";
                        }),
              {.audit_required = true, .audit_timeout = timeout}) {
    log::set_level(log::Level::info);
  }

  /// "OK", or the error.
  std::string sign() {
    const auto response = world.sign("SignECC", sign_request("m"));
    return response ? "OK" : response.error().to_string();
  }

  std::atomic<int> uses = 0;
  CryptoWorld world;
};

TEST_CASE("a signature is sent once its record is written") {
  const SmallStderr file;
  AuditedWorld world;
  for (int signed_before = 0; signed_before < 3; ++signed_before) {
    CHECK(world.sign() == "OK");
    CHECK(count(": OK\n", file.text()) == static_cast<std::size_t>(signed_before) + 1);
  }
}

TEST_CASE("while records cannot be written nothing is signed, and afterwards signing resumes by itself") {
  SmallStderr file;
  AuditedWorld world;
  CHECK(world.sign() == "OK");
  file.take(file.size() + 40);
  CHECK(world.sign() == refused);
  CHECK(world.uses == 2);  // this request met the full disk, so its signature was dropped
  for (int i = 0; i < 3; ++i) CHECK(world.sign() == refused);
  CHECK(world.uses == 2);

  file.take(RLIM_INFINITY);
  CHECK(world.sign() == refused);  // its own record shows that the log works again
  file.size();
  CHECK(world.sign() == "OK");
  const std::string text = file.text();
  CHECK(count(": OK\n", text) == 2);
  CHECK(count(" [torn]\n", text) == 1);
  CHECK(test::lines_with(text, {"lines were lost", "TIME", "(File too large)"}) == 1);
  CHECK(test::lines_with(text, {"digest -: UNAVAILABLE", "File too large)"}) == 1);
}

TEST_CASE("nothing is signed at a log level that hides the records") {
  const SmallStderr file;
  AuditedWorld world;
  log::set_level(log::Level::warn);
  CHECK(world.sign() == refused);
  CHECK(world.uses == 0);
  log::set_level(log::Level::info);
  CHECK(world.sign() == "OK");
}

/// Makes the process's stderr a full pipe that nobody reads.
class FullPipe {
 public:
  FullPipe() {
    log::flush();
    REQUIRE(::pipe(ends_) == 0);
    ::fcntl(ends_[1], F_SETFL, O_NONBLOCK);
    const std::string filling(4096, '\n');
    while (::write(ends_[1], filling.data(), filling.size()) > 0) continue;
    ::fcntl(ends_[1], F_SETFL, 0);
    ::dup2(ends_[1], STDERR_FILENO);
  }
  ~FullPipe() {
    ::dup2(stderr_, STDERR_FILENO);
    for (const int fd : {stderr_, ends_[0], ends_[1]}) ::close(fd);
  }

  /// Reads until the text ends with this.
  std::string read_until(std::string_view end) {
    std::string text;
    for (char c = 0; !text.ends_with(end) && ::read(ends_[0], &c, 1) == 1;) text.push_back(c);
    return text;
  }

 private:
  int stderr_ = ::dup(STDERR_FILENO);
  int ends_[2] = {-1, -1};
};

TEST_CASE("a signature whose record takes too long is dropped, and a second record says so") {
  FullPipe pipe;
  AuditedWorld world(10ms);
  CHECK(world.sign() == refused);
  const std::string text =
      pipe.read_until("UNAVAILABLE (the record of the signature was not written in time)\n");
  CHECK(count(": OK\n", text) == 1);
}

}  // namespace
}  // namespace ringrpc
