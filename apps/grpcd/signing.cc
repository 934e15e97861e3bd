#include "grpcd/signing.h"

#include <algorithm>
#include <span>
#include <utility>

#include "ringrpc/log.h"

#include "common/exit_code.h"
#include "signer/key_file.h"
#include "signer/key_source.h"
#include "signer/process_secrecy.h"

namespace ringrpc::grpcd {

namespace {

/// The workers' niceness. A shard that wakes on a shared core runs first; a worker still gets a tenth of a
/// core whose shard is always busy.
constexpr int niceness = 10;

Status prefixed(const std::string& origin, const Status& status) {
  return {status.code(), origin + ": " + std::string(status.message())};
}

/// Files come first, because the first key that fits is used.
Result<std::vector<KeySource>> sources_of(const SigningValues& values, const apps::Origins& origins) {
  std::vector<KeySource> sources;
  for (const std::string& text : values.key_files) {
    Result<KeySource> source = KeySource::from_file(text);
    if (!source) return std::unexpected(prefixed(origins.of("key"), source.error()));
    source->named_by = origins.of("key");
    sources.push_back(std::move(*source));
  }
  if (values.generated.empty() && sources.empty()) return default_key_sources();
  if (values.generated == std::vector<std::string>{"none"}) return sources;
  if (std::ranges::find(values.generated, "none") != values.generated.end())
    return fail(Code::INVALID_ARGUMENT,
                origins.of("generate-key") + ": 'none' excludes the other kinds; remove it, or them");
  for (const std::string& text : values.generated) {
    Result<KeySource> source = KeySource::generated(text);
    if (!source) return std::unexpected(prefixed(origins.of("generate-key"), source.error()));
    source->named_by = origins.of("generate-key");
    sources.push_back(std::move(*source));
  }
  return sources;
}

Result<GuardedBytes> passphrase_of(const SigningValues& values, const apps::Origins& origins) {
  if (values.passphrase_file.empty()) return GuardedBytes();
  Result<GuardedBytes> passphrase = read_passphrase_file(values.passphrase_file);
  if (!passphrase)
    return std::unexpected(apps::at_run_time(origins.of("key-passphrase-file"), passphrase.error()));
  return passphrase;
}

Status with_remedy(Status status, const SigningValues& values) {
  if (status.code() != Code::FAILED_PRECONDITION || !values.passphrase_file.empty()) return status;
  return {status.code(),
          std::string(status.message()) + "; name the passphrase's file with --key-passphrase-file"};
}

}  // namespace

Result<std::unique_ptr<Signing>> Signing::start(const SigningValues& values, const apps::Origins& origins) {
  keep_process_secret();
  const Result<std::vector<KeySource>> sources = sources_of(values, origins);
  if (!sources) return std::unexpected(sources.error());
  const Result<GuardedBytes> passphrase = passphrase_of(values, origins);
  if (!passphrase) return std::unexpected(passphrase.error());
  const auto begun = std::chrono::steady_clock::now();
  Result<KeyRegistry> keys = make_keys(*sources, *passphrase);
  const auto took = std::chrono::steady_clock::now() - begun;
  if (!keys) return std::unexpected(apps::at_run_time(with_remedy(std::move(keys).error(), values)));
  Result<std::unique_ptr<WorkerPool>> workers = WorkerPool::start(
      {.threads = values.workers, .queue_limit = values.queue_limit, .nice = niceness, .name = "signing"});
  if (!workers) return std::unexpected(prefixed("--signing-workers", workers.error()));

  std::unique_ptr<Signing> signing(new Signing);
  signing->keys_ = std::move(*keys);
  signing->keys_took_ = std::chrono::duration_cast<std::chrono::milliseconds>(took);
  signing->workers_ = std::move(*workers);
  signing->service_ =
      std::make_unique<CryptoService>(signing->keys_, *signing->workers_,
                                      CryptoOptions{.verify_signatures = values.verify,
                                                    .backlog_bytes_max = values.queue_bytes_max,
                                                    .audit_required = values.audit_required});
  return signing;
}

void Signing::log_keys() const {
  for (const auto& signer : keys_.all())
    log::info("key {} ({}) for {}", signer->public_key().id(), signer->public_key().title(),
              signer->algorithms().names());
  if (!keys_.all().empty()) log::info("keys loaded or generated in {} ms", keys_took_.count());
}

}  // namespace ringrpc::grpcd
