#include "grpcbench/progress_line.h"

#include <fmt/format.h>
#include <string_view>
#include <unistd.h>
#include <utility>

#include "grpcbench/output.h"
#include "grpcbench/units.h"

namespace ringrpc::grpcbench {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view erase_line = "\r\x1b[K";

/// To a terminal, which may be gone; nothing depends on it.
void write_all(int descriptor, const std::string& text) {
  [[maybe_unused]] const ssize_t written = ::write(descriptor, text.data(), text.size());
}

}  // namespace

ProgressLine::ProgressLine(int descriptor, const Plan& plan)
    : plan_(plan), descriptor_(descriptor), terminal_(::isatty(descriptor) == 1) {}

std::string ProgressLine::text(const Plan& plan, const RunSoFar& before, const RunSoFar& now) {
  if (now.warming_up)
    return fmt::format("warming up, {:.0f} s of {:.0f} s", seconds(now.elapsed), seconds(plan.warmup));
  std::string line = fmt::format("{:.0f} s", seconds(now.elapsed - plan.warmup));
  if (plan.duration) line += fmt::format(" of {:.0f} s", seconds(*plan.duration));
  const std::uint64_t calls = now.succeeded + now.failed;
  line += fmt::format("   {} calls", grouped(calls));
  if (plan.calls) line += fmt::format(" of {}", grouped(*plan.calls));
  if (const double passed = seconds(now.elapsed - before.elapsed); passed > 0)
    line += fmt::format(
        "   {}/s",
        grouped(static_cast<std::uint64_t>(static_cast<double>(now.succeeded - before.succeeded) / passed)));
  if (now.failed > 0) line += fmt::format("   {} failed", grouped(now.failed));
  return line;
}

void ProgressLine::show(const RunSoFar& so_far) {
  if (!terminal_) return;
  shown_ = true;
  const std::string line = text(plan_, before_, so_far);
  if (so_far.elapsed - before_.elapsed >= 1s) before_ = so_far;
  write_all(descriptor_, std::string(erase_line) + line);
}

void ProgressLine::erase() {
  if (std::exchange(shown_, false)) write_all(descriptor_, std::string(erase_line));
}

}  // namespace ringrpc::grpcbench
