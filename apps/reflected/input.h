/// The JSON messages of a request, one by one: from the command line, a file or standard input.
///
///   Outcome<std::unique_ptr<Input>> input = Input::open("-");
///   Outcome<std::optional<JsonStream::Value>> message = co_await (*input)->next();   // nothing at the end
///
/// A thread of its own reads a file, so that a message is available as soon as it is complete while the shard
/// goes on receiving. The destructor ends that thread, even while it waits for the terminal.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "ringrpc/task.h"
#include "ringrpc/worker_pool.h"

#include "base/unique_fd.h"
#include "reflected/failure.h"
#include "reflected/json_stream.h"

namespace ringrpc::reflected {

class Input {
 public:
  /// `data` as `-d` takes it: JSON, "-" or "@" for standard input, "@FILE" for a file.
  static Outcome<std::unique_ptr<Input>> open(
      const std::string& data, JsonStream::Placeholders placeholders = JsonStream::Placeholders::refused);

  Input(const Input&) = delete;
  Input& operator=(const Input&) = delete;
  ~Input();

  /// The next message; nullopt when there are no more. An error names the source and the position, and no
  /// message follows it. One call at a time, on a shard.
  Task<Outcome<std::optional<JsonStream::Value>>> next();

  /// True if the messages are typed at a terminal.
  bool interactive() const noexcept { return interactive_; }

  /// The source: "--data", "standard input", or the file's name.
  const std::string& name() const noexcept { return name_; }

 private:
  Input(std::string name, JsonStream::Placeholders placeholders)
      : name_(std::move(name)), stream_(placeholders) {}
  Task<Status> read_more();

  std::string name_;
  JsonStream stream_;
  Status stream_fault_;  // returned after the messages before it
  bool ended_ = false;
  bool interactive_ = false;
  UniqueFd file_;
  UniqueFd stop_;  // readable when the thread must end
  std::unique_ptr<WorkerPool> reader_;
};

}  // namespace ringrpc::reflected
