#include "rpc/naming/dns_message.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <netinet/in.h>
#include <optional>

namespace ringrpc {
namespace {

constexpr std::size_t dns_header_bytes = 12;
constexpr std::uint16_t class_in = 1;
enum RecordType : std::uint16_t { type_a = 1, type_cname = 5, type_aaaa = 28 };

/// Takes numbers and names from the front of a message. Everything is zero once the
/// message has ended too early.
class DnsReader {
 public:
  explicit DnsReader(Bytes rest) noexcept : rest_(rest) {}

  bool ok() const noexcept { return ok_; }

  Bytes take(std::size_t bytes) noexcept {
    if (bytes > rest_.size()) {
      ok_ = false;
      rest_ = {};
      return {};
    }
    const Bytes taken = rest_.first(bytes);
    rest_ = rest_.subspan(bytes);
    return taken;
  }
  std::uint16_t take_16() noexcept {
    const Bytes two = take(2);
    return ok_ ? static_cast<std::uint16_t>(two[0] << 8 | two[1]) : std::uint16_t{0};
  }
  std::uint32_t take_32() noexcept {
    const std::uint32_t high = take_16();
    return high << 16 | take_16();
  }
  /// A pointer to the rest of a name ends it (RFC 1035, 4.1.4).
  void skip_name() noexcept {
    while (ok_) {
      const Bytes length = take(1);
      if (!ok_ || length[0] == 0) return;
      if ((length[0] & 0xc0) == 0xc0) {
        take(1);
        return;
      }
      take(length[0]);
    }
  }

 private:
  Bytes rest_;
  bool ok_ = true;
};

/// The address of a record; none if it has another type or a wrong length.
std::optional<SocketAddress> address_of(std::uint16_t type, Bytes data, std::uint16_t port) noexcept {
  SocketAddress address;
  if (type == type_a && data.size() == sizeof(in_addr)) {
    sockaddr_in four{};
    four.sin_family = AF_INET;
    four.sin_port = htons(port);
    std::memcpy(&four.sin_addr, data.data(), data.size());
    std::memcpy(&address.storage, &four, sizeof four);
    address.length = sizeof four;
    return address;
  }
  if (type == type_aaaa && data.size() == sizeof(in6_addr)) {
    sockaddr_in6 six{};
    six.sin6_family = AF_INET6;
    six.sin6_port = htons(port);
    std::memcpy(&six.sin6_addr, data.data(), data.size());
    std::memcpy(&address.storage, &six, sizeof six);
    address.length = sizeof six;
    return address;
  }
  return std::nullopt;
}

}  // namespace

bool read_addresses(Bytes message, std::uint16_t port, DnsAddresses& to) {
  if (message.size() < dns_header_bytes) return false;
  DnsReader reader(message.subspan(4));
  std::uint16_t questions = reader.take_16();
  const std::uint16_t answers = reader.take_16();
  reader.take(4);
  for (; questions > 0 && reader.ok(); --questions) {
    reader.skip_name();
    reader.take(4);
  }
  for (std::uint16_t at = 0; at < answers && reader.ok() && to.addresses.size() < dns_addresses_max; ++at) {
    reader.skip_name();
    const std::uint16_t type = reader.take_16();
    const std::uint16_t record_class = reader.take_16();
    const std::uint32_t ttl_s = reader.take_32();
    const Bytes data = reader.take(reader.take_16());
    if (!reader.ok() || record_class != class_in) continue;
    const std::optional<SocketAddress> address = address_of(type, data, port);
    if (address) to.addresses.push_back(*address);
    // RFC 2181, 8: a time with the first bit set counts as zero.
    if (address || type == type_cname) to.ttl_s = std::min(to.ttl_s, ttl_s >> 31 ? 0 : ttl_s);
  }
  return reader.ok();
}

}  // namespace ringrpc
