/// A CryptoService behind a real server, and calls to it. Only warnings are logged during its lifetime.
///
///   CryptoWorld world(new_keys({"p256"}));
///   Result<SignResponse> response = world.sign("SignECC", request);
#pragma once

#include <doctest/doctest.h>
#include <functional>
#include <latch>
#include <memory>
#include <string>
#include <utility>

#include "ringrpc/log.h"

#include "grpcd/services/crypto.h"
#include "rpc/world.h"
#include "signer/keys.h"

namespace ringrpc {

class CryptoWorld {
 public:
  using Stub = crypto::v1::CryptoService::Stub;

  explicit CryptoWorld(KeyRegistry with_keys, const CryptoOptions& options = {},
                       const WorkerPoolOptions& workers = {.threads = 2, .queue_limit = 64},
                       std::unique_ptr<World> over = std::make_unique<RealWorld>())
      : network(std::move(over)),
        world(*network),
        keys(std::move(with_keys)),
        pool(WorkerPool::start(workers).value()),
        service(keys, *pool, options) {
    world.also_serve(service);
    log::set_level(log::Level::warn);
  }
  /// Ends the jobs before the shards that they report to.
  ~CryptoWorld() {
    pool = nullptr;
    log::set_level(log::Level::info);
  }

  /// Runs a client task to its end.
  void run(const std::function<Task<void>(Stub&)>& script) {
    CHECK(world.run([&](Channel& channel) -> Task<void> {
      Stub stub(channel);
      co_await script(stub);
    }));
  }

  Result<crypto::v1::SignResponse> sign(std::string_view method, const crypto::v1::SignRequest& request) {
    Result<crypto::v1::SignResponse> response = fail(Code::UNKNOWN, "the call did not end");
    run([&](Stub& stub) -> Task<void> {
      if (method == "SignRSA") response = co_await stub.SignRSA(request);
      if (method == "SignECC") response = co_await stub.SignECC(request);
      if (method == "Sign") response = co_await stub.Sign(request);
    });
    return response;
  }

  Result<crypto::v1::PublicKeyResponse> public_key(const crypto::v1::PublicKeyRequest& request) {
    Result<crypto::v1::PublicKeyResponse> response = fail(Code::UNKNOWN, "the call did not end");
    run([&](Stub& stub) -> Task<void> { response = co_await stub.GetPublicKey(request); });
    return response;
  }

  const std::unique_ptr<World> network;
  World& world;
  KeyRegistry keys;
  std::unique_ptr<WorkerPool> pool;
  CryptoService service;
};

/// A key whose signatures the test determines, in place of a real key of its kind.
class FakeSigner final : public Signer {
 public:
  using Sign = std::function<Result<std::string>(Algorithm algorithm, Bytes input)>;

  FakeSigner(const PublicKey& key, Sign sign)
      : Signer(key, algorithms_of(key.kind())), sign_(std::move(sign)) {}

 private:
  Result<std::string> do_sign(Algorithm algorithm, Bytes input) const override {
    return sign_(algorithm, input);
  }

  Sign sign_;
};

/// A registry with only this key.
inline KeyRegistry fake_keys(const PublicKey& key, FakeSigner::Sign sign) {
  KeyRegistry keys;
  CHECK(keys.add(std::make_unique<FakeSigner>(key, std::move(sign))).ok());
  return keys;
}

inline crypto::v1::SignRequest sign_request(std::string data, std::string_view algorithm = {},
                                            std::string_view key_id = {}) {
  crypto::v1::SignRequest request;
  request.set_data(std::move(data));
  request.set_algorithm(std::string(algorithm));
  request.set_key_id(std::string(key_id));
  return request;
}

}  // namespace ringrpc
