#include "interop/program.h"

#include <cstdio>
#include <memory>
#include <string>
#include <utility>

#include "reactor/backend.h"
#include "reactor/shard.h"

namespace ringrpc::interop {
namespace {

class StopAtEnd final : public TaskObserver {
 public:
  explicit StopAtEnd(Shard& shard) noexcept : shard_(shard) {}
  void on_task_done() override { shard_.stop(); }

 private:
  Shard& shard_;
};

}  // namespace

void add_plaintext_flag(CLI::App& flags) {
  flags.add_option("--use_tls", "Only false: this program speaks plaintext")
      ->check(CLI::Validator(
          [](const std::string& text) {
            return text == "false" || text == "0"
                       ? std::string()
                       : "this program speaks plaintext only; give false instead of " + text;
          },
          "false"));
}

Result<bool> parse(CLI::App& flags, int count, char** arguments) {
  try {
    flags.parse(count, arguments);
  } catch (const CLI::CallForHelp&) {
    std::fputs(flags.help().c_str(), stdout);
    return false;
  } catch (const CLI::ParseError& wrong) {
    return fail(Code::INVALID_ARGUMENT, wrong.what());
  }
  return true;
}

int report(std::string_view program, const Status& status) {
  if (status.ok()) return 0;
  std::fprintf(stderr, "%.*s: %s\n", static_cast<int>(program.size()), program.data(),
               status.to_string().c_str());
  return 1;
}

Status run_on_shard(const std::function<Task<Status>()>& script) {
  Result<std::unique_ptr<Io>> io = make_io();
  if (!io) return std::move(io).error();
  Shard shard(0, std::move(*io));
  StopAtEnd observer(shard);
  Task<Status> task;
  shard.post([&] {
    task = script();
    task.start(&observer);
  });
  shard.run();
  return task.result();
}

}  // namespace ringrpc::interop
