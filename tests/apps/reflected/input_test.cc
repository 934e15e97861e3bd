#include "reflected/input.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include "ringrpc/block_on.h"

#include "apps/scratch_file.h"
#include "text_data.h"

namespace ringrpc::reflected {
namespace {

/// The messages of the input with their line numbers; a failure comes last.
Task<Result<std::string>> read_all(Input& input) {
  std::string all;
  for (;;) {
    Outcome<std::optional<JsonStream::Value>> value = co_await input.next();
    if (!value) co_return all + std::to_string(value.error().exit_status) + " " + value.error().message;
    if (!*value) co_return all;
    all.append(std::to_string((*value)->line)).append(" ").append((*value)->text).append(";");
  }
}

std::string read_all(const std::string& data) {
  Outcome<std::unique_ptr<Input>> input = Input::open(data);
  REQUIRE(input);
  return block_on(read_all(**input)).value();
}

TEST_CASE("messages are read from the command line or a file") {
  CHECK(read_all("{}\n[1]") == "1 {};2 [1];");
  CHECK(read_all("") == "");
  const apps::ScratchFile file("{}\n[1]\n");
  CHECK(read_all("@" + file.path()) == "1 {};2 [1];");
}

TEST_CASE("an error follows the messages before it and names the source") {
  CHECK(test::missing(read_all("{} {]"), {"1 {};65 --data: line 1, column 5: ", "field"}) == "");
  const apps::ScratchFile file("{} {");
  CHECK(test::missing(read_all("@" + file.path()),
                      {"1 {};65 --data: " + file.path() + ": line 1, column 5: ", "'}'"}) == "");
}

TEST_CASE("a file that cannot be read is named with the cause") {
  const Outcome<std::unique_ptr<Input>> none = Input::open("@/nowhere/file");
  REQUIRE_FALSE(none);
  CHECK(none.error().exit_status == exit_system);
  CHECK(none.error().message == "--data: /nowhere/file: open: no such file or directory");
  CHECK(read_all("@/").starts_with("71 --data: /: read: is a directory"));
}

/// Replaces standard input by one that nobody writes to, during its lifetime.
class SilentStdin {
 public:
  SilentStdin() : saved_(::dup(STDIN_FILENO)) {
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    ::dup2(ends[0], STDIN_FILENO);
    ::close(ends[0]);
    write_end_ = ends[1];
  }
  SilentStdin(const SilentStdin&) = delete;
  SilentStdin& operator=(const SilentStdin&) = delete;
  ~SilentStdin() {
    ::dup2(saved_, STDIN_FILENO);
    ::close(saved_);
    ::close(write_end_);
  }

 private:
  int saved_;
  int write_end_ = -1;
};

class Unheard final : public TaskObserver {
  void on_task_done() override {}
};

/// Begins to read and then stops.
Task<Result<bool>> begin_and_leave(std::unique_ptr<Input> input) {
  Unheard nobody;
  const Task<Outcome<std::optional<JsonStream::Value>>> reading = input->next();
  reading.start(&nobody);
  co_return reading.done();
}

TEST_CASE("an input can be destroyed while nobody types") {
  const SilentStdin stdin_of_nobody;
  Outcome<std::unique_ptr<Input>> input = Input::open("-");
  REQUIRE(input);
  CHECK((*input)->name() == "--data: standard input");
  CHECK_FALSE((*input)->interactive());
  CHECK(block_on(begin_and_leave(std::move(*input))).value() == false);
}

}  // namespace
}  // namespace ringrpc::reflected
