#include "rpc/metrics/channel_totals.h"

#include <array>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "ringrpc/event_count.h"
#include "ringrpc/metrics.h"

#include "base/caught.h"
#include "observe/process_metrics.h"
#include "reactor/shard_worker.h"

namespace ringrpc {
namespace {

/// One reader's way through all shards that count.
struct ChannelReading {
  explicit ChannelReading(const TargetMetrics::Parts& parts)
      : left(parts.all), totals(std::make_shared<ChannelTotals>(parts.methods)) {}

  std::vector<ChannelMetrics*> left;  ///< the last one is read next
  std::shared_ptr<ChannelTotals> totals;
  Status status;
  bool in_mail = false;  ///< a letter is on its way to the shard of the next step
  EventCount ended;
};

void read_on(const std::shared_ptr<ChannelReading>& reading, Shard* here) noexcept;

/// The mail that brings a reading to another shard. If that shard ends before it runs the mail, the reading goes on from
/// there: what the shard counted is left to whoever is its owner by then.
class NextStep {
 public:
  explicit NextStep(std::shared_ptr<ChannelReading> reading) noexcept : reading_(std::move(reading)) {}
  NextStep(NextStep&&) noexcept = default;
  NextStep& operator=(NextStep&&) = delete;
  ~NextStep() {
    if (reading_ && std::exchange(reading_->in_mail, false)) read_on(reading_, nullptr);
  }

  void operator()() {
    const std::shared_ptr<ChannelReading> reading = std::move(reading_);
    reading->in_mail = false;
    read_on(reading, Shard::current());
  }

 private:
  std::shared_ptr<ChannelReading> reading_;
};

/// Reads as much as fits in a slice of `here`. Posts the next step. True once everything has been read.
bool read_some(const std::shared_ptr<ChannelReading>& reading, Shard* here) {
  std::optional<Slices> slice;
  if (here) slice.emplace(*here);
  while (!reading->left.empty()) {
    const ChannelMetrics& part = *reading->left.back();
    Shard::SealedMail mail{NextStep(reading)};
    std::unique_lock lock(TargetMetrics::mutex());
    Shard* next = TargetMetrics::owner_of(part);
    if (!next || next == here) {
      if (next) lock.unlock();  // no other thread can change that
      if (reading->totals->add_some(part, slice ? &*slice : nullptr)) {
        reading->left.pop_back();
        continue;
      }
      next = here;
    }
    reading->in_mail = true;
    next->post(std::move(mail));
    return false;
  }
  return true;
}

/// `here` is the shard whose turn runs; null if none does.
void read_on(const std::shared_ptr<ChannelReading>& reading, Shard* here) noexcept try {
  if (read_some(reading, here)) reading->ended.notify();
} catch (...) {
  reading->status = caught();
  reading->ended.notify();
}

/// Writes a sample of each target.
template <class Value>
void write_targets(MetricsText& text, const ChannelTotals& totals, const MetricFamily& family, Value value) {
  text.begin(family);
  for (const auto& [target, counts] : totals.counts()) text.sample(target, std::invoke(value, counts));
}

std::string with_label(std::string_view target, std::string_view name, std::string_view value) {
  return std::string(target).append(",").append(label(name, value));
}

void write_connects(MetricsText& text, const ChannelTotals& totals) {
  text.begin({.name = "ringrpc_client_connects",
              .help = "Attempts of channels to connect, up to the end of the handshakes, by outcome.",
              .type = MetricType::counter});
  for (const auto& [target, counts] : totals.counts()) {
    text.sample(with_label(target, "outcome", "connected"), counts.connects);
    text.sample(with_label(target, "outcome", "failed"), counts.connects_failed);
  }
  constexpr std::array<std::string_view, 3> causes = {"unused", "goaway", "lost"};
  text.begin({.name = "ringrpc_client_connections_ended",
              .help = "Connections of channels that have ended: unused, after the server's GOAWAY, or lost.",
              .type = MetricType::counter});
  for (const auto& [target, counts] : totals.counts())
    for (std::size_t how = 0; how < causes.size(); ++how)
      text.sample(with_label(target, "cause", causes[how]), counts.ends[how]);
}

}  // namespace

ChannelTotals::ChannelTotals(std::size_t methods_expected) {
  constexpr std::size_t begun_meanwhile = 64;
  methods_.reserve(methods_expected + begun_meanwhile);
  index_.reserve(methods_expected + begun_meanwhile);
}

CallMetrics& ChannelTotals::of(std::string_view labels) {
  const auto [place, added] = index_.try_emplace(labels, methods_.size());
  if (added) methods_.push_back({.labels = labels, .calls = {}});
  return methods_[place->second].calls;
}

bool ChannelTotals::add_some(const ChannelMetrics& part, Slices* slice) {
  if (next_method_ == 0) counts_[part.target().label()].add(part.counts);
  for (const auto& methods = part.methods(); next_method_ < methods.size();) {
    const ChannelMetrics::Method& method = methods[next_method_++];
    if (method.calls.started() > 0) of(method.labels).add(method.calls);
    if (slice && slice->over()) return false;
  }
  next_method_ = 0;
  return true;
}

Task<> ChannelTotals::free(Slices& slices) {
  index_.clear();
  for (; !methods_.empty(); methods_.pop_back())
    if (slices.over()) co_await slices.next();
}

Task<Result<std::shared_ptr<ChannelTotals>>> read_channels() {
  const auto reading = std::make_shared<ChannelReading>(TargetMetrics::parts());
  const std::uint64_t seen = reading->ended.count();
  read_on(reading, Shard::current());
  co_await reading->ended.past(seen);
  if (!reading->status.ok()) co_return std::unexpected(reading->status);
  co_return reading->totals;
}

Task<> write_channels(MetricsText& text, const ChannelTotals& totals, Slices& slices) {
  if (totals.counts().empty()) co_return;
  CallText calls(text, CallSide::client, totals.methods());
  while (calls.write_next())
    if (slices.over()) co_await slices.next();
  write_targets(text, totals,
                {.name = "ringrpc_client_connections",
                 .help = "Connections of channels that are open.",
                 .type = MetricType::gauge},
                &ChannelCounts::open);
  if (slices.over()) co_await slices.next();
  write_connects(text, totals);
  if (slices.over()) co_await slices.next();
  write_targets(text, totals,
                {.name = "ringrpc_client_calls_queued",
                 .help = "Calls that wait for a connection or a stream.",
                 .type = MetricType::gauge},
                [](const ChannelCounts& counts) { return counts.queued; });
  write_targets(text, totals,
                {.name = "ringrpc_client_retries",
                 .help = "Requests sent again because the server had not begun to serve them (gRFC A6).",
                 .type = MetricType::counter},
                [](const ChannelCounts& counts) { return counts.retries; });
}

Task<Result<std::string>> channel_metrics_text(MetricsFormat format) {
  Shard* const here = Shard::current();
  if (!here)
    co_return fail(Code::FAILED_PRECONDITION, "metrics are read on a shard: in a handler, or under block_on");
  Result<std::shared_ptr<ChannelTotals>> totals = co_await read_channels();
  if (!totals) co_return std::unexpected(std::move(totals).error());
  Result<ProcessMetrics> process = co_await ShardWorker::of(*here).run(&read_process_metrics);
  if (!process) co_return std::unexpected(std::move(process).error());
  MetricsText text(format);
  Slices slices(*here);
  co_await write_channels(text, **totals, slices);
  write_build(text, RINGRPC_VERSION);
  write_process(text, *process);
  co_await (*totals)->free(slices);
  co_return std::move(text).finish();
}

}  // namespace ringrpc
