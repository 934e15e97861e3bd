#include "ringrpc/tls.h"

#include <array>
#include <cerrno>
#include <mutex>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include "ringrpc/log.h"

#include "base/open_file.h"
#include "transport/tls_context.h"

namespace ringrpc {
namespace {

constexpr std::size_t pem_bytes_max = 1024 * 1024;

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

Result<std::string> Pem::read() const {
  if (path_.empty()) return text_;
  const UniqueFd file = open_to_read(path_);
  if (!file) return std::unexpected(from_errno(about(*this) + "open " + path_, errno));
  std::string text;
  int error = 0;
  // Allocate the maximum at once: growing the text would leave copies of a private key behind. Only the bytes
  // that are read take memory.
  text.resize_and_overwrite(pem_bytes_max + 1, [&](char* to, std::size_t room) {
    std::size_t size = 0;
    while (size < room) {
      const ssize_t count = ::read(file.get(), to + size, room - size);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) error = errno;
      if (count <= 0) break;
      size += static_cast<std::size_t>(count);
    }
    return size;
  });
  if (error != 0) return std::unexpected(from_errno(about(*this) + "read " + path_, error));
  if (text.size() > pem_bytes_max)
    return fail(Code::INVALID_ARGUMENT, about(*this) + path_ + ": more than 1 MiB, which no PEM file needs");
  return text;
}

struct ServerTls::State {
  explicit State(const ServerTlsOptions& given) : options(given), tried(stamps_of(given)) {}

  const ServerTlsOptions options;
  mutable std::mutex mutex;  // guards the members below
  std::vector<Stamp> tried;
  std::shared_ptr<const TlsContext> context;
};

ServerTls::ServerTls(std::unique_ptr<State> state) noexcept : state_(std::move(state)) {}
ServerTls::~ServerTls() = default;

Result<std::shared_ptr<ServerTls>> ServerTls::load(const ServerTlsOptions& options) {
  auto state = std::make_unique<State>(options);
  Result<std::shared_ptr<const TlsContext>> context = TlsContext::of_server(options);
  if (!context) return std::unexpected(std::move(context).error());
  if (const Status status = (*context)->check_dates(options.certificate); !status.ok())
    log::warn("{}; clients will refuse it", status.message());
  state->context = std::move(*context);
  return std::shared_ptr<ServerTls>(new ServerTls(std::move(state)));
}

Status ServerTls::reload() {
  // Taken before the files are read, so that a change in between counts as a change.
  std::vector<Stamp> stamps = stamps_of(state_->options);
  Result<std::shared_ptr<const TlsContext>> context = TlsContext::of_server(state_->options);
  const Status status = context ? (*context)->check_dates(state_->options.certificate) : context.error();
  const std::lock_guard lock(state_->mutex);
  state_->tried = std::move(stamps);
  if (status.ok()) state_->context = std::move(*context);
  return status;
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

ClientTls::ClientTls(std::shared_ptr<const TlsContext> context, std::string server_name) noexcept
    : context_(std::move(context)), server_name_(std::move(server_name)) {}
ClientTls::~ClientTls() = default;

Result<std::shared_ptr<const ClientTls>> ClientTls::load(const ClientTlsOptions& options) {
  if (options.server_name.contains('\0'))
    return fail(Code::INVALID_ARGUMENT, "TLS: the server's name has a NUL byte in it");
  Result<std::shared_ptr<const TlsContext>> context = TlsContext::of_client(options);
  if (!context) return std::unexpected(std::move(context).error());
  return std::shared_ptr<const ClientTls>(new ClientTls(std::move(*context), options.server_name));
}

}  // namespace ringrpc
