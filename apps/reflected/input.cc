#include "reflected/input.h"

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <utility>

namespace ringrpc::reflected {
namespace {

constexpr std::size_t read_bytes = 64 * 1024;

/// Waits for data of `file` and reads it. Empty at the end of the file, or when `stop` becomes readable.
Result<std::string> read_some(int file, int stop) {
  std::array<pollfd, 2> wanted{{{file, POLLIN, 0}, {stop, POLLIN, 0}}};
  while (::poll(wanted.data(), wanted.size(), -1) < 0) {
    if (errno != EINTR) return std::unexpected(from_errno("poll", errno));
  }
  if (wanted[1].revents != 0) return std::string();
  std::string bytes(read_bytes, '\0');
  ssize_t got;
  do {
    got = ::read(file, bytes.data(), bytes.size());
  } while (got < 0 && errno == EINTR);
  if (got < 0) return std::unexpected(from_errno("read", errno));
  bytes.resize(static_cast<std::size_t>(got));
  return bytes;
}

Result<UniqueFd> open_file(const std::string& path) {
  UniqueFd file(path.empty() ? ::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
                             : ::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return std::unexpected(from_errno("open", errno));
  return file;
}

}  // namespace

Outcome<std::unique_ptr<Input>> Input::open(const std::string& data, JsonStream::Placeholders placeholders) {
  if (data != "-" && !data.starts_with('@')) {
    std::unique_ptr<Input> input(new Input("--data", placeholders));
    input->stream_fault_ = input->stream_.feed(data);
    if (input->stream_fault_.ok()) input->stream_fault_ = input->stream_.finish();
    input->ended_ = true;
    return input;
  }
  const std::string path = data.substr(1);
  std::unique_ptr<Input> input(
      new Input("--data: " + (path.empty() ? "standard input" : path), placeholders));
  Result<UniqueFd> file = open_file(path);
  if (!file) return fail_with(exit_system, input->name_ + ": " + std::string(file.error().message()));
  input->file_ = std::move(*file);
  input->interactive_ = ::isatty(input->file_.get()) == 1;
  input->stop_ = UniqueFd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  Result<std::unique_ptr<WorkerPool>> reader = WorkerPool::start({.threads = 1, .queue_limit = 1});
  if (!reader) return fail_with(exit_system, std::string(reader.error().message()));
  input->reader_ = std::move(*reader);
  return input;
}

Input::~Input() {
  if (stop_) ::eventfd_write(stop_.get(), 1);
}

Task<Outcome<std::optional<JsonStream::Value>>> Input::next() {
  for (;;) {
    if (std::optional<JsonStream::Value> value = stream_.take()) co_return value;
    if (!stream_fault_.ok())
      co_return fail_with(exit_data, name_ + ": " + std::string(stream_fault_.message()));
    if (ended_) co_return std::optional<JsonStream::Value>();
    Status status = co_await read_more();
    if (!status.ok()) co_return fail_with(exit_system, name_ + ": " + std::string(status.message()));
  }
}

Task<Status> Input::read_more() {
  Result<std::string> bytes =
      co_await reader_->run([file = file_.get(), stop = stop_.get()] { return read_some(file, stop); });
  if (!bytes) co_return std::move(bytes).error();
  ended_ = bytes->empty();
  stream_fault_ = ended_ ? stream_.finish() : stream_.feed(*bytes);
  co_return Status();
}

}  // namespace ringrpc::reflected
