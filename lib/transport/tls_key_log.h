/// The secrets of TLS connections, for programs that decrypt recorded connections (SSLKEYLOGFILE).
///
///   Result<std::shared_ptr<LineLog>> keys = open_key_log(options.key_log);
///   if (*keys) log_keys(*context, *keys);
#pragma once

#include <memory>
#include <string>

#include "ringrpc/status.h"

#include "base/line_log.h"
#include "base/openssl.h"

namespace ringrpc {

/// Null for an empty path. Fails if the file cannot be written, or can be read by others.
Result<std::shared_ptr<LineLog>> open_key_log(const std::string& path);

/// Appends the secrets of the context's connections, in the format of NSS.
void log_keys(SSL_CTX& context, std::shared_ptr<LineLog> keys);

}  // namespace ringrpc
