#include <array>
#include <mutex>
#include <sys/stat.h>
#include <utility>
#include <vector>

#include "ringrpc/log.h"
#include "ringrpc/tls.h"

#include "base/internals.h"
#include "transport/tls_context.h"
#include "transport/tls_key_log.h"
#include "transport/tls_reload.h"

namespace ringrpc {
namespace {

/// Distinguishes two states of a file.
using Stamp = std::array<std::int64_t, 5>;

Stamp stamp_of(const std::string& path) {
  struct stat found{};
  if (path.empty() || ::stat(path.c_str(), &found) != 0) return {};
  return {static_cast<std::int64_t>(found.st_ino), found.st_size, found.st_mtim.tv_sec, found.st_mtim.tv_nsec,
          found.st_ctim.tv_nsec};
}

std::vector<Stamp> stamps_of(const ServerTlsOptions& options) {
  std::vector<Stamp> stamps;
  for (const Pem* each : {&options.certificate, &options.private_key, &options.client_authorities})
    stamps.push_back(stamp_of(each->path()));
  return stamps;
}

}  // namespace

struct ServerTls::State {
  explicit State(const ServerTlsOptions& given) : options(given), tried(stamps_of(given)) {}

  const ServerTlsOptions options;
  std::shared_ptr<LineLog> keys;  // null for none
  mutable std::mutex mutex;       // guards the members below
  std::vector<Stamp> tried;
  std::shared_ptr<const TlsContext> context;
};

ServerTls::ServerTls(std::unique_ptr<State> state) noexcept : state_(std::move(state)) {}
ServerTls::~ServerTls() = default;

Result<std::shared_ptr<ServerTls>> ServerTls::load(const ServerTlsOptions& options) {
  auto state = std::make_unique<State>(options);
  Result<std::shared_ptr<LineLog>> keys = open_key_log(options.key_log);
  if (!keys) return std::unexpected(std::move(keys).error());
  state->keys = std::move(*keys);
  Result<std::shared_ptr<const TlsContext>> context = TlsContext::of_server(options, state->keys);
  if (!context) return std::unexpected(std::move(context).error());
  if (const Status status = (*context)->check_dates(options.certificate); !status.ok())
    log::warn("{}; clients will refuse it", status.message());
  state->context = std::move(*context);
  return std::shared_ptr<ServerTls>(new ServerTls(std::move(state)));
}

Status ServerTls::reload() {
  Result<Reload> read = read_again(*this);
  if (!read) return std::move(read).error();
  (*read)();
  return {};
}

Result<Reload> read_again(ServerTls& tls) {
  auto& state = detail::Internals::files(tls);
  // Taken before the files are read, so that a change in between counts as a change.
  std::vector<Stamp> stamps = stamps_of(state.options);
  Result<std::shared_ptr<const TlsContext>> context = TlsContext::of_server(state.options, state.keys);
  Status status = context ? (*context)->check_dates(state.options.certificate) : context.error();
  const std::lock_guard lock(state.mutex);
  state.tried = std::move(stamps);
  if (!status.ok()) return std::unexpected(std::move(status));
  return [&state, context = std::move(*context)]() mutable {
    const std::lock_guard lock_again(state.mutex);
    state.context = std::move(context);
  };
}

bool ServerTls::files_changed() const {
  const std::vector<Stamp> stamps = stamps_of(state_->options);
  const std::lock_guard lock(state_->mutex);
  return stamps != state_->tried;
}

std::shared_ptr<const TlsContext> ServerTls::context() const {
  const std::lock_guard lock(state_->mutex);
  return state_->context;
}

}  // namespace ringrpc
