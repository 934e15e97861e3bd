#include "ringrpc/jwt_keys.h"

#include <array>
#include <atomic>
#include <mutex>
#include <sys/stat.h>
#include <utility>

#include "base/internals.h"
#include "rpc/policy/jwt_key_set.h"
#include "rpc/policy/jwt_reload.h"
#include "transport/tls_context.h"

namespace ringrpc {
namespace {

/// Distinguishes two states of a file.
using KeyFileStamp = std::array<std::int64_t, 6>;

KeyFileStamp key_file_stamp(const std::string& path) {
  struct stat found{};
  if (path.empty() || ::stat(path.c_str(), &found) != 0) return {};
  return {static_cast<std::int64_t>(found.st_ino),
          found.st_size,
          found.st_mtim.tv_sec,
          found.st_mtim.tv_nsec,
          found.st_ctim.tv_sec,
          found.st_ctim.tv_nsec};
}

Result<std::shared_ptr<const JwtKeySet>> read_key_set(const Pem& source) {
  const std::string about = "JWT: " + source.named_by() + (source.named_by().empty() ? "" : ": ");
  const Result<std::string> text = read_pem(source, about);
  if (!text) return std::unexpected(text.error());
  Result<JwtKeySet> keys = JwtKeySet::parse(*text);
  if (!keys)
    return fail(Code::INVALID_ARGUMENT, about + source.path() + (source.path().empty() ? "" : ": ") +
                                            std::string(keys.error().message()));
  return std::make_shared<const JwtKeySet>(std::move(*keys));
}

}  // namespace

struct JwtKeys::State {
  explicit State(Pem given) : source(std::move(given)), tried(key_file_stamp(source.path())) {}

  const Pem source;
  std::atomic<std::uint64_t> version = 0;
  mutable std::mutex mutex;  // guards the members below
  KeyFileStamp tried;
  std::shared_ptr<const JwtKeySet> keys;
};

JwtKeys::JwtKeys(std::unique_ptr<State> state) noexcept : state_(std::move(state)) {}
JwtKeys::~JwtKeys() = default;

Result<std::shared_ptr<JwtKeys>> JwtKeys::load(const Pem& keys) {
  auto state = std::make_unique<State>(keys);
  Result<std::shared_ptr<const JwtKeySet>> read = read_key_set(keys);
  if (!read) return std::unexpected(std::move(read).error());
  state->keys = std::move(*read);
  return std::shared_ptr<JwtKeys>(new JwtKeys(std::move(state)));
}

Status JwtKeys::reload() {
  Result<Reload> read = read_again(*this);
  if (!read) return std::move(read).error();
  (*read)();
  return {};
}

Result<Reload> read_again(JwtKeys& keys) {
  auto& state = detail::Internals::files(keys);
  // Taken before the file is read, so that a change in between counts as a change.
  const KeyFileStamp stamp = key_file_stamp(state.source.path());
  Result<std::shared_ptr<const JwtKeySet>> read = read_key_set(state.source);
  const std::lock_guard lock(state.mutex);
  state.tried = stamp;
  if (!read) return std::unexpected(std::move(read).error());
  return [&state, read = std::move(*read)]() mutable {
    const std::lock_guard lock_again(state.mutex);
    state.keys = std::move(read);
    state.version.fetch_add(1, std::memory_order_release);
  };
}

bool JwtKeys::file_changed() const {
  const KeyFileStamp stamp = key_file_stamp(state_->source.path());
  const std::lock_guard lock(state_->mutex);
  return stamp != state_->tried;
}

std::size_t JwtKeys::size() const { return keys()->size(); }

std::shared_ptr<const JwtKeySet> JwtKeys::keys() const {
  const std::lock_guard lock(state_->mutex);
  return state_->keys;
}

std::uint64_t JwtKeys::version() const noexcept { return state_->version.load(std::memory_order_acquire); }

}  // namespace ringrpc
