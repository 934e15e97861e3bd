#include "rpc/metrics/certificate_text.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <set>
#include <string>

namespace ringrpc {

void write_certificates(MetricsText& text, std::string_view name, std::string_view help,
                        const std::vector<CertificateSnapshot>& certificates) {
  if (certificates.empty()) return;
  text.begin({.name = name, .help = help, .type = MetricType::gauge, .unit = "seconds"});
  std::set<std::string> written;  // a CA may be listed twice
  for (const CertificateSnapshot& certificate : certificates) {
    std::string labels = label("use", ringrpc::name(certificate.use));
    labels.append(",").append(label("subject", certificate.subject));
    labels.append(",").append(label("serial", certificate.serial));
    const auto seconds = std::max(certificate.not_after.time_since_epoch(), std::chrono::seconds::zero());
    if (written.insert(labels).second) text.sample(labels, static_cast<std::uint64_t>(seconds.count()));
  }
}

}  // namespace ringrpc
