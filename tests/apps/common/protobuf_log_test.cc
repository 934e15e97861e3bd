#include "common/protobuf_log.h"

#include <algorithm>
#include <doctest/doctest.h>
#include <google/protobuf/stubs/logging.h>
#include <string>

#include "apps/captured_stderr.h"
#include "echo/v1/echo.pb.h"

namespace ringrpc::apps {
namespace {

/// Redirects libprotobuf's log to ours during its lifetime.
class ProtobufLogged {
 public:
  ProtobufLogged() { log_protobuf(); }
  ~ProtobufLogged() {
    google::protobuf::SetLogHandler(before_);
    log::set_level(log::Level::info);
  }

 private:
  google::protobuf::LogHandler* before_ = google::protobuf::SetLogHandler(nullptr);
};

/// Makes libprotobuf log an error, as any message from a peer can.
void provoke() {
  echo::v1::EchoRequest request;
  CHECK_FALSE(request.ParseFromString("\x12\x01\xff"));
}

TEST_CASE("libprotobuf's errors are logged as warnings, at a limited rate") {
  const CapturedStderr captured;
  const ProtobufLogged logged;
  for (int i = 0; i < 1000; ++i) provoke();
  const std::string text = captured.text();
  CHECK(
      text.find(" warning protobuf: String field 'echo.v1.EchoRequest.request_id' contains invalid UTF-8") !=
      std::string::npos);
  CHECK(text.find("[libprotobuf") == std::string::npos);
  const auto lines = std::ranges::count(text, '\n');
  CHECK(lines >= 20);
  CHECK(lines < 500);
}

TEST_CASE("libprotobuf's messages obey the level, and are one line each") {
  const CapturedStderr captured;
  const ProtobufLogged logged;
  log::set_level(log::Level::error);
  GOOGLE_LOG(ERROR) << "hidden";
  log::set_level(log::Level::debug);
  GOOGLE_LOG(WARNING) << "two\nlines";
  GOOGLE_LOG(INFO) << "small";
  const std::string text = captured.text();
  CHECK(text.find("hidden") == std::string::npos);
  CHECK(text.find(" info protobuf: two\\x0alines (") != std::string::npos);
  CHECK(text.find(" debug protobuf: small (") != std::string::npos);
}

}  // namespace
}  // namespace ringrpc::apps
