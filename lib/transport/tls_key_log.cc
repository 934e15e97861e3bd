#include "transport/tls_key_log.h"

#include <new>
#include <utility>

namespace ringrpc {
namespace {

using SharedKeys = std::shared_ptr<LineLog>;

/// The index under which a context keeps its shared pointer to the file. A connection keeps its context.
int keys_index() {
  static const int index = SSL_CTX_get_ex_new_index(
      0, nullptr, nullptr, nullptr,
      [](void*, void* kept, CRYPTO_EX_DATA*, int, long, void*) { delete static_cast<SharedKeys*>(kept); });
  return index;
}

/// Without memory for it, the line is lost.
void on_secret(const SSL* session, const char* line) try {
  const auto* keys = static_cast<SharedKeys*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(session), keys_index()));
  (*keys)->write(line);
} catch (const std::bad_alloc&) {
  count_lost_log_line();
}

}  // namespace

Result<std::shared_ptr<LineLog>> open_key_log(const std::string& path) {
  if (path.empty()) return nullptr;
  Result<std::unique_ptr<LineLog>> keys =
      LineLog::open({.path = path, .what = "TLS key log", .access = LineLog::Access::only_owner});
  if (!keys) return std::unexpected(std::move(keys).error());
  return std::shared_ptr<LineLog>(std::move(*keys));
}

void log_keys(SSL_CTX& context, std::shared_ptr<LineLog> keys) {
  auto kept = std::make_unique<SharedKeys>(std::move(keys));
  if (SSL_CTX_set_ex_data(&context, keys_index(), kept.get()) != 1) throw std::bad_alloc();
  (void)kept.release();  // the context's now
  SSL_CTX_set_keylog_callback(&context, on_secret);
}

}  // namespace ringrpc
