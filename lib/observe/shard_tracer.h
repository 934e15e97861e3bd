/// A tracer on one shard, with the random ids of its spans.
///
///   const ShardTracer::Ref tracer = ShardTracer::make(options.tracer);
///   if (tracer->sampler().samples(id, parent) && tracer->records()) begin_span();
///   tracer->take(std::move(span));
///
/// Belongs to the shard's thread. References are counted without atomics: calls may
/// outlive their server or channel.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <utility>

#include "ringrpc/tracer.h"

#include "base/random.h"

namespace ringrpc {

class ShardTracer {
 public:
  /// Null or a counted reference.
  class Ref {
   public:
    Ref() noexcept = default;
    explicit Ref(ShardTracer* tracer) noexcept : tracer_(tracer) {
      if (tracer_) ++tracer_->references_;
    }
    Ref(const Ref& other) noexcept : Ref(other.tracer_) {}
    Ref(Ref&& other) noexcept : tracer_(std::exchange(other.tracer_, nullptr)) {}
    Ref& operator=(Ref other) noexcept {
      std::swap(tracer_, other.tracer_);
      return *this;
    }
    ~Ref() {
      if (tracer_ && --tracer_->references_ == 0) delete tracer_;
    }

    explicit operator bool() const noexcept { return tracer_ != nullptr; }
    ShardTracer* get() const noexcept { return tracer_; }
    ShardTracer* operator->() const noexcept { return tracer_; }
    ShardTracer& operator*() const noexcept { return *tracer_; }

   private:
    ShardTracer* tracer_ = nullptr;
  };

  /// Null if `tracer` is.
  static Ref make(std::shared_ptr<const Tracer> tracer) {
    return tracer ? Ref(new ShardTracer(std::move(tracer))) : Ref();
  }
  ShardTracer(const ShardTracer&) = delete;
  ShardTracer& operator=(const ShardTracer&) = delete;

  const Sampler& sampler() const noexcept { return tracer_->sampler; }
  bool send_trace_bin() const noexcept { return tracer_->send_trace_bin; }
  bool propagates() const noexcept { return tracer_->propagate; }
  /// The span of a sampled call, or of its attempt, begins. False if it would be dropped.
  bool records() const noexcept { return tracer_->sink && tracer_->sink->admits(); }

  TraceId make_trace_id() noexcept {
    TraceId id;
    const std::uint64_t halves[] = {random_(), not_zero()};
    std::memcpy(id.data(), halves, sizeof halves);
    return id;
  }
  SpanId make_span_id() noexcept {
    SpanId id;
    const std::uint64_t whole = not_zero();
    std::memcpy(id.data(), &whole, sizeof whole);
    return id;
  }

  /// A span that was recorded has ended.
  void take(SpanRecord&& span) const noexcept { tracer_->sink->take(std::move(span)); }

 private:
  explicit ShardTracer(std::shared_ptr<const Tracer> tracer) : tracer_(std::move(tracer)) {}
  ~ShardTracer() = default;

  std::uint64_t not_zero() noexcept {
    std::uint64_t number = random_();
    while (number == 0) number = random_();
    return number;
  }

  const std::shared_ptr<const Tracer> tracer_;
  Random random_;
  std::uint32_t references_ = 0;
};

}  // namespace ringrpc
