#include "ringrpc/admin_server.h"

#include <cstdint>
#include <limits>
#include <pthread.h>
#include <utility>

#include "ringrpc/log.h"

#include "admin/admin_shard.h"
#include "admin/host_names.h"
#include "admin/pages.h"
#include "reactor/backend.h"
#include "reactor/run_on.h"
#include "reactor/shards.h"
#include "transport/bind.h"
#include "transport/listener.h"

namespace ringrpc {
namespace {

/// AdminShard has the limit, which no listener has: an idle connection makes room.
constexpr std::uint32_t connections_max = std::numeric_limits<std::uint32_t>::max();

class AdminServerImpl final : public AdminServer, private ConnectionSink {
 public:
  ~AdminServerImpl() override;

  Status begin(const AdminOptions& options, std::vector<AdminPage> pages);

  const std::vector<std::string>& addresses() const noexcept override { return addresses_; }

 private:
  void on_connection(Shard&, UniqueFd connection, bool, PeerCounts::Hold) override {
    part_->add(std::move(connection));
  }
  Status listen(const std::string& text);
  Shard& shard() const { return *shards_->all().front(); }

  std::unique_ptr<Shards> shards_;
  std::unique_ptr<admin::AdminShard> part_;
  std::unique_ptr<Listener> listener_;
  std::vector<std::string> addresses_;
};

Status AdminServerImpl::begin(const AdminOptions& options, std::vector<AdminPage> pages) {
  if (options.listen.empty())
    return Status(Code::INVALID_ARGUMENT, "no address to listen on", Initiator::application);
  if (options.max_connections == 0)
    return Status(Code::INVALID_ARGUMENT, "AdminOptions::max_connections is 0; choose 1 or more",
                  Initiator::application);
  for (const std::string& host : options.hosts)
    if (Status status = admin::check_host_name(host); !status.ok()) return status;
  if (Status status = admin::check_pages(pages); !status.ok()) return status;
  Result<std::unique_ptr<Shards>> shards = Shards::start(1, [&] { return make_io(options.io); });
  if (!shards) return std::move(shards).error();
  shards_ = std::move(*shards);
  ConnectionSink& sink = *this;
  run_on(shard(), [&] {
    ::pthread_setname_np(::pthread_self(), "admin");
    part_ = std::make_unique<admin::AdminShard>(shard(), options, std::move(pages));
    listener_ = std::make_unique<Listener>(shards_->all(), sink, connections_max);
  });
  for (const std::string& text : options.listen)
    if (Status status = listen(text); !status.ok()) return status;
  return {};
}

Status AdminServerImpl::listen(const std::string& text) {
  const Result<std::vector<Address>> addresses = listen_addresses(text);
  if (!addresses) return addresses.error();
  for (const Address& address : *addresses) {
    if (address.tls())
      return Status(Code::INVALID_ARGUMENT,
                    "listen on " + text + ": admin pages have no TLS; use a unix socket",
                    Initiator::application);
    Result<std::string> bound = bind(shard(), *listener_, address);
    if (!bound) return std::move(bound).error();
    if (!is_local(*bound))
      log::warn(
          "admin pages on {} tell everyone who can connect there about clients and calls; choose a loopback "
          "address or a unix socket",
          *bound);
    addresses_.push_back(std::move(*bound));
  }
  return {};
}

AdminServerImpl::~AdminServerImpl() {
  if (!listener_) return;
  run_on(shard(), [this] {
    listener_.reset();
    part_.reset();
  });
}

}  // namespace

Result<std::unique_ptr<AdminServer>> AdminServer::start(const AdminOptions& options,
                                                        std::vector<AdminPage> pages) {
  auto server = std::make_unique<AdminServerImpl>();
  if (Status status = server->begin(options, std::move(pages)); !status.ok())
    return std::unexpected(std::move(status));
  return server;
}

}  // namespace ringrpc
