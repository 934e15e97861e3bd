/// A server of the service Store in this process, and a stub for it.
#pragma once

#include <doctest/doctest.h>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "ringrpc/channel.h"
#include "ringrpc/server.h"
#include "ringrpc/worker_pool.h"

#include "awaited.h"
#include "patterns/v1/store.ringrpc.h"

namespace ringrpc::patterns {

using ::patterns::v1::Entry;
using ::patterns::v1::Key;
using ::patterns::v1::Store;
using ::patterns::v1::Summary;

inline Key key_of(std::string_view text) {
  Key key;
  key.set_key(std::string(text));
  return key;
}
inline Entry entry_of(std::string_view text) {
  Entry entry;
  entry.set_key(std::string(text));
  return entry;
}

class StoreService final : public Store::Service {
  Task<bool> allowed(std::string key) {
    co_await suspended();
    co_return key != "secret";
  }
  Task<Result<Entry>> Get(Call& call, Key key) override;
  Task<Result<Entry>> Put(Call& call, Entry entry) override;
  Task<Status> List(Call& call, Key key, Writer<Entry>& out) override;
  Task<Result<Summary>> Load(Call& call, Reader<Entry>& in) override;
  Task<Status> Session(Call& call, Reader<Key>& in, Writer<Entry>& out) override;
  Task<Result<Entry>> Forget(Call& call, Key key) override;
  Task<Status> ForgetStream(Call& call, Key key, Writer<Entry>& out) override;
  Task<Result<Entry>> Throw(Call& call, Key key) override;
};

struct StoreFixture {
  StoreService service;
  std::unique_ptr<Server> server = started(service);
  Channel channel{server->addresses().front()};
  Store::Stub store{channel};

  static std::unique_ptr<Server> started(StoreService& service) {
    Result<std::unique_ptr<Server>> server =
        Server::start({&service}, {.listen = {"127.0.0.1:0"}, .shards = 1});
    REQUIRE(server);
    return *std::move(server);
  }
};

}  // namespace ringrpc::patterns
