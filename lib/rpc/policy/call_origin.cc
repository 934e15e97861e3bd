#include "rpc/policy/call_origin.h"

#include <functional>
#include <string>
#include <vector>

#include "transport/address.h"

namespace ringrpc {

WorkOrigin origin_of(const Call& call) {
  if (const auto process = call.peer_identity().unix_credentials)
    return {.peer = {AF_UNIX, process->uid}, .connection = static_cast<std::uint64_t>(process->pid)};
  const std::string peer = call.peer();
  WorkOrigin origin{.connection = std::hash<std::string>()(peer)};
  const Result<Address> address = Address::parse(peer);
  if (!address || !resolves_at_once(*address)) return origin;
  if (const Result<std::vector<SocketAddress>> found = resolve(*address))
    origin.peer = peer_key(found->front(), -1);
  return origin;
}

}  // namespace ringrpc
