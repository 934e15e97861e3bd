#include "base/lifetime.h"

#include <doctest/doctest.h>
#include <memory>

namespace ringrpc {
namespace {

struct Object {
  Lifetime lifetime;
};

TEST_CASE("a watch sees that its object is destroyed") {
  auto object = std::make_unique<Object>();
  const Lifetime::Watch watch(object->lifetime);
  CHECK_FALSE(watch.ended());
  object.reset();
  CHECK(watch.ended());
}

TEST_CASE("every nested watch sees the end, also after an inner one has returned") {
  auto object = std::make_unique<Object>();
  const Lifetime::Watch outer(object->lifetime);
  {
    const Lifetime::Watch returned(object->lifetime);
    CHECK_FALSE(returned.ended());
  }
  {
    const Lifetime::Watch inner(object->lifetime);
    object.reset();
    CHECK(inner.ended());
  }
  CHECK(outer.ended());
}

TEST_CASE("an object may outlive its watches, and be watched again") {
  auto object = std::make_unique<Object>();
  for (int round = 0; round < 2; ++round) {
    const Lifetime::Watch watch(object->lifetime);
    CHECK_FALSE(watch.ended());
  }
  object.reset();
}

TEST_CASE("a watch sees the end of its own object only") {
  auto object = std::make_unique<Object>();
  Object other;
  const Lifetime::Watch watch(object->lifetime);
  const Lifetime::Watch beside(other.lifetime);
  object.reset();
  CHECK(watch.ended());
  CHECK_FALSE(beside.ended());
}

}  // namespace
}  // namespace ringrpc
