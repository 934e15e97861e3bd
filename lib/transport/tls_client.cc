#include <utility>

#include "ringrpc/tls.h"

#include "transport/client_certificates.h"
#include "transport/tls_context.h"
#include "transport/tls_key_log.h"

namespace ringrpc {

ClientTls::ClientTls(std::shared_ptr<const TlsContext> context, std::string server_name) noexcept
    : context_(std::move(context)), server_name_(std::move(server_name)) {}
ClientTls::~ClientTls() = default;

Result<std::shared_ptr<const ClientTls>> ClientTls::load(const ClientTlsOptions& options) {
  if (options.server_name.contains('\0'))
    return fail(Code::INVALID_ARGUMENT, "TLS: the server's name has a NUL byte in it");
  Result<std::shared_ptr<LineLog>> keys = open_key_log(options.key_log);
  if (!keys) return std::unexpected(std::move(keys).error());
  Result<std::shared_ptr<const TlsContext>> context = TlsContext::of_client(options, std::move(*keys));
  if (!context) return std::unexpected(std::move(context).error());
  list_client_certificates(*context);
  return std::shared_ptr<const ClientTls>(new ClientTls(std::move(*context), options.server_name));
}

}  // namespace ringrpc
