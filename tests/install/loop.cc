// A task that awaits a million others, each of which ends without suspending. The stack must not grow with
// them.
#include "ringrpc/block_on.h"

using namespace ringrpc;

namespace {

constexpr int rounds = 1'000'000;

Task<int> tiny() { co_return 1; }

Task<Result<int>> loop() {
  int sum = 0;
  for (int i = 0; i < rounds; ++i) sum += co_await tiny();
  co_return sum;
}

}  // namespace

int main() { return block_on(loop()) == rounds ? 0 : 1; }
