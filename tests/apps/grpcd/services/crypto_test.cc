#include "grpcd/services/crypto.h"

#include <algorithm>
#include <map>
#include <random>
#include <unistd.h>

#include "apps/captured_stderr.h"
#include "crypto_world.h"
#include "signer/digest.h"
#include "signer/ecdsa_encoding.h"

namespace ringrpc {
namespace {

using namespace std::chrono_literals;
using crypto::v1::PublicKeyRequest;
using crypto::v1::PublicKeyResponse;
using crypto::v1::SignRequest;
using crypto::v1::SignResponse;

/// Generated once, because an RSA key takes a while.
KeyRegistry every_key() { return new_keys({"rsa2048", "p256", "p384", "ed25519"}); }

/// The input that an algorithm signs for a message.
std::string input_of(Algorithm algorithm, const std::string& message) {
  const Hash hash = hash_of(algorithm);
  if (hash == Hash::none) return message;
  return std::string(as_text(digest_of(hash, as_bytes(message)).value().bytes()));
}

/// True if a response is a signature of `message` by the key that it names.
bool verifies(CryptoWorld& world, const SignResponse& response, const std::string& message) {
  PublicKeyRequest request;
  request.set_key_id(response.key_id());
  const Result<PublicKeyResponse> found = world.public_key(request);
  const std::optional<Algorithm> algorithm = algorithm_named(response.algorithm());
  if (!found || !algorithm) return false;
  const Result<PublicKey> key = PublicKey::from_spki(as_bytes(found->spki_der()));
  return key && key->id() == response.key_id() &&
         key->verify(*algorithm, as_bytes(input_of(*algorithm, message)), as_bytes(response.signature()))
             .ok();
}

std::string refusal(CryptoWorld& world, std::string_view method, const SignRequest& request) {
  const Result<SignResponse> response = world.sign(method, request);
  REQUIRE_FALSE(response);
  return response.error().to_string();
}

TEST_CASE("every algorithm signs messages and digests, and the response names algorithm and key") {
  CryptoWorld world(every_key());
  for (const Algorithm algorithm : every_algorithm) {
    CAPTURE(name(algorithm));
    const std::string message = "what is to be signed";
    const Result<SignResponse> response = world.sign("Sign", sign_request(message, name(algorithm)));
    REQUIRE(response);
    CHECK(response->algorithm() == name(algorithm));
    CHECK(verifies(world, *response, message));
    if (hash_of(algorithm) == Hash::none) continue;
    SignRequest request = sign_request(input_of(algorithm, message), name(algorithm));
    request.set_message_type(crypto::v1::DIGEST);
    const Result<SignResponse> of_digest = world.sign("Sign", request);
    REQUIRE(of_digest);
    CHECK(verifies(world, *of_digest, message));
  }
}

TEST_CASE("each method has its default") {
  CryptoWorld world(every_key());
  CHECK(world.sign("SignRSA", sign_request("m"))->algorithm() == "RSA_PSS_SHA256");
  CHECK(world.sign("SignECC", sign_request("m"))->algorithm() == "ECDSA_P256_SHA256");
  for (const auto& signer : world.keys.all())
    CHECK(world.sign("Sign", sign_request("m", "", signer->public_key().id()))->algorithm() ==
          name(signer->algorithms().first()));
}

TEST_CASE("empty messages and large ones are signed") {
  CryptoWorld world(every_key());
  for (const std::size_t bytes : {0u, 8u * 1024, 8u * 1024 + 1, 1024u * 1024}) {
    for (const char* algorithm : {"RSA_PKCS1_SHA512", "ECDSA_P256_SHA256", "ED25519"}) {
      const std::string message(bytes, 'm');
      const Result<SignResponse> response = world.sign("Sign", sign_request(message, algorithm));
      REQUIRE(response);
      CHECK(verifies(world, *response, message));
    }
  }
}

TEST_CASE("ECDSA gives r and s side by side when asked") {
  CryptoWorld world(every_key());
  for (const Algorithm algorithm : {Algorithm::ecdsa_p256_sha256, Algorithm::ecdsa_p384_sha384}) {
    SignRequest request = sign_request("m", name(algorithm));
    request.set_encoding(crypto::v1::RAW_RS);
    Result<SignResponse> response = world.sign("SignECC", request);
    REQUIRE(response);
    CHECK(response->signature().size() == (algorithm == Algorithm::ecdsa_p256_sha256 ? 64 : 96));
    response->set_signature(der_from_raw(key_kind(algorithm), response->signature()).value());
    CHECK(verifies(world, *response, "m"));
  }
}

TEST_CASE("a public key is found by type and by id") {
  CryptoWorld world(every_key());
  const std::pair<crypto::v1::KeyType, KeyKind> types[] = {{crypto::v1::RSA, KeyKind::rsa},
                                                           {crypto::v1::ECC, KeyKind::p256},
                                                           {crypto::v1::ECC_P384, KeyKind::p384},
                                                           {crypto::v1::ED25519, KeyKind::ed25519}};
  for (const auto& [type, kind] : types) {
    PublicKeyRequest request;
    request.set_key_type(type);
    const Result<PublicKeyResponse> by_type = world.public_key(request);
    REQUIRE(by_type);
    const Signer& signer = *world.keys.of_kind(kind);
    CHECK(by_type->key_id() == signer.public_key().id());
    CHECK(by_type->pem() == signer.public_key().pem());
    CHECK(by_type->spki_der() == as_text(signer.public_key().spki()));
    std::string names;
    for (const std::string& algorithm : by_type->algorithms())
      names += (names.empty() ? "" : ", ") + algorithm;
    CHECK(names == signer.algorithms().names());
    request.set_key_id(by_type->key_id());
    CHECK(world.public_key(request)->SerializeAsString() == by_type->SerializeAsString());
  }
}

TEST_CASE("ECC is the key on P-384 if there is no other; SignECC uses it when its algorithm is named") {
  CryptoWorld world(new_keys({"p384"}));
  PublicKeyRequest request;
  request.set_key_type(crypto::v1::ECC);
  CHECK(world.public_key(request)->key_id() == world.keys.all()[0]->public_key().id());
  CHECK(
      refusal(world, "SignECC", sign_request("m")).starts_with("NOT_FOUND: no key is for ECDSA_P256_SHA256"));
  CHECK(world.sign("SignECC", sign_request("m", "ECDSA_P384_SHA384")));
}

TEST_CASE("an unknown public key is refused with the known ones") {
  CryptoWorld world(new_keys({"p256"}));
  const std::string id = world.keys.all()[0]->public_key().id();
  const auto ask = [&](crypto::v1::KeyType type, const std::string& key_id) {
    PublicKeyRequest request;
    request.set_key_type(type);
    request.set_key_id(key_id);
    return world.public_key(request).error().to_string();
  };
  const std::string there_is = "; there is " + id + " for ECDSA_P256_SHA256";
  CHECK(ask(crypto::v1::KEY_TYPE_UNSPECIFIED, "") ==
        "INVALID_ARGUMENT: neither key_type nor key_id is given" + there_is);
  CHECK(ask(crypto::v1::RSA, "") == "NOT_FOUND: no key is of type RSA" + there_is);
  CHECK(ask(crypto::v1::ECC, "7c1e") == "NOT_FOUND: no key has the id '7c1e'" + there_is);
  CHECK(ask(crypto::v1::RSA, id) == "INVALID_ARGUMENT: key " + id + " is not of type RSA; give key_id alone");
  CHECK(ask(static_cast<crypto::v1::KeyType>(9), "").starts_with("INVALID_ARGUMENT: key_type 9 is unknown"));
}

TEST_CASE("a request that cannot be signed is refused with the valid choices") {
  CryptoWorld world(new_keys({"RSA_PSS_SHA256:rsa2048", "p256", "ed25519"}));
  const std::string rsa = world.keys.all()[0]->public_key().id();
  const std::string p256 = world.keys.all()[1]->public_key().id();
  const std::string ed25519 = world.keys.all()[2]->public_key().id();
  CHECK(refusal(world, "SignECC", sign_request("m", "ECDSA")) ==
        "INVALID_ARGUMENT: 'ECDSA' is not an algorithm; choose among ECDSA_P256_SHA256, ECDSA_P384_SHA384");
  CHECK(
      refusal(world, "SignECC", sign_request("m", "ED25519")) ==
      "INVALID_ARGUMENT: SignECC does not offer ED25519; choose among ECDSA_P256_SHA256, ECDSA_P384_SHA384");
  CHECK(refusal(world, "SignRSA", sign_request("m", "RSA_PKCS1_SHA256", rsa)) ==
        "INVALID_ARGUMENT: key " + rsa + " is not for RSA_PKCS1_SHA256; choose among RSA_PSS_SHA256");
  CHECK(refusal(world, "SignRSA", sign_request("m", "", ed25519)) ==
        "INVALID_ARGUMENT: key " + ed25519 + " is not for SignRSA; call Sign, and choose among ED25519");
  CHECK(refusal(world, "SignRSA", sign_request("m", "", p256)) ==
        "INVALID_ARGUMENT: key " + p256 +
            " is not for SignRSA; call SignECC or Sign, and choose among ECDSA_P256_SHA256");
  CHECK(refusal(world, "SignECC", sign_request("m", "ED25519", rsa)) ==
        "INVALID_ARGUMENT: key " + rsa +
            " is not for SignECC; call SignRSA or Sign, and choose among RSA_PSS_SHA256");
  CHECK(refusal(world, "Sign", sign_request("m", "ED25519", rsa)) ==
        "INVALID_ARGUMENT: key " + rsa + " is not for ED25519; choose among RSA_PSS_SHA256");
  CHECK(refusal(world, "SignRSA", sign_request("m", "RSA_PKCS1_SHA256"))
            .starts_with("NOT_FOUND: no key is for RSA_PKCS1_SHA256; there is " + rsa +
                         " for RSA_PSS_SHA256; "));
  CHECK(refusal(world, "Sign", sign_request("m", "", std::string(100, 'k')))
            .starts_with("NOT_FOUND: no key has the id '" + std::string(80, 'k') + "...'; there is "));
  CHECK(refusal(world, "Sign", sign_request("m"))
            .starts_with("INVALID_ARGUMENT: Sign needs an algorithm or a key_id"));

  SignRequest request = sign_request("short");
  request.set_message_type(crypto::v1::DIGEST);
  CHECK(refusal(world, "SignRSA", request) ==
        "INVALID_ARGUMENT: RSA_PSS_SHA256 takes a digest of 32 bytes (SHA256), not of 5");
  request.set_algorithm("ED25519");
  CHECK(refusal(world, "Sign", request) ==
        "INVALID_ARGUMENT: ED25519 signs whole messages, not digests; send RAW data");
  request.set_message_type(static_cast<crypto::v1::MessageType>(7));
  CHECK(refusal(world, "SignECC", sign_request("m", "ECDSA_P384_SHA384")).starts_with("NOT_FOUND: "));
  CHECK(refusal(world, "Sign", request) ==
        "INVALID_ARGUMENT: message_type 7 is unknown; choose RAW (0) or DIGEST (1)");
  request = sign_request("m");
  request.set_encoding(crypto::v1::RAW_RS);
  CHECK(refusal(world, "SignRSA", request) ==
        "INVALID_ARGUMENT: RAW_RS is for ECDSA only; leave out the encoding for RSA_PSS_SHA256");
  request.set_encoding(static_cast<crypto::v1::SignatureEncoding>(5));
  CHECK(refusal(world, "SignECC", request) ==
        "INVALID_ARGUMENT: encoding 5 is unknown; choose DER (0) or RAW_RS (1)");
}

TEST_CASE("a server without keys returns an error that says so") {
  CryptoWorld world{KeyRegistry()};
  CHECK(refusal(world, "SignRSA", sign_request("m")) ==
        "NOT_FOUND: no key is for RSA_PSS_SHA256; there are no keys");
}

TEST_CASE("with verification, an invalid signature is not sent") {
  const KeyRegistry real = new_keys({"p256"});
  const auto faulty = [&](Algorithm algorithm, Bytes input) {
    std::string other(as_text(input));
    other.front() ^= 1;
    return real.all()[0]->sign(algorithm, as_bytes(other));
  };
  const PublicKey& key = real.all()[0]->public_key();
  CryptoWorld trusting(fake_keys(key, faulty));
  CHECK(trusting.sign("SignECC", sign_request("m")));
  CryptoWorld verifying(fake_keys(key, faulty), {.verify_signatures = true});
  CHECK(verifying.sign("SignECC", sign_request("m")).error().code() == Code::INTERNAL);
  CryptoWorld sound(new_keys({"p256", "ed25519"}), {.verify_signatures = true});
  CHECK(sound.sign("SignECC", sign_request("m")));
  CHECK(sound.sign("Sign", sign_request("m", "ED25519")));
}

std::string lines_of(CryptoWorld& world, std::string_view method, const SignRequest& request) {
  const apps::CapturedStderr captured;
  static_cast<void>(world.sign(method, request));
  return captured.text();
}

TEST_CASE("each request is logged on a line without its data") {
  CryptoWorld world(every_key());
  const std::string ecdsa = world.keys.of_kind(KeyKind::p256)->public_key().id();
  const std::string ed25519 = world.keys.of_kind(KeyKind::ed25519)->public_key().id();
  const std::string sha256_of_abc = "SHA256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
  log::set_level(log::Level::info);
  std::string line = lines_of(world, "SignECC", sign_request("abc"));
  CHECK(line.find(" info 127.0.0.1:") != std::string::npos);
  CHECK(line.ends_with(" SignECC ECDSA_P256_SHA256 key " + ecdsa + " digest " + sha256_of_abc + ": OK\n"));
  line = lines_of(world, "Sign", sign_request("abc", "ED25519"));
  CHECK(line.ends_with(" Sign ED25519 key " + ed25519 + " digest " + sha256_of_abc + ": OK\n"));
  SignRequest of_digest = sign_request(std::string(32, 'd'));
  of_digest.set_message_type(crypto::v1::DIGEST);
  line = lines_of(world, "SignECC", of_digest);
  CHECK(line.ends_with(" digest SHA256:" + hex(as_bytes(of_digest.data())) + " (as sent): OK\n"));
  line = lines_of(world, "Sign", sign_request("abc", "nothing\n"));
  CHECK(line.ends_with(" Sign - key - digest -: INVALID_ARGUMENT\n"));
  log::set_level(log::Level::warn);
  CHECK(lines_of(world, "SignECC", sign_request("abc")).empty());
}

TEST_CASE("the line of a refused request has the algorithm and the key as far as they are known") {
  CryptoWorld world(every_key());
  const std::string rsa = world.keys.of_kind(KeyKind::rsa)->public_key().id();
  log::set_level(log::Level::info);
  const auto end_of_line = [&](std::string_view method, const SignRequest& request) {
    const std::string line = lines_of(world, method, request);
    return line.substr(std::min(line.find(" Sign"), line.size()));
  };
  SignRequest request = sign_request("short");
  request.set_message_type(crypto::v1::DIGEST);
  CHECK(end_of_line("SignRSA", request) ==
        " SignRSA RSA_PSS_SHA256 key " + rsa + " digest -: INVALID_ARGUMENT\n");
  CHECK(end_of_line("Sign", sign_request("abc", "ED25519", rsa)) ==
        " Sign ED25519 key " + rsa + " digest -: INVALID_ARGUMENT\n");
  CHECK(end_of_line("Sign", sign_request("abc", "nothing", rsa)) ==
        " Sign - key " + rsa + " digest -: INVALID_ARGUMENT\n");
  CHECK(end_of_line("Sign", sign_request("abc", "ED25519", "7c1e")) ==
        " Sign ED25519 key - digest -: NOT_FOUND\n");
}

TEST_CASE("a flood of refusals leaves few lines, and does not hide the signatures meanwhile") {
  constexpr int each = 40;
  CryptoWorld world(new_keys({"p256"}));
  const apps::CapturedStderr captured;
  log::set_level(log::Level::info);
  world.run([&](CryptoWorld::Stub& stub) -> Task<void> {
    for (int i = 0; i < each; ++i) {
      const SignRequest good = sign_request("m");
      CHECK(co_await stub.SignECC(good));
      for (int bad = 0; bad < 10; ++bad) {
        const SignRequest unknown = sign_request("m", "", "7c1e");
        CHECK_FALSE(co_await stub.SignECC(unknown));
      }
    }
  });
  const std::string text = captured.text();
  const auto count = [&](std::string_view what) {
    int found = 0;
    for (std::size_t at = text.find(what); at != text.npos; at = text.find(what, at + 1)) ++found;
    return found;
  };
  CHECK(count(": OK\n") == each);
  CHECK(count(": NOT_FOUND") > 0);
  CHECK(count(": NOT_FOUND") < 10 * each / 2);  // more are logged if the test takes seconds
}

TEST_CASE("the line has the peer's identity if the transport vouches for one") {
  CryptoWorld world(new_keys({"p256"}));
  world.world.serve({}, "unix-abstract:ringrpc-audit-" + std::to_string(::getpid()));
  log::set_level(log::Level::info);
  const std::string line = lines_of(world, "SignECC", sign_request("abc"));
  const std::string who = " info unix: (pid " + std::to_string(::getpid()) + ", uid " +
                          std::to_string(::geteuid()) + ", gid " + std::to_string(::getegid()) +
                          ") SignECC ECDSA_P256_SHA256 key ";
  CHECK_MESSAGE(line.find(who) != std::string::npos, line);
}

/// True if a response is a signature of the requested data by a key of the world.
bool answers(CryptoWorld& world, const SignRequest& request, const SignResponse& response) {
  const Signer* const signer = world.keys.with_id(response.key_id());
  const std::optional<Algorithm> algorithm = algorithm_named(response.algorithm());
  if (!signer || !algorithm || !signer->algorithms().contains(*algorithm)) return false;
  if (!request.key_id().empty() && request.key_id() != response.key_id()) return false;
  if (!request.algorithm().empty() && request.algorithm() != response.algorithm()) return false;
  const std::string input =
      request.message_type() == crypto::v1::DIGEST ? request.data() : input_of(*algorithm, request.data());
  Result<std::string> signature = response.signature();
  if (request.encoding() == crypto::v1::RAW_RS) signature = der_from_raw(key_kind(*algorithm), *signature);
  return signature && signer->public_key().verify(*algorithm, as_bytes(input), as_bytes(*signature)).ok();
}

/// Generates random requests, of which some can be signed.
class RequestDice {
 public:
  explicit RequestDice(const KeyRegistry& keys) {
    for (const auto& signer : keys.all()) ids_.push_back(signer->public_key().id());
    for (const Algorithm algorithm : every_algorithm) names_.emplace_back(name(algorithm));
  }

  SignRequest request() {
    const std::size_t sizes[] = {0, 1, 31, 32, 33, 48, 64, 100, 20'000};
    // One statement each, so that every compiler draws in the same order.
    const std::size_t bytes = sizes[number_below(9)];
    const std::string data(bytes, static_cast<char>(random_()));
    const auto algorithm = one_of(names_);
    SignRequest request = sign_request(data, algorithm, one_of(ids_));
    request.set_message_type(static_cast<crypto::v1::MessageType>(static_cast<int>(number_below(4)) - 1));
    request.set_encoding(static_cast<crypto::v1::SignatureEncoding>(static_cast<int>(number_below(4)) - 1));
    return request;
  }
  std::string method() { return one_of(std::vector<std::string>{"SignRSA", "SignECC", "Sign"}); }
  /// The request's bytes with some of them changed, one added, or the last ones removed.
  std::string damaged(const SignRequest& request) {
    std::string bytes = request.SerializeAsString();
    for (std::size_t changes = 1 + number_below(3); changes > 0 && !bytes.empty(); --changes) {
      const std::size_t at = number_below(std::min<std::size_t>(bytes.size(), 200));
      const char byte = static_cast<char>(random_());
      switch (number_below(8)) {
        case 0:
          bytes.resize(at);
          break;
        case 1:
          bytes.insert(at, 1, byte);
          break;
        case 2:
        case 3:
          bytes[at] = byte;
          break;
        default:
          bytes[at] ^= static_cast<char>(1 << number_below(7));  // keeps text valid
      }
    }
    return bytes;
  }

 private:
  std::size_t number_below(std::size_t end) { return random_() % end; }
  std::string one_of(const std::vector<std::string>& all) { return all[number_below(all.size())]; }

  std::vector<std::string> ids_ = {"", "", "", "0", std::string(64, 'f'), std::string(5000, 'x'), "\xc3\xa9"};
  std::vector<std::string> names_ = {"",         "RSA",     "ecdsa_p256_sha256", std::string(5000, 'A'),
                                     "ED25519 ", "\xc3\xa9"};
  std::mt19937 random_{5};
};

TEST_CASE("any request gets a response: a valid signature, or a status with the reason") {
  CryptoWorld world(new_keys({"rsa2048", "p256", "p384", "ED25519:ed25519"}));
  RequestDice dice(world.keys);
  std::map<Code, int> codes;
  std::map<KeyKind, int> kinds;
  for (int i = 0; i < 3000; ++i) {
    const SignRequest request = dice.request();
    const Result<SignResponse> response = world.sign(dice.method(), request);
    ++codes[response ? Code::OK : response.error().code()];
    if (response) {
      CHECK_MESSAGE(answers(world, request, *response), request.ShortDebugString());
      ++kinds[key_kind(algorithm_named(response->algorithm()).value())];
    } else {
      CHECK(response.error().message().size() > 10);
    }
  }
  CHECK(codes.size() == 3);
  CHECK(codes[Code::OK] > 30);
  CHECK(codes[Code::INVALID_ARGUMENT] > 100);
  CHECK(codes[Code::NOT_FOUND] > 100);
  CHECK(kinds.size() == 4);
}

TEST_CASE("for any bytes of a request, a signature is of the data in them") {
  CryptoWorld world(new_keys({"rsa2048", "p256", "p384", "ed25519"}));
  RequestDice dice(world.keys);
  std::map<Code, int> codes;
  const apps::CapturedStderr complaints;  // protobuf's errors about invalid messages
  for (int i = 0; i < 1500; ++i) {
    SignRequest request = dice.request();
    if (i % 2 == 0)
      request = sign_request(std::string(100, 'm'),
                             name(every_algorithm[static_cast<std::size_t>(i) / 2 % every_algorithm.size()]));
    const std::string bytes = dice.damaged(request);
    const std::string path = "/crypto.v1.CryptoService/" + dice.method();
    Result<RawMessage> answer = fail(Code::UNKNOWN, "the call did not end");
    REQUIRE(world.world.run([&](Channel& channel) -> Task<void> {
      answer = co_await channel.unary<RawMessage, RawMessage>(path, RawMessage{bytes}, {});
    }));
    ++codes[answer ? Code::OK : answer.error().code()];
    if (!answer) {
      CHECK(answer.error().message().size() > 10);
      continue;
    }
    SignResponse response;
    SignRequest meant;
    CHECK(response.ParseFromString(answer->bytes));
    CHECK(meant.ParseFromString(bytes));
    CHECK_MESSAGE(answers(world, meant, response), meant.ShortDebugString());
  }
  CHECK(codes[Code::OK] > 150);
}

}  // namespace
}  // namespace ringrpc
