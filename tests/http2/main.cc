// The main function of the HTTP/2 tests. Over a simulated network they run once for each seed.
#define DOCTEST_CONFIG_IMPLEMENT
#include <cstdint>
#include <cstdio>
#include <doctest/doctest.h>

#include "http2/wire.h"
#include "seeds.h"

using ringrpc::http2::test::Wire;

int main(int count, char** arguments) {
  doctest::Context context(count, arguments);
  if (!Wire::simulated()) return context.run();
  context.setOption("minimal", true);
  unsigned long long tried = 0;
  unsigned long long failed = 0;
  ringrpc::for_each_seed(20, [&](std::uint64_t seed) {
    Wire::set_seed(seed);
    ++tried;
    if (context.run() == 0) return;
    ++failed;
    std::printf("RINGRPC_SEED=%llu\n", static_cast<unsigned long long>(seed));
  });
  std::printf("%llu seeds, %llu failed\n", tried, failed);
  return failed == 0 ? 0 : 1;
}
