/// The I/O of a TLS session without a socket: it reads from bytes that have arrived and writes to a chain
/// that will be sent.
///
///   TlsWire wire(shard.slabs());
///   SSL_set_bio(session, wire.make_bio(), ...);
///   wire.input = bytes;            // SSL_read takes them from here
///   stream.send(wire.take_output());
///
/// OpenSSL's own memory BIO would hold a second copy of both. The session must not be used after the wire is
/// destroyed.
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

  /// A BIO that uses this wire in both directions.
  BIO* make_bio();
  Chain take_output() { return std::exchange(output, Chain(pool)); }

  Bytes input;
  Chain output;
  SlabPool& pool;
  bool out_of_memory = false;     ///< output was lost, so the session is lost too
  bool message_received = false;  ///< a complete handshake message has arrived since this was last cleared
  std::string objection;          ///< the fault that our verification found in the peer's certificate
  Cause objection_cause = Cause::other;
};

}  // namespace ringrpc
