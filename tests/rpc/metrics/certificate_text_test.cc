#include "rpc/metrics/certificate_text.h"

#include <chrono>
#include <doctest/doctest.h>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ringrpc {
namespace {

using namespace std::chrono_literals;

std::string expiry_text(const std::vector<CertificateSnapshot>& certificates) {
  MetricsText text(MetricsFormat::prometheus);
  write_certificates(text, "expiry_seconds", "When a certificate expires.", certificates);
  return std::move(text).finish();
}

TEST_CASE("a certificate that is listed twice has one sample, as two samples must not have the same labels") {
  using Use = CertificateSnapshot::Use;
  const CertificateSnapshot authority{
      .use = Use::client_ca, .subject = "CN=ca", .serial = "1f", .not_after = std::chrono::sys_seconds(100s)};
  CertificateSnapshot renewed = authority;
  renewed.serial = "20";
  const std::string text = expiry_text({authority, authority, renewed});
  const std::string_view first = "\nexpiry_seconds{use=\"client_ca\",subject=\"CN=ca\",serial=\"1f\"} 100\n";
  REQUIRE_MESSAGE(text.find(first) != text.npos, text);
  CHECK(text.find(first) == text.rfind(first));
  CHECK(text.find("serial=\"20\"} 100\n") != text.npos);
}

TEST_CASE("without certificates there is no metric of them") { CHECK(expiry_text({}).empty()); }

}  // namespace
}  // namespace ringrpc
