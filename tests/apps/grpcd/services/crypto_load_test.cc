// Signing under overload.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <google/protobuf/unknown_field_set.h>
#include <malloc.h>
#include <map>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "ringrpc/sleep.h"
#include "ringrpc/turn_share.h"

#include "apps/captured_stderr.h"
#include "base/internals.h"
#include "crypto_world.h"
#include "observe/metrics_text.h"
#include "reactor/shard.h"
#include "signer/digest.h"
#include "text_data.h"

namespace ringrpc {
namespace {

using namespace std::chrono_literals;
using crypto::v1::SignRequest;
using crypto::v1::SignResponse;
using google::protobuf::UnknownFieldSet;

PublicKey rsa_public_key() {
  static const KeyRegistry keys = new_keys({"rsa2048"});
  return keys.all()[0]->public_key();
}

/// Signatures that block until they are released. Counts how many have begun.
struct Gate {
  FakeSigner::Sign signature() {
    return [this](Algorithm, Bytes) -> Result<std::string> {
      ++begun;
      open.wait(false);
      return std::string(256, 's');
    };
  }
  void let_go() {
    open = true;
    open.notify_all();
  }

  std::atomic<int> begun = 0;
  std::atomic<bool> open = false;
};

/// One call, run beside others; records how it ended.
Task<void> note_end(CryptoWorld::Stub& stub, SignRequest request, CallOptions options,
                    std::map<Code, int>& ends) {
  const Result<SignResponse> response = co_await stub.SignRSA(request, options);
  ++ends[response ? Code::OK : response.error().code()];
}

Task<void> until(const std::function<bool()>& holds) {
  while (!holds()) co_await sleep_for(1ms);
}

TEST_CASE("a full queue refuses at once, and queued data is signed") {
  Gate gate;
  CryptoWorld world(fake_keys(rsa_public_key(), gate.signature()), {}, {.threads = 1, .queue_limit = 2});
  std::map<Code, int> ends;
  world.run([&](CryptoWorld::Stub& stub) -> Task<void> {
    std::vector<Task<void>> calls;
    for (int i = 0; i < 10; ++i) calls.push_back(note_end(stub, sign_request("m"), {}, ends));
    calls[0].start();
    co_await until([&] { return gate.begun == 1; });
    for (int i = 1; i < 10; ++i) calls[static_cast<std::size_t>(i)].start();
    co_await until([&] { return ends[Code::RESOURCE_EXHAUSTED] == 7; });  // while the worker is busy
    CHECK(ends[Code::OK] == 0);
    gate.let_go();
    co_await until([&] { return ends[Code::OK] == 3; });
  });
  CHECK(gate.begun == 3);
  MetricsText text(MetricsFormat::prometheus);
  auto writer = detail::Internals::make<MetricsWriter>(text);
  world.service.write_metrics(writer);
  const std::string page = std::move(text).finish();
  CHECK(page.find(R"(algorithm="RSA_PSS_SHA256",outcome="made"} 3)") != page.npos);
  CHECK(page.find(R"(algorithm="RSA_PSS_SHA256",outcome="failed"} 7)") != page.npos);
  CHECK(page.find("\ngrpcd_signing_backlog_bytes 0\n") != page.npos);
}

TEST_CASE("a connection whose signatures fill the queue gives way to another, which is served in its turn") {
  Gate gate;
  CryptoWorld world(fake_keys(rsa_public_key(), gate.signature()), {}, {.threads = 1, .queue_limit = 4});
  world.run([&](CryptoWorld::Stub& stub) -> Task<void> {
    std::map<Code, int> ends, ends_of_other;
    std::vector<Task<void>> calls;
    for (int i = 0; i < 5; ++i) {
      calls.push_back(note_end(stub, sign_request("m"), {}, ends));
      calls.back().start();
      co_await until([&] { return gate.begun == 1 && world.pool->waiting() == static_cast<std::size_t>(i); });
    }
    const Channel other(world.world.address());
    CryptoWorld::Stub stub_of_other(other);
    Task<void> call = note_end(stub_of_other, sign_request("m"), {}, ends_of_other);
    call.start();
    co_await until([&] { return ends[Code::RESOURCE_EXHAUSTED] == 1; });
    CHECK(world.pool->waiting() == 4);
    gate.let_go();
    co_await until([&] { return ends_of_other[Code::OK] == 1 && ends[Code::OK] == 4; });
  });
}

TEST_CASE("an address may have half of what others leave of the backlog, and the error says so") {
  const auto backlog = std::make_shared<SigningBacklog>(1000);
  const auto take = [&](std::uint64_t peer, std::size_t bytes) {
    return SigningBacklog::take(backlog, PeerKey{AF_INET, peer}, bytes);
  };
  std::optional<Result<SigningBacklog::Share>> first = take(1, 500);
  CHECK(*first);
  CHECK_FALSE(take(1, 1));
  const Result<SigningBacklog::Share> second = take(2, 250);
  CHECK(second);
  const Result<SigningBacklog::Share> refused = take(2, 1);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message() ==
        "the backlog is full for this address: it has 250 bytes there, and 1 more would exceed 250, half of "
        "what other addresses leave of 1000 (backlog limit)");
  CHECK(take(3, 125));
  CHECK(backlog->bytes() == 750);
  first.reset();
  CHECK(take(2, 125));
  CHECK_FALSE(take(2, 251));
}

TEST_CASE("the data of all waiting requests is limited, for any number of requests") {
  Gate gate;
  CryptoWorld world(fake_keys(rsa_public_key(), gate.signature()), {.backlog_bytes_max = 2'000'000},
                    {.threads = 1, .queue_limit = 64});
  world.run([&](CryptoWorld::Stub& stub) -> Task<void> {
    std::map<Code, int> ends;
    const auto ask = [&](std::size_t bytes) {
      Task<void> call = note_end(stub, sign_request(std::string(bytes, 'm')), {}, ends);
      call.start();
      return call;
    };
    std::vector<Task<void>> calls;
    calls.push_back(ask(300'000));
    co_await until([&] { return gate.begun == 1; });  // data that is being signed counts too
    calls.push_back(ask(700'000));
    co_await until([&] { return world.pool->waiting() == 1; });
    const SignRequest one_more = sign_request("m");
    const Result<SignResponse> refused = co_await stub.SignRSA(one_more);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().to_string() ==
          "RESOURCE_EXHAUSTED: too many signatures are waiting; try again later");
    calls[1] = {};  // a cancelled call frees its share
    co_await until([&] { return world.pool->waiting() == 0; });
    calls.push_back(ask(600'000));
    co_await until([&] { return world.pool->waiting() == 1; });
    gate.let_go();
    co_await until([&] { return ends[Code::OK] == 2; });
    calls.push_back(ask(3'000'000));  // accepted, because it is the only one
    co_await until([&] { return ends[Code::OK] == 3; });
    CHECK(ends.size() == 1);
  });
}

TEST_CASE("the log names the limit that was reached, but the status does not") {
  Gate gate;
  CryptoWorld world(fake_keys(rsa_public_key(), gate.signature()), {.backlog_bytes_max = 200},
                    {.threads = 1, .queue_limit = 2});
  world.run([&](CryptoWorld::Stub& stub) -> Task<void> {
    std::map<Code, int> ends;
    std::vector<Task<void>> calls;
    const auto ask = [&](std::size_t bytes) {
      calls.push_back(note_end(stub, sign_request(std::string(bytes, 'm')), {}, ends));
      calls.back().start();
    };
    ask(30);
    co_await until([&] { return gate.begun == 1; });
    ask(10);
    co_await until([&] { return world.pool->waiting() == 1; });
    const apps::CapturedStderr captured;
    log::set_level(log::Level::info);
    ask(61);
    co_await until([&] { return ends[Code::RESOURCE_EXHAUSTED] == 1; });
    CHECK(captured.text().ends_with(
        ": RESOURCE_EXHAUSTED (the backlog is full for this address: it has 40 bytes there, and 61 "
        "more would exceed 100, half of what other addresses leave of 200 (backlog limit))\n"));
    ask(10);
    co_await until([&] { return world.pool->waiting() == 2; });
    ask(10);
    co_await until([&] { return ends[Code::RESOURCE_EXHAUSTED] == 2; });
    CHECK(test::lines_with(captured.text(), {"RESOURCE_EXHAUSTED", "2 jobs", "worker queue limit"}) == 1);
    log::set_level(log::Level::warn);
    gate.let_go();
    co_await until([&] { return ends[Code::OK] == 3; });
  });
}

TEST_CASE("a refused request never takes room from one that fits") {
  const auto backlog = std::make_shared<SigningBacklog>(1000);
  const auto held = SigningBacklog::take(backlog, {}, 400);
  REQUIRE(held);
  std::atomic<bool> enough = false;
  std::atomic<int> refusals = 0;
  std::jthread greedy([&] {
    while (!enough) refusals += SigningBacklog::take(backlog, {}, 1000) ? 0 : 1;
  });
  int taken = 0;
  while (refusals == 0) std::this_thread::yield();
  for (int i = 0; i < 1'000'000; ++i) taken += SigningBacklog::take(backlog, {}, 1) ? 1 : 0;
  enough = true;
  greedy.join();
  CHECK(taken == 1'000'000);
  CHECK(backlog->bytes() == 400);
}

/// The memory that the process has from malloc. Hardly changes under a sanitizer, which has an allocator of
/// its own.
std::size_t heap_bytes() {
  const struct mallinfo2 info = ::mallinfo2();
  return info.uordblks + info.hblkhd;
}

/// A small message, preceded by one that it replaces.
void send_data_twice(SignRequest& request, std::string padding) {
  UnknownFieldSet& fields = *SignRequest::GetReflection()->MutableUnknownFields(&request);
  fields.AddLengthDelimited(SignRequest::kDataFieldNumber, std::move(padding));
  fields.AddLengthDelimited(SignRequest::kDataFieldNumber, "m");
}

void send_unknown_field(SignRequest& request, std::string padding) {
  SignRequest::GetReflection()->MutableUnknownFields(&request)->AddLengthDelimited(1000, std::move(padding));
}

TEST_CASE("only the data of a waiting request stays in memory") {
  constexpr std::size_t padding_bytes = 2'000'000;
  constexpr int padded_calls = 16;
  for (const auto pad : {send_unknown_field, send_data_twice}) {
    SignRequest padded = sign_request("m");
    pad(padded, std::string(padding_bytes, 'p'));
    Gate gate;
    CryptoWorld world(fake_keys(rsa_public_key(), gate.signature()), {.backlog_bytes_max = 100},
                      {.threads = 1, .queue_limit = 64});
    world.run([&](CryptoWorld::Stub& stub) -> Task<void> {
      int ended = 0;
      const auto ask = [&]() -> Task<void> {
        const Result<SignResponse> response = co_await stub.SignRSA(padded);
        ended += response ? 1 : 0;
      };
      std::vector<Task<void>> calls;
      std::size_t before = 0;  // includes the memory that the pools keep after the first round
      for (int i = 0; i <= padded_calls; ++i) {
        calls.push_back(ask());
        calls.back().start();
        co_await until(
            [&] { return gate.begun == 1 && world.pool->waiting() == static_cast<std::size_t>(i); });
        if (i == 0) before = heap_bytes();
      }
      CHECK(heap_bytes() < before + padded_calls * padding_bytes * 3 / 2);  // includes the caller's own copy
      gate.let_go();
      co_await until([&] { return ended == padded_calls + 1; });
    });
  }
}

TEST_CASE("a request that is cancelled or expires while it waits is not signed") {
  Gate gate;
  CryptoWorld world(fake_keys(rsa_public_key(), gate.signature()), {}, {.threads = 1, .queue_limit = 8});
  std::map<Code, int> ends;
  const apps::CapturedStderr captured;
  log::set_level(log::Level::info);
  world.run([&](CryptoWorld::Stub& stub) -> Task<void> {
    const Task<void> first = note_end(stub, sign_request("m"), {}, ends);
    first.start();
    co_await until([&] { return gate.begun == 1; });
    CallOptions hurried;
    hurried.timeout = 2s;
    const Task<void> expiring = note_end(stub, sign_request("m"), hurried, ends);
    expiring.start();
    Task<void> dropped = note_end(stub, sign_request("m"), {}, ends);
    dropped.start();
    co_await until([&] { return world.pool->waiting() == 2; });
    co_await until([&] { return ends[Code::DEADLINE_EXCEEDED] == 1; });
    dropped = Task<void>();
    co_await until([&] { return world.pool->waiting() == 0; });
    gate.let_go();
    co_await until([&] { return ends[Code::OK] == 1; });
  });
  CHECK(gate.begun == 1);
  // The status depends on which comes first, the server's clock or the caller's reset.
  const std::string text = captured.text();
  const std::string unused = " digest -: ";
  const std::size_t first = text.find(unused);
  const std::size_t second = text.find(unused, first + 1);
  REQUIRE_MESSAGE(second != std::string::npos, text);
  CHECK_MESSAGE(text.contains(" digest -: CANCELLED\n"), text);
  CHECK_MESSAGE(text.find(unused, second + 1) == std::string::npos, text);
}

TEST_CASE("a call may be cancelled during its signature, and the audit has the signed data") {
  Gate gate;
  CryptoWorld world(fake_keys(rsa_public_key(), gate.signature()), {}, {.threads = 1, .queue_limit = 8});
  std::map<Code, int> ends;
  const apps::CapturedStderr captured;
  log::set_level(log::Level::info);
  world.run([&](CryptoWorld::Stub& stub) -> Task<void> {
    Task<void> dropped = note_end(stub, sign_request(std::string(1'000'000, 'm')), {}, ends);
    dropped.start();
    co_await until([&] { return gate.begun == 1; });
    dropped = Task<void>();
    co_await until([&] { return captured.text().contains(": CANCELLED"); });
    gate.let_go();
    const Task<void> next = note_end(stub, sign_request("m"), {}, ends);
    next.start();
    co_await until([&] { return ends[Code::OK] == 1; });
  });
  CHECK(gate.begun == 2);
  const std::string digest =
      hex(digest_of(Hash::sha256, as_bytes(std::string(1'000'000, 'm'))).value().bytes());
  const std::string text = captured.text();
  CHECK_MESSAGE(text.find(" digest SHA256:" + digest + ": CANCELLED\n") != std::string::npos, text);
}

TEST_CASE("hundreds of cheap signatures are all made, on the shard") {
  CryptoWorld world(new_keys({"p256", "ed25519"}), {}, {.threads = 1, .queue_limit = 1});
  std::map<Code, int> ends;
  world.world.serve({.max_concurrent_streams = 1000});
  world.run([&](CryptoWorld::Stub& stub) -> Task<void> {
    const auto one = [&stub, &ends](std::string algorithm) -> Task<void> {
      const SignRequest request = sign_request("m", algorithm);
      const Result<SignResponse> response = co_await stub.Sign(request);
      ++ends[response ? Code::OK : response.error().code()];
    };
    std::vector<Task<void>> calls;
    for (int i = 0; i < 400; ++i) calls.push_back(one(i % 2 == 0 ? "ED25519" : "ECDSA_P256_SHA256"));
    for (const Task<void>& call : calls) call.start();
    co_await until([&] { return ends[Code::OK] == 400; });
  });
  CHECK(ends.size() == 1);
}

/// Counts the signatures in each turn of a shard that makes any.
class SignaturesInTurns final : TurnEnd {
 public:
  /// Counts a signature and then makes it as `signer` does. Called on the shard.
  FakeSigner::Sign counting(const Signer& signer) {
    return [this, &signer](Algorithm algorithm, Bytes input) {
      ++now_;
      Shard::current()->at_turn_end(*this);
      return signer.sign(algorithm, input);
    };
  }
  const std::vector<unsigned>& counts() const noexcept { return counts_; }

 private:
  void on_turn_end() override { counts_.push_back(std::exchange(now_, 0)); }

  unsigned now_ = 0;
  std::vector<unsigned> counts_;
};

TEST_CASE("a turn makes only a limited part of a burst of cheap signatures") {
  constexpr unsigned burst = 300;
  std::vector<unsigned> expected(burst / turn_shares, turn_shares);
  expected.push_back(burst % turn_shares);
  for (const auto& [kind, algorithm] :
       {std::pair("p256", "ECDSA_P256_SHA256"), std::pair("ed25519", "ED25519")}) {
    const KeyRegistry real = new_keys({kind});
    const Signer& signer = *real.all()[0];
    SignaturesInTurns made;
    CryptoWorld world(fake_keys(signer.public_key(), made.counting(signer)), {},
                      {.threads = 1, .queue_limit = 1}, std::make_unique<SimulatedWorld>(1));
    world.world.serve({.max_concurrent_streams = 1000});
    std::map<Code, unsigned> ends;
    world.run([&](CryptoWorld::Stub& stub) -> Task<void> {
      const auto one = [&]() -> Task<void> {
        const SignRequest request = sign_request("m", algorithm);
        const Result<SignResponse> response = co_await stub.Sign(request);
        ++ends[response ? Code::OK : response.error().code()];
      };
      std::vector<Task<void>> calls;
      for (unsigned i = 0; i < burst; ++i) calls.push_back(one());
      for (const Task<void>& call : calls) call.start();
      co_await until([&] { return ends[Code::OK] == burst; });
    });
    CHECK(made.counts() == expected);
  }
}

TEST_CASE("ten thousand concurrent calls for RSA-4096 all get a response") {
  constexpr int calls_made = 10'000;
  CryptoWorld world(new_keys({"rsa4096"}), {}, {.threads = 2, .queue_limit = 64});
  world.world.serve({.max_buffered_bytes = 256 * 1024 * 1024, .max_concurrent_streams = calls_made});
  const PublicKey& key = world.keys.all()[0]->public_key();
  int verified = 0;
  std::map<std::string, int> refusals;
  world.run([&](CryptoWorld::Stub& stub) -> Task<void> {
    const auto one = [&](int number) -> Task<void> {
      const SignRequest request = sign_request(std::to_string(number) + std::string(4096, 'm'));
      const Result<SignResponse> response = co_await stub.SignRSA(request);
      if (!response) {
        ++refusals[response.error().to_string()];
        co_return;
      }
      const Result<Digest> digest = digest_of(Hash::sha256, as_bytes(request.data()));
      const Status good =
          key.verify(Algorithm::rsa_pss_sha256, digest.value().bytes(), as_bytes(response->signature()));
      verified += good.ok();
    };
    std::vector<Task<void>> calls;
    for (int i = 0; i < calls_made; ++i) calls.push_back(one(i));
    for (const Task<void>& call : calls) call.start();
    for (const Task<void>& call : calls) co_await until([&] { return call.done(); });
    const SignRequest late = sign_request("m");
    CHECK(co_await stub.SignRSA(late));
  });
  CHECK(verified >= 64);
  int refused = 0;
  for (const auto& [refusal, times] : refusals) {
    CHECK(refusal == "RESOURCE_EXHAUSTED: too many signatures are waiting; try again later");
    refused += times;
  }
  CHECK(refused > 0);
  CHECK(verified + refused == calls_made);
}

}  // namespace
}  // namespace ringrpc
