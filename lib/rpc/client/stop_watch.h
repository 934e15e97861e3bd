/// Ends a call when a stop is requested on another thread: CallOptions::stop.
///
///   stop_watch_ = std::make_unique<StopWatch>(*this, options.stop);
///
/// Belongs to the call's shard, as the call does.
#pragma once

#include <memory>
#include <stop_token>
#include <utility>

#include "reactor/shard.h"
#include "rpc/client/outgoing_call.h"

namespace ringrpc {

class StopWatch {
 public:
  StopWatch(OutgoingCall& call, std::stop_token stop)
      : call_(std::make_shared<OutgoingCall*>(&call)), post_(std::move(stop), Post(call.shard(), call_)) {}
  StopWatch(const StopWatch&) = delete;
  StopWatch& operator=(const StopWatch&) = delete;
  /// Waits while another thread posts. The mail may still be on its way.
  ~StopWatch() { *call_ = nullptr; }

 private:
  /// Runs on the thread that requests the stop. The shard lives as long as the call, whose end waits for this.
  class Post {
   public:
    Post(Shard& shard, std::shared_ptr<OutgoingCall*> call)
        : shard_(shard), letter_([call = std::move(call)] {
            if (*call)
              (*call)->stop(Status(Code::CANCELLED, "a stop was requested (CallOptions::stop)",
                                   Initiator::application));
          }) {}
    void operator()() noexcept { shard_.post(std::move(letter_)); }

   private:
    Shard& shard_;
    Shard::SealedMail letter_;
  };

  std::shared_ptr<OutgoingCall*> call_;  // used on the shard only; null once the call is destroyed
  std::stop_callback<Post> post_;
};

}  // namespace ringrpc
