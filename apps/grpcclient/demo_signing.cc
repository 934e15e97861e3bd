#include "grpcclient/demo_signing.h"

#include <array>
#include <chrono>
#include <fmt/format.h>
#include <string>
#include <string_view>
#include <utility>

#include "crypto/v1/crypto.ringrpc.h"
#include "grpcclient/demo.h"
#include "signer/digest.h"
#include "signer/public_key.h"

namespace ringrpc::grpcclient {
namespace {

using crypto::v1::CryptoService;
using crypto::v1::PublicKeyRequest;
using crypto::v1::PublicKeyResponse;
using crypto::v1::SignRequest;
using crypto::v1::SignResponse;

constexpr std::string_view message = "signed for grpcclient demo";

struct Sample {
  DemoKey key;
  Algorithm algorithm;
  std::string_view method;
};

constexpr std::array<Sample, 3> samples = {{{DemoKey::rsa, Algorithm::rsa_pkcs1_sha256, "SignRSA"},
                                            {DemoKey::ecc, Algorithm::ecdsa_p256_sha256, "SignECC"},
                                            {DemoKey::ed25519, Algorithm::ed25519, "Sign"}}};

/// The exit status when the server has no key of some kind.
constexpr int no_key = static_cast<int>(Code::NOT_FOUND);

Instant now() { return std::chrono::steady_clock::now(); }

Failure failed(std::string_view method, const Status& status) {
  Failure failure = call_failure(std::string("crypto.v1.CryptoService/").append(method), status);
  if (status.code() == Code::UNIMPLEMENTED) failure.message += "; --key none skips signing";
  return failure;
}

Task<Result<SignResponse>> sign(const CryptoService::Stub& crypto, const Sample& sample,
                                CallOptions options) {
  SignRequest request;
  request.set_data(std::string(message));
  request.set_algorithm(std::string(name(sample.algorithm)));
  if (sample.key == DemoKey::rsa) co_return co_await crypto.SignRSA(request, options);
  if (sample.key == DemoKey::ecc) co_return co_await crypto.SignECC(request, options);
  co_return co_await crypto.Sign(request, options);
}

Status verify(const Sample& sample, const SignResponse& signature, const PublicKeyResponse& spki) {
  const Result<PublicKey> key = PublicKey::from_spki(as_bytes(spki.spki_der()));
  if (!key) return key.error();
  if (key->id() != signature.key_id())
    return fail(Code::INVALID_ARGUMENT,
                "the server returned the public key " + key->id() + " for the key id " + signature.key_id());
  const Hash hash = hash_of(sample.algorithm);
  if (hash == Hash::none)
    return key->verify(sample.algorithm, as_bytes(message), as_bytes(signature.signature()));
  const Result<Digest> digest = digest_of(hash, as_bytes(message));
  if (!digest) return digest.error();
  return key->verify(sample.algorithm, digest->bytes(), as_bytes(signature.signature()));
}

Task<Outcome<std::string>> show(Session& session, const CryptoService::Stub& crypto, const Sample& sample) {
  const Instant begun = now();
  CallOptions options = session.call_options();
  const Result<SignResponse> signature = co_await sign(crypto, sample, std::move(options));
  if (!signature) co_return std::unexpected(failed(sample.method, signature.error()));
  const Instant signed_at = now();

  PublicKeyRequest request;
  request.set_key_id(signature->key_id());
  options = session.call_options();
  const CallResult<PublicKeyResponse> key = co_await crypto.GetPublicKey(request, options);
  if (!key) co_return std::unexpected(failed("GetPublicKey", key.error()));
  const Instant fetched_at = now();

  if (const Status status = verify(sample, *signature, *key); !status.ok())
    co_return fail_with(exit_protocol, std::string(status.message()));
  co_return fmt::format("{:>17}  {:>10}  {:>11}  {:>10}\n", name(sample.algorithm),
                        format_time(signed_at - begun), format_time(fetched_at - signed_at),
                        format_time(now() - fetched_at));
}

}  // namespace

Task<Outcome<bool>> demo_signing(Session& session) {
  const DemoKey wanted = session.values.demo_key;
  const CryptoService::Stub crypto(session.channel);
  std::string heading =
      fmt::format("\n{:>17}  {:>10}  {:>11}  {:>10}\n", "signature", "round trip", "key fetched", "verified");
  Outcome<bool> done = true;
  for (const Sample& sample : samples) {
    if (wanted != DemoKey::all && wanted != sample.key) continue;
    const Outcome<std::string> line = co_await show(session, crypto, sample);
    if (!line && line.error().exit_status != no_key) co_return std::unexpected(line.error());
    if (!line) {
      if (done) done = std::unexpected(line.error());
      continue;
    }
    Outcome<bool> printed = print(std::exchange(heading, {}) + *line);
    if (!printed) co_return printed;
  }
  co_return done;
}

}  // namespace ringrpc::grpcclient
