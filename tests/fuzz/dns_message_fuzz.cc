// Responses of name servers, which may be spoofed: read without harm, and every address has
// the port that was asked for.
#include "fuzz/target.h"
#include "rpc/naming/dns_message.h"

namespace ringrpc::fuzz {

void run(Input input) {
  constexpr std::uint16_t port = 4711;
  DnsAddresses found;
  const bool whole = read_addresses(as_bytes(input.rest()), port, found);
  plant(whole && found.addresses.size() > 1);
}

}  // namespace ringrpc::fuzz
