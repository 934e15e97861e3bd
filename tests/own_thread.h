/// Runs the body of a test on a thread of its own. Limits that each thread has for itself, such as those of repeated log lines, are
/// fresh there, whatever ran before.
#pragma once

#include <future>
#include <utility>

namespace ringrpc::test {

template <class Body>
auto on_own_thread(Body&& body) {
  return std::async(std::launch::async, std::forward<Body>(body)).get();
}

}  // namespace ringrpc::test
