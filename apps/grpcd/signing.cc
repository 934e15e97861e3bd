#include "grpcd/signing.h"

#include <span>
#include <utility>

#include "ringrpc/log.h"

#include "signer/key_file.h"
#include "signer/key_source.h"
#include "signer/process_secrecy.h"

namespace ringrpc::grpcd {

namespace {

/// Of the threads that sign: a shard that gets something to do goes first on a core that they share, and they
/// still have a tenth of a core whose shard is never done.
constexpr int niceness = 10;

Status of_flag(const char* flag, const Status& status) {
  return {status.code(), std::string(flag) + ": " + std::string(status.message())};
}

/// Files first, so that a key that is given comes before one that is made.
Result<std::vector<KeySource>> sources_of(const SigningValues& values) {
  std::vector<KeySource> sources;
  for (const std::string& text : values.key_files) {
    Result<KeySource> source = KeySource::from_file(text);
    if (!source) return std::unexpected(of_flag("--key", source.error()));
    sources.push_back(std::move(*source));
  }
  if (values.generated.empty() && sources.empty()) return default_key_sources();
  if (values.generated == std::vector<std::string>{"none"}) return sources;
  for (const std::string& text : values.generated) {
    Result<KeySource> source = KeySource::generated(text);
    if (!source) return std::unexpected(of_flag("--generate-key", source.error()));
    sources.push_back(std::move(*source));
  }
  return sources;
}

Result<GuardedBytes> passphrase_of(const SigningValues& values) {
  if (values.passphrase_file.empty()) return GuardedBytes();
  Result<GuardedBytes> passphrase = read_passphrase_file(values.passphrase_file);
  if (!passphrase) return std::unexpected(of_flag("--key-passphrase-file", passphrase.error()));
  return passphrase;
}

Status with_remedy(Status status, const SigningValues& values) {
  if (status.code() != Code::FAILED_PRECONDITION || !values.passphrase_file.empty()) return status;
  return {status.code(),
          std::string(status.message()) + "; name the file that has it with --key-passphrase-file"};
}

}  // namespace

Result<std::unique_ptr<Signing>> Signing::start(const SigningValues& values) {
  keep_process_secret();
  const Result<std::vector<KeySource>> sources = sources_of(values);
  if (!sources) return std::unexpected(sources.error());
  const Result<GuardedBytes> passphrase = passphrase_of(values);
  if (!passphrase) return std::unexpected(passphrase.error());
  const auto begun = std::chrono::steady_clock::now();
  Result<KeyRegistry> keys = make_keys(*sources, *passphrase);
  const auto took = std::chrono::steady_clock::now() - begun;
  if (!keys) return std::unexpected(with_remedy(std::move(keys).error(), values));
  Result<std::unique_ptr<WorkerPool>> workers =
      WorkerPool::start({.threads = values.workers, .queue_limit = values.queue_limit, .nice = niceness});
  if (!workers) return std::unexpected(of_flag("--signing-workers", workers.error()));

  std::unique_ptr<Signing> signing(new Signing);
  signing->keys_ = std::move(*keys);
  signing->keys_took_ = std::chrono::duration_cast<std::chrono::milliseconds>(took);
  signing->workers_ = std::move(*workers);
  signing->service_ = std::make_unique<CryptoService>(
      signing->keys_, *signing->workers_,
      CryptoOptions{.verify_signatures = values.verify, .backlog_bytes_max = values.queue_bytes_max});
  return signing;
}

void Signing::log_keys() const {
  for (const auto& signer : keys_.all())
    log::info("key {} ({}) for {}", signer->public_key().id(), signer->public_key().title(),
              signer->algorithms().names());
  if (!keys_.all().empty()) log::info("keys made or read in {} ms", keys_took_.count());
}

}  // namespace ringrpc::grpcd
