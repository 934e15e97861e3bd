#include "depot_server.h"

#include <doctest/doctest.h>

#include "depot.ringrpc.h"

namespace ringrpc::grpcclient {
namespace {

class Depot final : public depot::Depot::Service {
 public:
  Task<Result<depot::Parcel>> Keep(Call&, depot::Parcel parcel) override { co_return parcel; }

  Task<Result<depot::Parcel>> Refuse(Call&, depot::Parcel parcel) override {
    depot::Refusal refusal;
    *refusal.add_details() = parcel.content();
    co_return std::unexpected(
        Status(Code::FAILED_PRECONDITION, "not that").with_details(refusal.SerializeAsString()));
  }
};

}  // namespace

DepotServer::DepotServer() : depot_(std::make_unique<Depot>()) {
  ServerOptions options;
  options.listen = {"127.0.0.1:0"};
  options.shards = 1;
  Result<std::unique_ptr<Server>> server =
      Server::start({depot_.get(), &reflection_.v1(), &reflection_.v1alpha()}, options);
  REQUIRE_MESSAGE(server, server.error().message());
  server_ = std::move(*server);
}

Values DepotServer::values() const {
  Values values;
  values.address = server_->addresses().front();
  return values;
}

}  // namespace ringrpc::grpcclient
