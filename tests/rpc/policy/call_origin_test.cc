// Where the work of a call waits among that of others.
#include "rpc/policy/call_origin.h"

#include <doctest/doctest.h>

#include "ringrpc/testing/fake_call.h"

namespace ringrpc {
namespace {

WorkOrigin of(std::string_view peer) { return origin_of(testing::FakeCall("/a.B/C", peer)); }

TEST_CASE("calls of one connection have one origin, and calls of other connections share their address") {
  CHECK(of("10.0.0.1:7").connection == of("10.0.0.1:7").connection);
  CHECK(of("10.0.0.1:7").connection != of("10.0.0.1:8").connection);
  CHECK(of("10.0.0.1:7").peer == of("10.0.0.1:8").peer);
  CHECK(of("10.0.0.1:7").peer != of("10.0.0.2:7").peer);
  CHECK(of("10.0.0.1:7").peer == of("[::ffff:10.0.0.1]:7").peer);
  CHECK(of("[2001:db8::1]:7").peer == of("[2001:db8::2]:8").peer);  // one /64
  CHECK(of("[2001:db8::1]:7").peer != of("[2001:db8:1::1]:7").peer);
  CHECK(of("vsock:3:7").peer == PeerKey{AF_VSOCK, 3});
}

TEST_CASE("the origin of a call over a unix socket is the peer's user and process") {
  testing::FakeCall call("/a.B/C", "unix:");
  call.identity.unix_credentials = UnixCredentials{.pid = 4711, .uid = 1000, .gid = 1};
  CHECK(origin_of(call).peer == PeerKey{AF_UNIX, 1000});
  CHECK(origin_of(call).connection == 4711);
}

TEST_CASE("peers without an address share one, and no name is looked up for them") {
  CHECK(of("unix:").peer == PeerKey{});
  CHECK(of("fake:1").peer == PeerKey{});
}

}  // namespace
}  // namespace ringrpc
