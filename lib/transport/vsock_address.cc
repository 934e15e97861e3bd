#include "transport/vsock_address.h"

#include <array>
#include <charconv>
#include <cstring>
#include <linux/vm_sockets.h>
#include <utility>

namespace ringrpc {
namespace {

constexpr std::array<std::pair<std::string_view, std::uint32_t>, 3> names{
    {{"any", VMADDR_CID_ANY}, {"local", VMADDR_CID_LOCAL}, {"host", VMADDR_CID_HOST}}};

sockaddr_vm vm_of(const SocketAddress& address) {
  sockaddr_vm vm{};
  std::memcpy(&vm, &address.storage, sizeof vm);
  return vm;
}

}  // namespace

std::optional<std::uint32_t> parse_cid(std::string_view text) {
  for (const auto& [name, cid] : names)
    if (text == name) return cid;
  std::uint32_t cid = 0;
  const char* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, cid);
  if (error != std::errc() || stopped != end) return std::nullopt;
  return cid;
}

std::string cid_name(std::uint32_t cid) {
  for (const auto& [name, number] : names)
    if (cid == number) return std::string(name);
  return std::to_string(cid);
}

SocketAddress vsock_address(std::uint32_t cid, std::uint32_t port) {
  sockaddr_vm vm{};
  vm.svm_family = AF_VSOCK;
  vm.svm_cid = cid;
  vm.svm_port = port == 0 ? VMADDR_PORT_ANY : port;
  SocketAddress address;
  std::memcpy(&address.storage, &vm, sizeof vm);
  address.length = sizeof vm;
  return address;
}

std::optional<std::uint32_t> cid_of(const SocketAddress& address) {
  if (address.family() != AF_VSOCK) return std::nullopt;
  return vm_of(address).svm_cid;
}

std::string vsock_to_string(const SocketAddress& address) {
  const sockaddr_vm vm = vm_of(address);
  return "vsock:" + cid_name(vm.svm_cid) + ":" + std::to_string(vm.svm_port);
}

}  // namespace ringrpc
