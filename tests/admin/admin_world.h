/// An admin server's part on a simulated shard, and browsers on another.
///
///   AdminWorld world({AdminPage("/page", "A page", [](PageRequest) { return PageResponse{.body = "text"}; })});
///   Browser browser(world);
///   browser.send(get("/page"));
///   CHECK(world.run_until([&] { return browser.responses().size() == 1; }));
#pragma once

#include <chrono>
#include <doctest/doctest.h>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "ringrpc/event_count.h"

#include "admin/admin_shard.h"
#include "reactor/peer.h"
#include "testing/simulation.h"
#include "transport/address.h"

namespace ringrpc::admin {

class AdminWorld {
 public:
  explicit AdminWorld(std::vector<AdminPage> pages, const AdminOptions& options = {},
                      const Faults& faults = {}, std::uint64_t seed = 1)
      : simulation_(seed, {.shards = 2, .faults = faults}),
        part_(std::make_unique<AdminShard>(simulation_.shard(0), options, std::move(pages))) {}
  ~AdminWorld() {
    part_.reset();
    CHECK(simulation_.run_until_quiet());
    CHECK(simulation_.clean());
  }

  /// The client's end of a new connection.
  std::unique_ptr<Peer> connect(const std::string& from = "127.0.0.1:40000") {
    auto [theirs, ours] = simulation_.network().connected_pair(resolve(*Address::parse(from))->front());
    simulation_.shard(0).load().fetch_add(1);
    part_->add(std::move(theirs));
    auto peer = std::make_unique<Peer>(simulation_.shard(1), std::move(ours));
    peer->start();
    return peer;
  }

  bool run_until(const std::function<bool()>& done) { return simulation_.run_until(done); }
  Simulation& simulation() noexcept { return simulation_; }
  AdminShard& part() noexcept { return *part_; }
  void stop() { part_.reset(); }

 private:
  Simulation simulation_;
  std::unique_ptr<AdminShard> part_;
};

struct Answer {
  int status = 0;
  std::string head;
  std::string body;
};

class Browser {
 public:
  explicit Browser(AdminWorld& world, const std::string& from = "127.0.0.1:40000")
      : world_(world), peer_(world.connect(from)) {}

  void send(std::string_view bytes) { peer_->send(bytes); }
  Peer& peer() noexcept { return *peer_; }
  void close() { peer_.reset(); }
  bool closed() const noexcept { return peer_->ended.has_value(); }

  /// Sends a request and returns the response to it; status 0 if there is none.
  Answer get(std::string_view path) {
    send("GET " + std::string(path) + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
    return next();
  }
  /// The next response. `to_head`: it has no body.
  Answer next(bool to_head = false) {
    Answer answer;
    (void)world_.run_until([&] { return take(answer, to_head) || closed(); });
    return answer;
  }

 private:
  bool take(Answer& answer, bool to_head) {
    const std::string& text = peer_->received;
    const std::size_t end = text.find("\r\n\r\n");
    if (end == std::string::npos) return false;
    std::size_t length = 0;
    const std::size_t field = text.find("content-length: ");
    if (field < end && !to_head) length = std::stoul(text.substr(field + 16));
    if (text.size() < end + 4 + length) return false;
    answer = {.status = std::stoi(text.substr(9)),
              .head = text.substr(0, end + 2),
              .body = text.substr(end + 4, length)};
    peer_->received.erase(0, end + 4 + length);
    return true;
  }

  AdminWorld& world_;
  std::unique_ptr<Peer> peer_;
};

/// A page that is its own path.
inline AdminPage echo_page(std::string path) {
  return AdminPage(std::move(path), "A page",
                   [](PageRequest request) { return PageResponse{.body = request.path}; });
}

/// The page "/gate", which waits until the test lets it go.
inline AdminPage gated_page(EventCount& opened) {
  return AdminPage("/gate", "Waits", [&opened](PageRequest) -> Task<Result<PageResponse>> {
    co_await opened.past(0);
    co_return PageResponse{.body = "made"};
  });
}

/// A page of so many bytes.
inline AdminPage large_page(std::string path, std::size_t bytes) {
  return AdminPage(std::move(path), "Large",
                   [bytes](PageRequest) { return PageResponse{.body = std::string(bytes, 'x')}; });
}

}  // namespace ringrpc::admin
