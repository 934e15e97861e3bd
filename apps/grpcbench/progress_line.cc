#include "grpcbench/progress_line.h"

#include <algorithm>
#include <fmt/format.h>
#include <string_view>
#include <sys/ioctl.h>
#include <unistd.h>
#include <utility>

#include "grpcbench/units.h"

namespace ringrpc::grpcbench {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view erase_line = "\r\x1b[K";

/// Ignores errors: the terminal may have closed, and nothing depends on it.
void write_all(int descriptor, const std::string& text) {
  [[maybe_unused]] const ssize_t written = ::write(descriptor, text.data(), text.size());
}

/// In whole seconds, or in tenths when the total `of` is short.
std::string time_text(Nanoseconds time, Nanoseconds of) {
  return fmt::format("{:.{}f} s", seconds(time), of < 10s ? 1 : 0);
}
std::string time_text(Nanoseconds time) { return fmt::format("{:.4g} s", seconds(time)); }

}  // namespace

ProgressLine::ProgressLine(int descriptor, const Plan& plan)
    : plan_(plan), descriptor_(descriptor), terminal_(::isatty(descriptor) == 1) {}

std::string ProgressLine::text(const Plan& plan, const RunSoFar& before, const RunSoFar& now) {
  if (now.phase == RunSoFar::Phase::connecting)
    return fmt::format("connecting, {} of {}", grouped(now.connected), grouped(plan.connections));
  if (now.phase == RunSoFar::Phase::warming_up)
    return fmt::format("warming up, {} of {}", time_text(now.elapsed, plan.warmup), time_text(plan.warmup));
  std::string line = plan.duration ? fmt::format("{} of {}", time_text(now.elapsed, *plan.duration),
                                                 time_text(*plan.duration))
                                   : time_text(now.elapsed, 1h);
  const std::uint64_t calls = now.succeeded + now.failed;
  line += "   " + counted(calls, "call");
  if (plan.calls) line += fmt::format(" of {}", grouped(*plan.calls));
  const double passed = seconds(now.elapsed - before.elapsed);
  const auto rate = [&](std::uint64_t more) {
    return passed > 0 ? fmt::format("   {}/s",
                                    grouped(static_cast<std::uint64_t>(static_cast<double>(more) / passed)))
                      : std::string();
  };
  line += rate(now.succeeded - before.succeeded);
  if (now.messages_received > 0)
    line += "   " + counted(now.messages_received, "message") +
            rate(now.messages_received - before.messages_received);
  if (now.failed > 0) line += fmt::format("   {} failed", grouped(now.failed));
  return line;
}

void ProgressLine::show(const RunSoFar& so_far) {
  if (!terminal_) return;
  shown_ = true;
  if (so_far.phase != before_.phase) before_ = {.phase = so_far.phase};
  std::string line = text(plan_, before_, so_far);
  if (so_far.elapsed - before_.elapsed >= 1s) before_ = so_far;
  winsize window{};
  // Text that does not fit would begin another line, which is not erased.
  if (::ioctl(descriptor_, TIOCGWINSZ, &window) == 0 && window.ws_col > 0)
    line.resize(std::min<std::size_t>(line.size(), window.ws_col - 1));
  write_all(descriptor_, std::string(erase_line) + line);
}

void ProgressLine::erase() {
  if (std::exchange(shown_, false)) write_all(descriptor_, std::string(erase_line));
}

}  // namespace ringrpc::grpcbench
