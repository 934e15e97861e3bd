#include <utility>

#include "ringrpc/log.h"
#include "ringrpc/tls.h"

#include "base/internals.h"
#include "base/reloaded_files.h"
#include "transport/tls_context.h"
#include "transport/tls_key_log.h"
#include "transport/tls_reload.h"

namespace ringrpc {

struct ServerTls::State {
  explicit State(const ServerTlsOptions& given)
      : options(given),
        files({given.certificate.path(), given.private_key.path(), given.client_authorities.path()}) {}

  const ServerTlsOptions options;
  std::shared_ptr<LineLog> keys;  // null for none
  ReloadedFiles<TlsContext> files;
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
  state->files.put(std::move(*context));
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
  return state.files.read_again([&state]() -> Result<std::shared_ptr<const TlsContext>> {
    Result<std::shared_ptr<const TlsContext>> context = TlsContext::of_server(state.options, state.keys);
    if (!context) return context;
    if (Status status = (*context)->check_dates(state.options.certificate); !status.ok())
      return std::unexpected(std::move(status));
    return context;
  });
}

bool ServerTls::files_changed() const { return state_->files.changed(); }

std::shared_ptr<const TlsContext> ServerTls::context() const { return state_->files.get(); }

}  // namespace ringrpc
