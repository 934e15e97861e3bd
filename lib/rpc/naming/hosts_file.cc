#include "rpc/naming/hosts_file.h"

#include <algorithm>
#include <fcntl.h>
#include <optional>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include "ringrpc/log.h"

#include "base/unique_fd.h"
#include "transport/address.h"

namespace ringrpc {
namespace {

char lower_case(char letter) noexcept {
  return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
}

/// Takes the next word off the line; empty at its end.
std::string_view take_word(std::string_view& line) noexcept {
  constexpr std::string_view spaces = " \t\r\v\f";
  line.remove_prefix(std::min(line.find_first_not_of(spaces), line.size()));
  const std::string_view word = line.substr(0, line.find_first_of(spaces));
  line.remove_prefix(word.size());
  return word;
}

}  // namespace

HostsFile& HostsFile::of_system() {
  static HostsFile file("/etc/hosts");
  return file;
}

std::vector<SocketAddress> HostsFile::find(std::string_view host, std::uint16_t port) {
  std::string name(host);
  std::ranges::transform(name, name.begin(), lower_case);
  const std::lock_guard lock(mutex_);
  read_if_changed();
  std::vector<SocketAddress> found;
  for (const Entry& entry : std::ranges::equal_range(entries_, std::string_view(name), {}, &Entry::name))
    if (const std::optional<SocketAddress> address = parse_ip(std::string(entry.address), port))
      found.push_back(*address);
  return found;
}

void HostsFile::read_if_changed() {
  struct stat status{};
  Version now;
  if (::stat(path_.c_str(), &status) == 0)
    now = {.device = status.st_dev,
           .inode = status.st_ino,
           .bytes = status.st_size,
           .changed_s = status.st_mtim.tv_sec,
           .changed_ns = status.st_mtim.tv_nsec};
  if (now != version_) read(now);
}

/// A file that cannot be read has no entries.
void HostsFile::read(const Version& version) {
  version_ = {};  // until all is read
  entries_.clear();
  text_.clear();
  const UniqueFd file(::open(path_.c_str(), O_RDONLY | O_CLOEXEC));
  constexpr std::size_t piece = 64 * 1024;
  for (std::size_t size = 0; file && size < bytes_max;) {
    text_.resize(std::min(size + piece, bytes_max));
    const ssize_t got = ::read(file.get(), text_.data() + size, text_.size() - size);
    size += got > 0 ? static_cast<std::size_t>(got) : 0;
    text_.resize(size);
    if (got <= 0) break;
  }
  if (text_.size() == bytes_max) log::warn("{}: only the first {} bytes are used", path_, bytes_max);
  std::ranges::transform(text_, text_.begin(), lower_case);
  for (std::string_view rest = text_; !rest.empty();) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    add_line(line.substr(0, line.find('#')));
  }
  // Addresses of later lines are further on in the text.
  std::ranges::sort(entries_, {},
                    [](const Entry& entry) { return std::pair(entry.name, entry.address.data()); });
  version_ = version;
}

void HostsFile::add_line(std::string_view line) {
  const std::string_view address = take_word(line);
  for (std::string_view name = take_word(line); !name.empty(); name = take_word(line))
    entries_.push_back({.name = name, .address = address});
}

}  // namespace ringrpc
