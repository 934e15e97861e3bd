#include "grpcd/services/signing_job.h"

#include <chrono>

#include "crypto_world.h"

namespace ringrpc {
namespace {

using namespace std::chrono_literals;

TEST_CASE("a job without a waiting caller is not signed") {
  const PublicKey key = new_keys({"p256"}).all()[0]->public_key();
  int begun = 0;
  const FakeSigner signer(key, [&begun](Algorithm, Bytes) -> Result<std::string> {
    ++begun;
    return "signature";
  });
  const SigningChoice choice{.signer = &signer, .algorithm = Algorithm::ecdsa_p256_sha256};
  const auto use = std::make_shared<SigningUse>();
  const auto run = [&](Instant expires) {
    return SigningJob(choice, sign_request("m"), {.digest = true}, expires, use).run();
  };
  const Instant now = std::chrono::steady_clock::now();
  for (const Instant past : {now, now - 1ms, now - 24h, Instant()}) {
    const Result<std::string> late = run(past);
    REQUIRE_FALSE(late);
    CHECK(late.error().to_string() == "DEADLINE_EXCEEDED: the deadline passed before the data was signed");
  }
  CHECK(begun == 0);
  for (const Instant future : {now + 24h, never}) CHECK(run(future).value() == "signature");
  CHECK(begun == 2);
  CHECK(use->close().value().starts_with("SHA256:62c66a7a5dd70c3146618063c344e531"));
  CHECK(run(never).error().to_string() == "CANCELLED: the call ended before its data was signed");
  CHECK(begun == 2);
}

}  // namespace
}  // namespace ringrpc
