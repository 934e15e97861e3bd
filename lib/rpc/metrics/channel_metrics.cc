#include "rpc/metrics/channel_metrics.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <new>
#include <utility>

#include "observe/call_text.h"
#include "rpc/metrics/method_type.h"
#include "transport/address.h"

namespace ringrpc {
namespace {

constexpr std::size_t target_bytes_max = 256;
constexpr std::size_t path_bytes_max = 256;

constexpr std::string_view other_labels = R"(grpc_type="other",grpc_service="other",grpc_method="other")";

/// Labels must be UTF-8, and targets may name any file.
std::string printable(std::string_view target) {
  std::string text(target.substr(0, target_bytes_max));
  std::ranges::replace_if(text, [](char c) { return c < ' ' || c > '~'; }, '?');
  return text;
}

/// The service and the method of "/package.Service/Method"; both empty for anything else.
std::pair<std::string_view, std::string_view> split_path(std::string_view path) noexcept {
  const std::size_t slash = path.rfind('/');
  const bool usable = path.size() <= path_bytes_max && path.starts_with('/') && slash > 1 &&
                      slash + 1 < path.size() && slash != path.npos &&
                      std::ranges::all_of(path, [](char c) { return c > ' ' && c <= '~'; });
  if (!usable) return {};
  return {path.substr(1, slash - 1), path.substr(slash + 1)};
}

std::string uri_of(std::string_view target) {
  const Result<Address> address = Address::parse_target(target);
  if (!address) return std::string(target);
  const std::string plain = address->with_tls(false).to_string();
  return address->kind() == Address::Kind::tcp ? "dns:///" + plain : plain;
}

/// A shard's hold on its metrics of a target.
class KeptMetrics final : public ShardLocal {
 public:
  explicit KeptMetrics(std::shared_ptr<ChannelMetrics> kept) noexcept : metrics(std::move(kept)) {}
  const std::shared_ptr<ChannelMetrics> metrics;
};

}  // namespace

void ChannelCounts::add(const ChannelCounts& other, Instant now) noexcept {
  connects += other.connects;
  connects_failed += other.connects_failed;
  for (std::size_t how = 0; how < ends.size(); ++how) ends[how] += other.ends[how];
  queued += other.queued;
  for (std::size_t kind = 0; kind < further_attempts.size(); ++kind)
    further_attempts[kind] += other.further_attempts[kind];
  throttled += other.throttled;
  for (std::size_t wait = 0; wait < waits.size(); ++wait) waits[wait] += other.waits[wait];
  refused += other.refused;
  waited_ns += other.waited_ns + other.queued * as_ns(now);
}

struct TargetMetrics::All {
  std::mutex mutex;
  std::map<std::string, std::unique_ptr<TargetMetrics>, std::less<>> targets;
  std::atomic<std::size_t> methods{0};  // of all parts
};

/// Never destroyed: shards that end with the process may still count.
TargetMetrics::All& TargetMetrics::all() noexcept {
  static All& all = *new All;
  return all;
}

std::mutex& TargetMetrics::mutex() noexcept { return all().mutex; }

ChannelMetrics::ChannelMetrics(TargetMetrics& target) : target_(target) {
  methods_.push_back({.path = {},
                      .kind = MethodKind::unary,
                      .labels = std::string(other_labels).append(",").append(target.label()),
                      .calls = {},
                      .attempts = {}});
  TargetMetrics::count_method();
}

ChannelMetrics::Method& ChannelMetrics::of(std::string_view path, MethodKind kind) noexcept {
  if (const auto found = index_.find({path, kind}); found != index_.end()) return *found->second;
  if (methods_.size() > methods_max) return methods_.front();
  try {
    return add(path, kind);
  } catch (const std::bad_alloc&) {
    return methods_.front();
  }
}

ChannelMetrics::Method& ChannelMetrics::add(std::string_view path, MethodKind kind) {
  const auto [service, method] = split_path(path);
  if (service.empty()) return methods_.front();
  Method& added = methods_.emplace_back(
      std::string(path), kind,
      method_labels(method_type(kind), service, method).append(",").append(target_.label()), CallMetrics(),
      CallMetrics());
  TargetMetrics::count_method();
  index_.emplace(Key{added.path, kind}, &added);
  return added;
}

TargetMetrics::TargetMetrics(std::string_view target)
    : label_(ringrpc::label("target", target)), uri_(uri_of(target)) {}

TargetMetrics& TargetMetrics::of(std::string_view target) {
  std::string name = printable(target);
  All& known = all();
  const std::lock_guard lock(known.mutex);
  const auto found = known.targets.find(name);
  if (found != known.targets.end()) return *found->second;
  if (known.targets.size() >= targets_max) name = "other";
  const auto made = known.targets.try_emplace(name, nullptr).first;
  try {
    if (!made->second) made->second = std::make_unique<TargetMetrics>(name);
  } catch (...) {
    known.targets.erase(made);
    throw;
  }
  return *made->second;
}

std::shared_ptr<ChannelMetrics> TargetMetrics::on(Shard& shard) {
  if (ShardLocal* kept = shard.local(this)) return static_cast<KeptMetrics*>(kept)->metrics;
  std::shared_ptr<ChannelMetrics> metrics = lease(shard);
  shard.keep(this, std::make_unique<KeptMetrics>(metrics));
  return metrics;
}

std::shared_ptr<ChannelMetrics> TargetMetrics::lease(Shard& shard) {
  ChannelMetrics* leased = nullptr;
  {
    const std::lock_guard lock(mutex());
    const auto idle = std::ranges::find(parts_, nullptr, [](const auto& part) { return part->shard_; });
    leased = idle != parts_.end() ? idle->get()
                                  : parts_.emplace_back(std::make_unique<ChannelMetrics>(*this)).get();
    leased->shard_ = &shard;
  }
  // If there is no memory for the pointer, it calls this too.
  return {leased, [](ChannelMetrics* metrics) {
            const std::lock_guard lock(mutex());
            metrics->shard_ = nullptr;
          }};
}

void TargetMetrics::count_method() noexcept { all().methods.fetch_add(1, std::memory_order_relaxed); }

TargetMetrics::Parts TargetMetrics::parts() {
  Parts parts;
  All& known = all();
  parts.methods = known.methods.load(std::memory_order_relaxed);
  const std::lock_guard lock(known.mutex);
  for (const auto& [name, target] : known.targets)
    for (const auto& part : target->parts_) parts.all.push_back(part.get());
  return parts;
}

}  // namespace ringrpc
