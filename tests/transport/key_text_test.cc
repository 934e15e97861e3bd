// The texts of private keys in memory that is free again. Replaces operator delete.
#include <cstdlib>
#include <cstring>
#include <doctest/doctest.h>
#include <malloc.h>
#include <memory>
#include <new>
#include <string>
#include <string_view>

#include "ringrpc/tls.h"

#include "apps/scratch_file.h"
#include "transport/test_authority.h"

namespace ringrpc::test {
namespace {

constinit thread_local std::string_view secret;
constinit thread_local unsigned found = 0;

void release(void* memory) noexcept {
  if (memory && !secret.empty() &&
      ::memmem(memory, ::malloc_usable_size(memory), secret.data(), secret.size()))
    ++found;
  std::free(memory);
}

/// The number of blocks that are freed with `text` in them while `work` runs.
template <class Work>
unsigned freed_with(std::string_view text, const Work& work) {
  found = 0;
  secret = text;
  work();
  secret = {};
  return found;
}

TEST_CASE("the text of a private key is wiped before its memory is freed") {
  const TestIdentity identity = our_authority().issue({});
  const apps::ScratchFile certificate(identity.certificate);
  const apps::ScratchFile key(identity.key);
  const std::string line = identity.key.substr(identity.key.find('\n') + 1, 64);
  CHECK(freed_with(line, [&] { std::make_unique<std::string>(identity.key).reset(); }) == 1);

  ServerTlsOptions at_server;
  at_server.certificate = Pem::file(certificate.path());
  at_server.private_key = Pem::file(key.path());
  bool loaded = false;
  CHECK(freed_with(line, [&] { loaded = ServerTls::load(at_server).has_value(); }) == 0);
  CHECK(loaded);
  ClientTlsOptions at_client = client_options();
  at_client.certificate = at_server.certificate;
  at_client.private_key = at_server.private_key;
  CHECK(freed_with(line, [&] { loaded = ClientTls::load(at_client).has_value(); }) == 0);
  CHECK(loaded);
}

}  // namespace
}  // namespace ringrpc::test

void* operator new(std::size_t bytes) {
  if (void* const memory = std::malloc(bytes)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { ringrpc::test::release(memory); }
void operator delete(void* memory, std::size_t) noexcept { ringrpc::test::release(memory); }
