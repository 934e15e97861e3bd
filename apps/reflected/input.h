/// The JSON messages of a request, one by one: from the command line, a file or standard input.
///
///   Outcome<std::unique_ptr<Input>> input = Input::open("-");
///   Outcome<std::optional<JsonStream::Value>> message = co_await (*input)->next();   // nothing at the end
///
/// A file is read by a thread of its own, so that a message is given as soon as it is whole while the shard
/// goes on with what it receives. Destroying the input ends that thread, also while nobody types.
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
  static Outcome<std::unique_ptr<Input>> open(const std::string& data);

  Input(const Input&) = delete;
  Input& operator=(const Input&) = delete;
  ~Input();

  /// The next message; nothing when there are no more. A failure names the source and the place, and nothing
  /// comes after it. One at a time, on a shard.
  Task<Outcome<std::optional<JsonStream::Value>>> next();

  /// Whether somebody at a terminal is to type the messages.
  bool interactive() const noexcept { return interactive_; }

  /// What it reads: "--data", "standard input", the file's name.
  const std::string& name() const noexcept { return name_; }

 private:
  explicit Input(std::string name) : name_(std::move(name)) {}
  Task<Status> read_more();

  std::string name_;
  JsonStream stream_;
  Status stream_fault_;  // told once the messages before it have been taken
  bool ended_ = false;
  bool interactive_ = false;
  UniqueFd file_;
  UniqueFd stop_;  // readable when the thread is to end
  std::unique_ptr<WorkerPool> reader_;
};

}  // namespace ringrpc::reflected
