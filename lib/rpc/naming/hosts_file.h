/// The hosts file (hosts(5)): addresses of names that no name server is asked for.
///
///   for (const SocketAddress& address : HostsFile::of_system().find("orders.example", 50051)) ...
///
/// The file is read at the first look-up, and again after it has changed. Look-ups in between only ask the system
/// for its time of change. Any thread may look names up.
#pragma once

#include <cstddef>
#include <cstdint>
#include <ctime>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "reactor/io.h"

namespace ringrpc {

class HostsFile {
 public:
  /// What comes behind this many bytes is not read, with a warning.
  static constexpr std::size_t bytes_max = 16 * 1024 * 1024;

  explicit HostsFile(std::string path) noexcept : path_(std::move(path)) {}
  HostsFile(const HostsFile&) = delete;
  HostsFile& operator=(const HostsFile&) = delete;

  /// /etc/hosts.
  static HostsFile& of_system();

  /// The addresses of all lines that have the name, in any case of letters, in the order of the lines, with `port`.
  /// None if the file cannot be read. Throws std::bad_alloc.
  std::vector<SocketAddress> find(std::string_view host, std::uint16_t port);

 private:
  /// Of the file as it was read.
  struct Version {
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    std::int64_t bytes = -1;
    std::int64_t changed_s = 0;
    std::int64_t changed_ns = 0;
    bool operator==(const Version&) const = default;
  };
  /// Both in the text.
  struct Entry {
    std::string_view name;
    std::string_view address;
  };

  void read_if_changed();
  void read(const Version& version);
  void add_line(std::string_view line);

  const std::string path_;
  std::mutex mutex_;  // of all below
  Version version_;
  std::string text_;            // in lower case
  std::vector<Entry> entries_;  // in the order of the names, and of the lines with one name
};

}  // namespace ringrpc
