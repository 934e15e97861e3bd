/// The request of a call, apart from its messages. Each attempt of the call sends the same.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include "ringrpc/channel.h"

#include "base/frame_allocator.h"

namespace ringrpc {

class CallRequest {
 public:
  CallRequest(std::string_view called, MethodKind kind_of_method, const CallOptions& options, Instant now,
              Instant inherited_deadline)
      : path(called),
        kind(kind_of_method),
        deadline(std::min({after(now, options.timeout), options.deadline, inherited_deadline})),
        wait_for_ready(options.wait_for_ready.value_or(false)),
        waiting_given(options.wait_for_ready.has_value()),
        compression(options.compression),
        metadata_(options.lasting_metadata ? Metadata() : options.metadata),
        lasting_metadata_(options.lasting_metadata) {}

  const std::basic_string<char, std::char_traits<char>, FrameAllocator<char>> path;
  const MethodKind kind;
  Instant deadline;
  bool wait_for_ready;
  bool waiting_given;       ///< by the caller or an interceptor: the service config does not decide it
  Compression compression;  ///< of the request's messages

  const Metadata& metadata() const noexcept { return lasting_metadata_ ? *lasting_metadata_ : metadata_; }
  void set_metadata(const Metadata& changed) {
    metadata_ = changed;
    lasting_metadata_ = nullptr;
  }

 private:
  Metadata metadata_;
  const Metadata* lasting_metadata_;  // of the caller; null if `metadata_` counts
};

}  // namespace ringrpc
