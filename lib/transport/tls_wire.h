/// What a TLS session reads from and writes to instead of a socket: bytes that have arrived, and a chain that
/// is to be sent.
///
///   TlsWire wire(shard.slabs());
///   SSL_set_bio(session, wire.make_bio(), ...);
///   wire.input = bytes;            // SSL_read takes them from here, and wants more when they are used up
///   stream.send(wire.take_output());
///
/// OpenSSL's own memory BIO would hold a second copy of both. The session must not be used when this is gone.
#pragma once

#include <string>
#include <utility>

#include "ringrpc/bytes.h"
#include "ringrpc/status.h"

#include "base/openssl.h"
#include "base/slab.h"

namespace ringrpc {

struct TlsWire {
  explicit TlsWire(SlabPool& slabs) noexcept : output(slabs), pool(slabs) {}
  TlsWire(const TlsWire&) = delete;
  TlsWire& operator=(const TlsWire&) = delete;
  ~TlsWire() = default;

  /// A BIO on this, for both directions.
  BIO* make_bio();
  Chain take_output() { return std::exchange(output, Chain(pool)); }

  Bytes input;
  Chain output;
  SlabPool& pool;
  bool out_of_memory = false;     ///< what was to be sent is lost, and the session with it
  bool message_received = false;  ///< a whole one of the handshake's, since this was last cleared
  std::string objection;          ///< what our verification found wrong with the peer's certificate
  Cause objection_cause = Cause::other;
};

}  // namespace ringrpc
