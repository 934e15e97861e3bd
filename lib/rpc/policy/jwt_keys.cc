#include "ringrpc/jwt_keys.h"

#include <utility>

#include "base/internals.h"
#include "base/reloaded_files.h"
#include "rpc/policy/jwt_key_set.h"
#include "rpc/policy/jwt_reload.h"
#include "transport/tls_context.h"

namespace ringrpc {
namespace {

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
  explicit State(Pem given) : source(std::move(given)), file({source.path()}) {}

  const Pem source;
  ReloadedFiles<JwtKeySet> file;
};

JwtKeys::JwtKeys(std::unique_ptr<State> state) noexcept : state_(std::move(state)) {}
JwtKeys::~JwtKeys() = default;

Result<std::shared_ptr<JwtKeys>> JwtKeys::load(const Pem& keys) {
  auto state = std::make_unique<State>(keys);
  Result<std::shared_ptr<const JwtKeySet>> read = read_key_set(keys);
  if (!read) return std::unexpected(std::move(read).error());
  state->file.put(std::move(*read));
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
  return state.file.read_again([&state] { return read_key_set(state.source); });
}

bool JwtKeys::file_changed() const { return state_->file.changed(); }

std::size_t JwtKeys::size() const { return keys()->size(); }

std::shared_ptr<const JwtKeySet> JwtKeys::keys() const { return state_->file.get(); }

std::uint64_t JwtKeys::version() const noexcept { return state_->file.version(); }

}  // namespace ringrpc
