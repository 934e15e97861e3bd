/// Text with placeholders, which are filled anew for each call.
///
///   Result<Template> text = Template::parse("order-{{call}}-{{random 1 6}}");
///   TemplateValues values;
///   values.begin(7, 0);
///   text->fill(values, filled);              // "order-7-4"
///
/// | placeholder | value |
/// |---|---|
/// | {{call}} | number of the call, from 0, over all threads |
/// | {{worker}} | number of the stream that makes the call, from 0, over all connections |
/// | {{time}} | time of the call, 2026-03-01T12:30:05.123Z |
/// | {{time_s}}, {{time_ms}}, {{time_ns}} | the same in seconds, milliseconds, nanoseconds since 1970 |
/// | {{random}} | random number from 0 to 2147483647, another one in each place |
/// | {{random LEAST MOST}} | the same within these limits |
/// | {{uuid}} | random UUID (RFC 9562, version 4), the same in all places of a call |
/// | {{open}} | two opening braces |
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "ringrpc/status.h"

#include "base/random.h"

namespace ringrpc::grpcbench {

/// The values of one call after another. Belongs to one thread.
class TemplateValues {
 public:
  /// Begins a call. The time is read when a placeholder asks for it, and stays the same within the call.
  void begin(std::uint64_t call, std::uint64_t worker) noexcept {
    call_ = call;
    worker_ = worker;
    time_ = {};
    uuid_.clear();
  }
  /// From now on, `random` gives the largest number that it may give.
  void give_largest() noexcept { largest_ = true; }

  std::uint64_t call() const noexcept { return call_; }
  std::uint64_t worker() const noexcept { return worker_; }
  std::chrono::system_clock::time_point time() noexcept;
  /// Both limits are included.
  std::uint64_t random(std::uint64_t least, std::uint64_t most) noexcept;
  const std::string& uuid();

 private:
  Random random_;
  bool largest_ = false;
  std::uint64_t call_ = 0;
  std::uint64_t worker_ = 0;
  std::chrono::system_clock::time_point time_{};
  std::string uuid_;
};

class Template {
 public:
  /// INVALID_ARGUMENT names the placeholder that is wrong, and suggests the right one.
  static Result<Template> parse(std::string_view text);

  /// True without placeholders other than {{open}}, so that all calls get the same text.
  bool constant() const noexcept { return parts_.size() == 1; }
  /// Appends the text to `to`.
  void fill(TemplateValues& values, std::string& to) const;

 private:
  enum class Kind : std::uint8_t {
    nothing,
    call,
    worker,
    time,
    time_s,
    time_ms,
    time_ns,
    random,
    uuid,
    open
  };
  /// A placeholder and the text before it.
  struct Part {
    std::string before;
    Kind kind = Kind::nothing;
    std::uint64_t least = 0;
    std::uint64_t most = 0;
  };

  static Result<Part> placeholder(std::string_view text);
  static Status read_limits(const std::vector<std::string_view>& words, Part& part);

  std::vector<Part> parts_;  // the last one has no placeholder
};

}  // namespace ringrpc::grpcbench
