#include "transport/identify.h"

#include <string>
#include <sys/socket.h>

#include "transport/vsock_address.h"

namespace ringrpc {
namespace {

/// False if `socket` has no such option or is not a kernel socket.
template <class T>
bool ask(int socket, int option, T& value) noexcept {
  socklen_t length = sizeof value;
  return ::getsockopt(socket, SOL_SOCKET, option, &value, &length) == 0;
}

}  // namespace

PeerIdentity identify(const ByteStream& stream) {
  PeerIdentity identity;
  int domain = AF_UNSPEC;
  ucred credentials{};
  // Sockets of other domains return credentials too, but these identify no process.
  if (ask(stream.descriptor(), SO_DOMAIN, domain) && domain == AF_UNIX &&
      ask(stream.descriptor(), SO_PEERCRED, credentials))
    identity.unix_credentials = {.pid = credentials.pid, .uid = credentials.uid, .gid = credentials.gid};
  identity.vsock_cid = cid_of(stream.peer());
  stream.identify(identity);
  return identity;
}

std::string to_string(const PeerIdentity& identity) {
  std::string words;
  const auto add = [&](const std::string& more) { words.append(words.empty() ? "" : ", ").append(more); };
  if (const auto& who = identity.unix_credentials)
    add("pid " + std::to_string(who->pid) + ", uid " + std::to_string(who->uid) + ", gid " +
        std::to_string(who->gid));
  if (identity.vsock_cid) add("vsock cid " + std::to_string(*identity.vsock_cid));
  if (const auto& shown = identity.certificate)
    add(shown->spiffe_id.empty() ? shown->subject : shown->spiffe_id);
  return words;
}

}  // namespace ringrpc
