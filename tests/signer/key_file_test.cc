// Key files: the usual forms, and damaged or unsuitable ones.
#include "signer/key_file.h"

#include <array>
#include <cstdio>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <random>
#include <sstream>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

#include "apps/captured_stderr.h"
#include "apps/scratch_folder.h"
#include "keys.h"
#include "signer/digest.h"

namespace ringrpc {
namespace {

/// The output of a command.
std::string output_of(const std::string& command) {
  FILE* const pipe = ::popen((command + " 2>/dev/null").c_str(), "r");
  REQUIRE(pipe);
  std::string text;
  std::array<char, 4096> buffer;
  while (const std::size_t got = std::fread(buffer.data(), 1, buffer.size(), pipe))
    text.append(buffer.data(), got);
  REQUIRE_MESSAGE(::pclose(pipe) == 0, command);
  return text;
}

/// A new key in the form that `openssl genpkey` writes.
std::string new_pem(const std::string& words) { return output_of("openssl genpkey " + words); }

const std::string rsa2048 = "-algorithm RSA -pkeyopt rsa_keygen_bits:2048";
const std::string p256 = "-algorithm EC -pkeyopt ec_paramgen_curve:P-256";

std::string refusal(const std::string& text, std::string_view passphrase = {}) {
  const Result<KeyRegistry> keys = keys_of(text, passphrase);
  REQUIRE_FALSE(keys);
  const std::string message(keys.error().message());
  CHECK(message.starts_with("key file /tmp/ringrpc-test-"));
  return message.substr(message.find(": ") + 2);
}

TEST_CASE("keys of every kind are loaded, plain and encrypted") {
  for (const std::string& words :
       {rsa2048, p256, std::string("-algorithm EC -pkeyopt ec_paramgen_curve:P-384"),
        std::string("-algorithm ED25519")}) {
    const std::string plain = new_pem(words);
    const Result<KeyRegistry> keys = keys_of(plain);
    REQUIRE(keys);
    const apps::ScratchFile file(plain);
    for (const char* cipher : {"-v2 aes256", "-v2 aes128 -v2prf hmacWithSHA512", "-scrypt"}) {
      const Result<KeyRegistry> decrypted = keys_of(output_of("openssl pkcs8 -topk8 " + std::string(cipher) +
                                                              " -passout pass:secret -in " + file.path()),
                                                    "secret");
      REQUIRE(decrypted);
      CHECK(decrypted->all()[0]->public_key().id() == keys->all()[0]->public_key().id());
    }
  }
}

TEST_CASE("the id is the SHA-256 of the SPKI, and the PEM is OpenSSL's") {
  for (const std::string& words : {rsa2048, p256, std::string("-algorithm ED25519")}) {
    const apps::ScratchFile file(new_pem(words));
    const std::vector<KeySource> sources = {KeySource::from_file(file.path()).value()};
    const KeyRegistry keys = make_keys(sources, {}).value();
    const PublicKey& key = keys.all()[0]->public_key();
    CHECK(key.pem() == output_of("openssl pkey -pubout -in " + file.path()));
    const std::string& first = key.pem();
    CHECK(key.pem().data() == first.data());  // made once, not at each call
    CHECK(output_of("openssl pkey -pubout -outform DER -in " + file.path() + " | sha256sum")
              .starts_with(key.id()));
  }
}

TEST_CASE("an encrypted key without its passphrase is refused") {
  const std::string text = new_pem(p256 + " -aes256 -pass pass:secret");
  CHECK(refusal(text) == "it is encrypted, and no passphrase was given");
  CHECK(refusal(text, "Secret") == "it cannot be decrypted; the passphrase is wrong or the file is damaged");
  CHECK(keys_of(text, std::string(1025, 'x')).error().code() == Code::FAILED_PRECONDITION);
}

TEST_CASE("weak keys and keys of other types are refused") {
  CHECK(refusal(new_pem("-algorithm RSA -pkeyopt rsa_keygen_bits:1024")) ==
        "an RSA key of 1024 bits is too weak; use 2048 to 8192");
  const std::pair<const char*, const char*> others[] = {
      {"-algorithm EC -pkeyopt ec_paramgen_curve:P-521", "EC on secp521r1"},
      {"-algorithm EC -pkeyopt ec_paramgen_curve:secp256k1", "EC on secp256k1"},
      {"-algorithm X25519", "X25519"},
      {"-algorithm ED448", "ED448"},
      {"-algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048", "RSA-PSS"}};
  for (const auto& [words, type] : others)
    CHECK(refusal(new_pem(words)) ==
          "a key of type " + std::string(type) +
              " signs with none of the algorithms; use RSA, P-256, P-384 or Ed25519");
}

TEST_CASE("RSA keys with a small or an even public exponent are refused, and still verify") {
  const std::string remedy = "; use 65537, as `openssl genpkey -algorithm RSA` does";
  for (const std::string exponent : {"3", "65535"}) {
    const apps::ScratchFile file(new_pem(rsa2048 + " -pkeyopt rsa_keygen_pubexp:" + exponent));
    const std::vector<KeySource> sources = {KeySource::from_file(file.path()).value()};
    CHECK(make_keys(sources, {}).error().message() == "key file " + file.path() +
                                                          ": an RSA key with the public exponent " +
                                                          exponent + " is too weak" + remedy);
    const std::string spki = output_of("openssl pkey -pubout -outform DER -in " + file.path());
    const std::string signature = output_of("printf abc | openssl dgst -sha256 -sign " + file.path());
    const Digest digest = digest_of(Hash::sha256, as_bytes("abc")).value();
    CHECK(PublicKey::from_spki(as_bytes(spki))
              ->verify(Algorithm::rsa_pkcs1_sha256, digest.bytes(), as_bytes(signature))
              .ok());
  }
  const apps::ScratchFile file(new_pem(rsa2048));
  std::string even = output_of("openssl pkcs8 -topk8 -nocrypt -outform DER -in " + file.path());
  const std::size_t exponent = even.find(bytes_of_hex("0203010001"));
  REQUIRE(exponent != even.npos);
  even[exponent + 4] = 2;
  CHECK(refusal(pem_of("PRIVATE KEY", even)) ==
        "an RSA key with the public exponent 65538 is not valid, because it is even" + remedy);
}

TEST_CASE("a curve given by its parameters is stored by its name") {
  for (const std::string curve : {"P-256", "P-384"}) {
    const apps::ScratchFile file(
        new_pem("-algorithm EC -pkeyopt ec_param_enc:explicit -pkeyopt ec_paramgen_curve:" + curve));
    const std::vector<KeySource> sources = {KeySource::from_file(file.path()).value()};
    const KeyRegistry keys = make_keys(sources, {}).value();
    const PublicKey& key = keys.all()[0]->public_key();
    CHECK(name(key.kind()) == curve);
    CHECK(key.spki().size() == (curve == "P-256" ? 91 : 120));
    CHECK(key.pem() == output_of("openssl ec -pubout -param_enc named_curve -in " + file.path()));
  }
}

TEST_CASE("a curve without a name is refused") {
  const apps::ScratchFile file(new_pem(p256 + " -pkeyopt ec_param_enc:explicit"));
  std::string spki = output_of("openssl pkey -pubout -outform DER -in " + file.path());
  // With the public point as its generator, P-256 is a curve without a name.
  constexpr std::size_t point_bytes = 65;
  spki.replace(spki.find("\x04\x6b\x17\xd1\xf2"), point_bytes, spki.substr(spki.size() - point_bytes));
  const Result<PublicKey> key = PublicKey::from_spki(as_bytes(spki));
  REQUIRE_FALSE(key);
  CHECK(key.error().message().starts_with("a key of type EC on explicit parameters signs with none"));
}

TEST_CASE("files of other kinds are refused with the remedy") {
  const apps::ScratchFile file(new_pem(rsa2048));
  CHECK(refusal("") == "it is not PEM; give a private key that begins with -----BEGIN PRIVATE KEY-----");
  CHECK(refusal("hello\n").starts_with("it is not PEM"));
  CHECK(refusal(output_of("openssl pkcs8 -topk8 -nocrypt -outform DER -in " + file.path()))
            .starts_with("it is not PEM"));
  CHECK(refusal(output_of("openssl pkey -pubout -in " + file.path())) ==
        "it has no private key; signing needs one, in PEM (PKCS#8)");
  CHECK(refusal(output_of("openssl rsa -traditional -in " + file.path())) ==
        "it has a key in another format; convert it: openssl pkcs8 -topk8 -in OLD -out NEW");
  CHECK(
      refusal("-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n") ==
      "it has a key in OpenSSH's format; convert a copy of it: ssh-keygen -p -m PKCS8 -f COPY (which leaves "
      "Ed25519 as it is: make a new one, openssl genpkey -algorithm ed25519 -out FILE)");
  const std::string pem = new_pem(p256);
  CHECK(refusal(pem + pem) == "it has more than one PEM block; give the key a file of its own");
  CHECK(refusal(std::string(70'000, 'x')) == "it is larger than 64 KiB, which no key is");
  CHECK(keys_of(pem, {}, algorithms_of(KeyKind::rsa)).error().code() == Code::INVALID_ARGUMENT);
}

TEST_CASE("a path without a file is refused with the system's error") {
  const auto code = [](const std::string& path) {
    const std::vector<KeySource> sources = {KeySource::from_file(path).value()};
    return make_keys(sources, {}).error().code();
  };
  const apps::ScratchFolder folder;
  CHECK(code(folder.file("key.pem")) == Code::NOT_FOUND);
  CHECK(code("/tmp") == Code::INVALID_ARGUMENT);
  CHECK(code("/dev/zero") == Code::INVALID_ARGUMENT);
  CHECK(code("/dev/null") == Code::INVALID_ARGUMENT);
}

TEST_CASE("a pipe is read from its writer, and refused at once without one") {
  const auto load = [](const std::string& path) {
    const std::vector<KeySource> sources = {KeySource::from_file(path).value()};
    return make_keys(sources, {});
  };
  const apps::ScratchFile file("");
  ::unlink(file.path().c_str());
  REQUIRE(::mkfifo(file.path().c_str(), 0600) == 0);
  const Result<KeyRegistry> none = load(file.path());
  REQUIRE_FALSE(none);
  CHECK(none.error().to_string() ==
        "INVALID_ARGUMENT: key file " + file.path() +
            ": it is a pipe without a writer; give a file, or open the pipe for writing first");

  std::array<int, 2> ends{};
  REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
  std::thread writer([&] {
    const std::string pem = new_pem(p256);
    CHECK(::write(ends[1], pem.data(), pem.size()) == static_cast<ssize_t>(pem.size()));
    ::close(ends[1]);
  });
  const Result<KeyRegistry> piped = load("/dev/fd/" + std::to_string(ends[0]));
  writer.join();
  ::close(ends[0]);
  CHECK_MESSAGE(piped, piped.error().to_string());
}

TEST_CASE("a passphrase that would take too long to try is not tried") {
  const std::string expected =
      "to try a passphrase takes more than 10 million iterations (of scrypt N * r * p); encrypt it again "
      "with "
      "fewer: openssl pkcs8 -topk8 -iter 1000000 -in OLD -out NEW";
  const std::string wrong = "it cannot be decrypted; the passphrase is wrong or the file is damaged";
  // EncryptedPrivateKeyInfo: PBES2 with a derivation and aes256-CBC, or one scheme for both.
  const std::string aes = "301d060960864801650304012a0410000102030405060708090a0b0c0d0e0f";
  const auto sequence = [](const std::string& digits) {
    REQUIRE(digits.size() < 256);
    return fmt::format("30{:02x}", digits.size() / 2) + digits;
  };
  const auto file = [&](const std::string& scheme) {
    return pem_of("ENCRYPTED PRIVATE KEY", bytes_of_hex(sequence(scheme + "0410" + std::string(32, '5'))));
  };
  const auto pbes2 = [&](const std::string& derivation) {
    return file(sequence("06092a864886f70d01050d" + sequence(derivation + aes)));
  };
  const auto pbkdf2 = [&](const std::string& iterations) {
    return pbes2(sequence("06092a864886f70d01050c" + sequence("04080102030405060708" + iterations)));
  };
  CHECK(refusal(pbkdf2("02020800"), "secret") == wrong);
  CHECK(refusal(pbkdf2("020400989681"), "secret") == expected);  // one above the limit
  CHECK(refusal(pbkdf2("02047fffffff"), "secret") == expected);
  CHECK(refusal(pbkdf2("02087fffffffffffffff"), "secret") == expected);
  CHECK(refusal(pbkdf2("020a7fffffffffffffffffff"), "secret") == expected);

  const auto scrypt = [&](const std::string& numbers) {
    return pbes2(sequence("06092b06010401da47040b" + sequence("04080102030405060708" + numbers)));
  };
  CHECK(refusal(scrypt("02020400020108020101"), "secret") == wrong);
  CHECK(refusal(scrypt("020300800002010802022710"), "secret") == expected);
  CHECK(refusal(scrypt("02087fffffffffffffff020108020101"), "secret") == expected);

  const std::string triple_des = "060a2a864886f70d010c0103";  // from PKCS#12
  CHECK(refusal(file(sequence(triple_des + sequence("0408010203040506070802047fffffff"))), "secret") ==
        expected);
  CHECK(refusal("-----BEGIN ENCRYPTED PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n", "secret")
            .starts_with("it has a key in another format; convert it"));
}

TEST_CASE("RSA numbers that do not belong together are refused") {
  const apps::ScratchFile file(new_pem(rsa2048));
  const std::string der = output_of("openssl pkcs8 -topk8 -nocrypt -outform DER -in " + file.path());
  std::string forged = der;
  forged[forged.size() - 3] ^= 1;  // in the coefficient
  CHECK(refusal(pem_of("PRIVATE KEY", forged)) ==
        "the numbers of the key do not belong together: it is damaged or forged");
}

TEST_CASE("a curve's private number that is not its public point's is refused") {
  const std::pair<const char*, std::size_t> curves[] = {{"P-256", 65}, {"P-384", 97}};
  for (const auto& [curve, point_bytes] : curves) {
    const auto new_der = [curve] {
      return output_of("openssl genpkey -outform DER -algorithm EC -pkeyopt ec_paramgen_curve:" +
                       std::string(curve) + " | openssl pkcs8 -topk8 -nocrypt -inform DER -outform DER");
    };
    const std::string der = new_der();
    const std::string other = new_der();
    REQUIRE(keys_of(pem_of("PRIVATE KEY", der)));
    REQUIRE(other.size() == der.size());
    const std::size_t point = der.size() - point_bytes;
    CHECK(refusal(pem_of("PRIVATE KEY", der.substr(0, point) + other.substr(point))) ==
          "the numbers of the key do not belong together: it is damaged or forged");
  }
}

/// The base64 of a PEM text as one line.
std::string base64_of(const std::string& pem) {
  std::istringstream lines(pem);
  std::string base64;
  for (std::string line; std::getline(lines, line);)
    if (!line.contains('-')) base64 += line;
  return base64;
}

/// Checks and counts damaged copies of a good file.
struct Damaged {
  explicit Damaged(const std::string& good, std::string_view its_passphrase = {})
      : base64(base64_of(good)), passphrase(its_passphrase) {
    const KeyRegistry keys = keys_of(good, passphrase).value();
    kind = keys.all()[0]->public_key().kind();
    id = keys.all()[0]->public_key().id();
  }

  /// A copy must either be refused with a message that quotes nothing of it, or load as the same key. Only an
  /// Ed25519 copy may load as another key, because any seed makes one.
  void check(const std::string& text) {
    const Result<KeyRegistry> keys = keys_of(text, passphrase);
    if (keys) {
      ++taken;
      REQUIRE(keys->all().size() == 1);
      const PublicKey& key = keys->all()[0]->public_key();
      CHECK(key.kind() == kind);
      if (kind != KeyKind::ed25519) CHECK(key.id() == id);
      return;
    }
    ++refused;
    CHECK(keys.error().code() != Code::OK);
    const std::string_view message = keys.error().message();
    CHECK(message.starts_with("key file "));
    CHECK(message.size() < 300);
    check_nothing_told(message, base64);
    check_nothing_told(message, base64_of(text));
  }

  static void check_nothing_told(std::string_view message, const std::string& secret) {
    constexpr std::size_t window = 8;  // six bytes
    for (std::size_t at = 0; at + window <= secret.size(); ++at)
      if (message.contains(std::string_view(secret).substr(at, window)))
        FAIL_CHECK("of the file is told: ", message);
  }

  std::string base64;
  std::string passphrase;
  KeyKind kind = {};
  std::string id;
  int taken = 0;
  int refused = 0;
};

TEST_CASE("damaged files are refused: cut anywhere, and with any bytes changed") {
  std::mt19937 random(7);
  for (const std::string& words :
       {p256, std::string("-algorithm ED25519"), p256 + " -aes256 -pass pass:secret"}) {
    const std::string text = new_pem(words);
    Damaged cut(text, "secret");
    const std::size_t last_line = text.find("-----END");
    for (std::size_t size = 0; size < text.size(); size += 1 + random() % 24) {
      cut.check(text.substr(0, size));
      if (size <= last_line) CHECK(cut.taken == 0);
    }
    Damaged changed(text, "secret");
    for (int round = 0; round < 60; ++round) {
      std::string file = text;
      for (unsigned flips = 1 + random() % 3; flips > 0; --flips)
        file[random() % file.size()] = static_cast<char>(random());
      changed.check(file);
    }
    CHECK(changed.refused > 50);
  }
}

TEST_CASE("damaged PKCS#8 is refused: any bytes changed inside valid base64") {
  std::mt19937 random(11);
  for (const std::string& words : {rsa2048, p256, std::string("-algorithm ED25519")}) {
    const apps::ScratchFile file(new_pem(words));
    const std::string der = output_of("openssl pkcs8 -topk8 -nocrypt -outform DER -in " + file.path());
    Damaged damaged(pem_of("PRIVATE KEY", der));
    for (int round = 0; round < 60; ++round) {
      std::string changed = der.substr(0, random() % 4 == 0 ? random() % der.size() : der.size());
      for (unsigned flips = 1 + random() % 4; flips > 0 && !changed.empty(); --flips)
        changed[random() % std::min<std::size_t>(changed.size(), 64)] = static_cast<char>(random());
      damaged.check(pem_of("PRIVATE KEY", changed));
    }
    CHECK(damaged.refused > (damaged.kind == KeyKind::ed25519 ? 20 : 50));  // half of its bytes are the seed
  }
}

TEST_CASE("a file that everybody can read causes a warning") {
  const apps::ScratchFile file(new_pem(p256));
  const std::vector<KeySource> sources = {KeySource::from_file(file.path()).value()};
  const auto logged = [&](mode_t mode) {
    ::chmod(file.path().c_str(), mode);
    const apps::CapturedStderr captured;
    CHECK(make_keys(sources, {}));
    return captured.text();
  };
  CHECK(logged(0600).empty());
  CHECK(logged(0644).find(file.path() + " can be read by all users; chmod o-r") != std::string::npos);
}

TEST_CASE("a passphrase is the first line of its file") {
  const auto read = [](const std::string& text) {
    const apps::ScratchFile file(text);
    const Result<GuardedBytes> passphrase = read_passphrase_file(file.path());
    return passphrase ? std::string(as_text(passphrase->bytes())) : "refused";
  };
  CHECK(read("secret\n") == "secret");
  CHECK(read("two words \r\nand more\n") == "two words ");
  CHECK(read("bare") == "bare");
  CHECK(read("") == "refused");
  CHECK(read("\nsecret\n") == "refused");
  CHECK(read(std::string(1025, 'x')) == "refused");
  const apps::ScratchFolder folder;
  CHECK(read_passphrase_file(folder.file("passphrase")).error().code() == Code::NOT_FOUND);
}

}  // namespace
}  // namespace ringrpc
