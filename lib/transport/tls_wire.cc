#include "transport/tls_wire.h"

#include <algorithm>
#include <cstring>
#include <new>

namespace ringrpc {
namespace {

TlsWire& wire_of(BIO* bio) noexcept { return *static_cast<TlsWire*>(BIO_get_data(bio)); }

int read(BIO* bio, char* into, std::size_t room, std::size_t* taken) noexcept {
  Bytes& input = wire_of(bio).input;
  *taken = std::min(room, input.size());
  BIO_clear_retry_flags(bio);
  if (*taken == 0) {
    BIO_set_retry_read(bio);
    return 0;
  }
  std::memcpy(into, input.data(), *taken);
  input = input.subspan(*taken);
  return 1;
}

/// Fails only when out of memory: an exception must not pass through OpenSSL.
int write(BIO* bio, const char* bytes, std::size_t count, std::size_t* written) noexcept {
  BIO_clear_retry_flags(bio);
  TlsWire& wire = wire_of(bio);
  try {
    wire.output.append(as_bytes({bytes, count}));
  } catch (const std::bad_alloc&) {
    wire.out_of_memory = true;
    return 0;
  }
  *written = count;
  return 1;
}

long control(BIO*, int command, long, void*) noexcept { return command == BIO_CTRL_FLUSH ? 1 : 0; }

const BIO_METHOD* method() {
  static const openssl::Owned<BIO_METHOD> made = [] {
    openssl::Owned<BIO_METHOD> built(BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "ringrpc"));
    if (!built) throw std::bad_alloc();
    BIO_meth_set_read_ex(built.get(), read);
    BIO_meth_set_write_ex(built.get(), write);
    BIO_meth_set_ctrl(built.get(), control);
    return built;
  }();
  return made.get();
}

}  // namespace

BIO* TlsWire::make_bio() {
  BIO* bio = BIO_new(method());
  if (!bio) throw std::bad_alloc();
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  return bio;
}

}  // namespace ringrpc
