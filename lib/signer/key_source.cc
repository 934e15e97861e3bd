#include "signer/key_source.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <optional>
#include <utility>

#include "signer/guarded_thread.h"
#include "signer/key_file.h"
#include "signer/key_heap.h"
#include "signer/private_key.h"

namespace ringrpc {

namespace {

struct Generated {
  std::string_view name;
  KeyKind kind;
  unsigned rsa_bits = 0;
};

constexpr std::array<Generated, 6> kinds = {{{"rsa2048", KeyKind::rsa, 2048},
                                             {"rsa3072", KeyKind::rsa, 3072},
                                             {"rsa4096", KeyKind::rsa, 4096},
                                             {"p256", KeyKind::p256},
                                             {"p384", KeyKind::p384},
                                             {"ed25519", KeyKind::ed25519}}};

// The memory to generate or check keys at the same time, and the memory of each finished key.
constexpr std::size_t heap_bytes = 1024 * 1024;
constexpr std::size_t heap_bytes_per_key = 64 * 1024;
constexpr std::size_t threads_max = 4;

struct Named {
  Algorithms allowed;
  std::string_view rest;
};

std::string every_name() {
  Algorithms all;
  for (const Algorithm each : every_algorithm) all.add(each);
  return all.names();
}

/// An error for the text before a colon in `text`, in case it was meant as an algorithm; empty without a
/// colon.
std::string misnamed_algorithm(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return {};
  const std::string_view word = text.substr(0, std::min(text.find(','), colon));
  return "'" + std::string(word) + "' is no algorithm; choose among " + every_name();
}

/// Removes the algorithms from the front of `text`. A word that is no algorithm belongs to the rest.
Result<Named> cut_algorithms(std::string_view text) {
  Named named;
  named.rest = text;
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return named;
  for (std::size_t at = 0; at <= colon;) {
    const std::size_t end = std::min(text.find(',', at), colon);
    const std::string_view word = text.substr(at, end - at);
    const std::optional<Algorithm> algorithm = algorithm_named(word);
    if (algorithm) {
      named.allowed.add(*algorithm);
    } else if (!named.allowed.empty()) {
      return fail(Code::INVALID_ARGUMENT, "'" + std::string(word) + "' is no algorithm; choose among " +
                                              algorithms_of(key_kind(named.allowed.first())).names());
    } else {
      return named;
    }
    at = end + 1;
  }
  named.rest = text.substr(colon + 1);
  return named;
}

openssl::Owned<EVP_PKEY> generate(const KeySource& source) {
  switch (source.kind) {
    case KeyKind::rsa:
      return openssl::Owned<EVP_PKEY>(
          EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", std::size_t{source.rsa_bits}));
    case KeyKind::p256:
      return openssl::Owned<EVP_PKEY>(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"));
    case KeyKind::p384:
      return openssl::Owned<EVP_PKEY>(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-384"));
    case KeyKind::ed25519:
      break;
  }
  return openssl::Owned<EVP_PKEY>(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
}

/// Makes a key and discards it. OpenSSL loads its tables with the first key, half a megabyte that needs no
/// guarded memory.
Status prepare_openssl(std::size_t keys) {
  if (Status status = KeyHeap::prepare(heap_bytes + keys * heap_bytes_per_key); !status.ok()) return status;
  static const bool loaded = [] {
    OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CRYPTO_STRINGS | OPENSSL_INIT_ADD_ALL_CIPHERS |
                            OPENSSL_INIT_ADD_ALL_DIGESTS | OPENSSL_INIT_LOAD_CONFIG,
                        nullptr);
    KeySource useless;
    useless.kind = KeyKind::p256;
    return signer_from(generate(useless), {}).has_value();
  }();
  return loaded ? Status() : openssl_failure("start");
}

/// Adds the hint about a mistyped algorithm only if the file does not exist, because a path may contain a
/// colon.
Status with_hint(const KeySource& source, Status status) {
  const std::string hint = misnamed_algorithm(source.path);
  if (hint.empty() || !source.allowed.empty() || status.cause() != Cause::absent) return status;
  return Status(status.code(), std::string(status.message()) + "; " + hint, status.initiator());
}

Status behind(const std::string& words, const Status& failure) {
  return Status(failure.code(), words + ": " + std::string(failure.message()), failure.initiator());
}

Status of_file(const KeySource& source, const Status& failure) {
  return source.path.empty() ? failure : behind("key file " + source.path, failure);
}

Result<std::unique_ptr<Signer>> make_or_read_key(const KeySource& source, const GuardedBytes& passphrase) {
  if (source.path.empty()) {
    openssl::Owned<EVP_PKEY> key = generate(source);
    if (!key) return std::unexpected(openssl_failure("make a key"));
    return signer_from(std::move(key), source.allowed);
  }
  Result<openssl::Owned<EVP_PKEY>> key = read_key_file(source.path, passphrase);
  if (!key) return std::unexpected(with_hint(source, std::move(key).error()));
  Result<std::unique_ptr<Signer>> signer = signer_from(std::move(*key), source.allowed);
  if (signer) return signer;
  return std::unexpected(of_file(source, signer.error()));
}

/// The failure, preceded by the name of the setting that the key came from, if there is one.
Status named(const KeySource& source, const Status& failure) {
  return source.named_by.empty() ? failure : behind(source.named_by, failure);
}

Result<std::unique_ptr<Signer>> make_key(const KeySource& source, const GuardedBytes& passphrase) {
  Result<std::unique_ptr<Signer>> made = make_or_read_key(source, passphrase);
  if (made) return made;
  return std::unexpected(named(source, made.error()));
}

}  // namespace

Result<KeySource> KeySource::from_file(std::string_view text) {
  const Result<Named> named = cut_algorithms(text);
  if (!named) return std::unexpected(named.error());
  if (named->rest.empty())
    return fail(Code::INVALID_ARGUMENT, "it names no file; write FILE or ALGORITHM:FILE");
  KeySource source;
  source.path = named->rest;
  source.allowed = named->allowed;
  return source;
}

Result<KeySource> KeySource::generated(std::string_view text) {
  const Result<Named> named = cut_algorithms(text);
  if (!named) return std::unexpected(named.error());
  const auto* const kind = std::ranges::find(kinds, named->rest, &Generated::name);
  if (kind == kinds.end()) {
    if (const std::string wrong = misnamed_algorithm(named->rest); !wrong.empty())
      return fail(Code::INVALID_ARGUMENT, wrong);
    std::string known;
    for (const Generated& one : kinds) known.append(known.empty() ? "" : ", ").append(one.name);
    return fail(Code::INVALID_ARGUMENT,
                "'" + std::string(named->rest) + "' is no kind of key; choose among " + known);
  }
  KeySource source;
  source.kind = kind->kind;
  source.rsa_bits = kind->rsa_bits;
  source.allowed = named->allowed;
  if (Status status = check_usable(source.kind, source.allowed); !status.ok())
    return std::unexpected(std::move(status));
  return source;
}

std::vector<KeySource> default_key_sources() {
  std::vector<KeySource> sources;
  for (const char* kind : {"rsa2048", "p256", "p384", "ed25519"})
    sources.push_back(*KeySource::generated(kind));
  return sources;
}

Result<KeyRegistry> make_keys(std::span<const KeySource> sources, const GuardedBytes& passphrase) {
  if (Status status = prepare_openssl(sources.size()); !status.ok())
    return std::unexpected(std::move(status));

  std::vector<Result<std::unique_ptr<Signer>>> made(sources.size());
  std::atomic<std::size_t> next = 0;
  const auto work = [&] {
    for (std::size_t i = next++; i < sources.size(); i = next++) made[i] = make_key(sources[i], passphrase);
  };
  {
    std::vector<GuardedThread> threads;
    while (threads.size() < std::min(sources.size(), threads_max)) {
      Result<GuardedThread> thread = GuardedThread::start(work);
      if (!thread) return std::unexpected(std::move(thread).error());
      threads.push_back(std::move(*thread));
    }
  }
  KeyRegistry keys;
  for (std::size_t i = 0; i < made.size(); ++i) {
    if (!made[i]) return std::unexpected(std::move(made[i]).error());
    if (const Status status = keys.add(*std::move(made[i])); !status.ok())
      return std::unexpected(named(sources[i], of_file(sources[i], status)));
  }
  return keys;
}

}  // namespace ringrpc
