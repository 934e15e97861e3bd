/// The policy ring_hash (gRFCs A42 and A76): calls with the same value of a header go to the same backend.
///
/// 1. Each backend has places on a ring of 64-bit hashes, by its address. A call has one by its header; the
///    first backend from there on takes it. When backends come or go, only the calls at their places move.
/// 2. A backend is connected to when a call needs it. One that could not be reached is passed over until it
///    is ready again.
/// 3. A call without the header goes to the first backend that is ready, from a random place on, and has
///    at most one other connect.
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "ringrpc/load_balancing.h"
#include "ringrpc/metadata.h"

#include "reactor/shard.h"

namespace ringrpc {
namespace {

constexpr std::size_t ring_size_max = 4'096;  // gRFC A42
constexpr unsigned index_shift = 52;          // of a hash, to one of as many numbers

std::uint64_t hash_of(std::string_view text) noexcept { return XXH64(text.data(), text.size(), 0); }

/// Of all values of that name, with commas between them (gRFC A76).
std::uint64_t hash_of_all(const Metadata& metadata, std::string_view name) noexcept {
  XXH64_state_t state;
  XXH64_reset(&state, 0);
  bool any = false;
  for (const Metadata::Entry& entry : metadata) {
    if (entry.name != name) continue;
    if (std::exchange(any, true)) XXH64_update(&state, ",", 1);
    XXH64_update(&state, entry.value.data(), entry.value.size());
  }
  return XXH64_digest(&state);
}

class RingHashPolicy final : public BalancingPolicy {
 public:
  explicit RingHashPolicy(RingHashOptions options) : options_(std::move(options)) {
    options_.max_ring_size = std::clamp<std::size_t>(options_.max_ring_size, 1, ring_size_max);
    options_.min_ring_size = std::clamp<std::size_t>(options_.min_ring_size, 1, options_.max_ring_size);
  }
  std::unique_ptr<Balancer> make() const override;
  const RingHashOptions& options() const noexcept { return options_; }

 private:
  RingHashOptions options_;
};

class RingHash final : public Balancer {
 public:
  RingHash(Shard& shard, const RingHashOptions& options)
      : options_(options),
        random_(static_cast<std::uint64_t>(shard.now().time_since_epoch().count()) + shard.index()) {}

  void update(std::span<Backend* const> backends) override;
  bool follow(const BalancingPolicy& policy) override;
  void on_state(Backend&) noexcept override {}
  void connect() noexcept override;
  Connectivity state() const noexcept override { return joint_state(backends_); }
  Backend* pick(const PickedCall& call) noexcept override;
  bool chooses_by_call() const noexcept override { return true; }

 private:
  struct Place {
    std::uint64_t hash;
    Backend* backend;
  };

  std::vector<Place> ring_of(std::span<Backend* const> backends) const;
  std::size_t find(std::uint64_t hash) const noexcept;
  std::size_t after(std::size_t place) const noexcept { return place + 1 == ring_.size() ? 0 : place + 1; }
  Backend* pick_at(std::uint64_t hash) noexcept;
  Backend* pick_any(std::uint64_t hash) noexcept;

  RingHashOptions options_;
  std::mt19937_64 random_;
  std::vector<Backend*> backends_;  // in the order of their addresses
  std::vector<Place> ring_;         // in the order of the hashes
  // By the upper bits of a hash: the first place whose hash has these or larger ones.
  std::array<std::uint16_t, ring_size_max> index_{};
};

void RingHash::update(std::span<Backend* const> backends) {
  std::vector<Backend*> order(backends.begin(), backends.end());
  std::ranges::sort(order, {},
                    [](const Backend* backend) -> const std::string& { return backend->address(); });
  std::vector<Place> ring = ring_of(order);
  backends_.swap(order);
  ring_.swap(ring);
  std::size_t place = 0;
  for (std::size_t upper = 0; upper < index_.size(); ++upper) {
    while (place < ring_.size() && ring_[place].hash >> index_shift < upper) ++place;
    index_[upper] = static_cast<std::uint16_t>(place);
  }
}

bool RingHash::follow(const BalancingPolicy& policy) {
  const auto* const next = dynamic_cast<const RingHashPolicy*>(&policy);
  if (next) options_ = next->options();
  return next != nullptr;
}

/// As the other implementations of gRPC do it, so that they agree about the backend of a call.
std::vector<RingHash::Place> RingHash::ring_of(std::span<Backend* const> backends) const {
  std::vector<Place> ring;
  if (backends.empty()) return ring;
  const auto count = static_cast<double>(backends.size());
  const double scale = std::min(std::ceil(static_cast<double>(options_.min_ring_size) / count) * count,
                                static_cast<double>(options_.max_ring_size));
  ring.reserve(static_cast<std::size_t>(std::ceil(scale)) + 1);
  double target = 0;
  std::string key;
  for (Backend* const backend : backends) {
    target += scale / count;
    key.assign(backend->address()).push_back('_');
    const std::size_t prefix = key.size();
    for (unsigned at = 0; static_cast<double>(ring.size()) < target; ++at) {
      std::array<char, 16> digits;
      const char* const end = std::to_chars(digits.data(), digits.data() + digits.size(), at).ptr;
      key.resize(prefix);
      key.append(digits.data(), static_cast<std::size_t>(end - digits.data()));
      ring.push_back({.hash = hash_of(key), .backend = backend});
    }
  }
  std::ranges::sort(ring, {}, &Place::hash);
  return ring;
}

/// For a channel that is to connect although no call needs a certain backend.
void RingHash::connect() noexcept {
  const Connectivity now = state();
  if (now != Connectivity::connecting && now != Connectivity::ready) (void)pick_any(random_());
}

/// The place of a hash: the next one on the ring.
std::size_t RingHash::find(std::uint64_t hash) const noexcept {
  std::size_t place = index_[hash >> index_shift];
  while (place < ring_.size() && ring_[place].hash < hash) ++place;
  return place < ring_.size() ? place : 0;
}

Backend* RingHash::pick(const PickedCall& call) noexcept {
  if (ring_.empty()) return nullptr;
  const Metadata& metadata = call.metadata();
  const Metadata::Entry* found = nullptr;
  for (const Metadata::Entry& entry : metadata) {
    if (entry.name != options_.header) continue;
    if (found) return pick_at(hash_of_all(metadata, options_.header));
    found = &entry;
  }
  return found ? pick_at(hash_of(found->value)) : pick_any(random_());
}

/// The first backend that has not failed.
Backend* RingHash::pick_at(std::uint64_t hash) noexcept {
  std::size_t place = find(hash);
  for (std::size_t passed = 0; passed < ring_.size(); ++passed, place = after(place)) {
    Backend* const backend = ring_[place].backend;
    const Connectivity state = backend->state();
    if (state == Connectivity::transient_failure) continue;
    if (state == Connectivity::idle) backend->connect();
    return backend;
  }
  return nullptr;
}

/// The first backend that is ready. If none connects, the first that is idle begins to.
Backend* RingHash::pick_any(std::uint64_t hash) noexcept {
  Backend* idle = nullptr;
  bool connecting = false;
  std::size_t place = find(hash);
  for (std::size_t passed = 0; passed < ring_.size(); ++passed, place = after(place)) {
    Backend* const backend = ring_[place].backend;
    const Connectivity state = backend->state();
    if (state == Connectivity::ready) {
      if (idle && !connecting) idle->connect();
      return backend;
    }
    connecting |= state == Connectivity::connecting;
    if (state == Connectivity::idle && !idle) idle = backend;
  }
  if (idle && !connecting) idle->connect();
  return nullptr;
}

std::unique_ptr<Balancer> RingHashPolicy::make() const {
  return std::make_unique<RingHash>(Shard::here(), options_);
}

}  // namespace

std::shared_ptr<const BalancingPolicy> ring_hash(const RingHashOptions& options) {
  return std::make_shared<RingHashPolicy>(options);
}

}  // namespace ringrpc
