#include "transport/client_certificates.h"

#include <algorithm>
#include <mutex>
#include <utility>

#include "transport/tls_context.h"

namespace ringrpc {
namespace {

struct ListedContexts {
  std::mutex mutex;
  std::vector<std::weak_ptr<const TlsContext>> all;
};

ListedContexts& listed_contexts() {
  static ListedContexts listed;
  return listed;
}

}  // namespace

void list_client_certificates(const std::shared_ptr<const TlsContext>& context) {
  if (context->certificates().empty()) return;
  ListedContexts& listed = listed_contexts();
  const std::scoped_lock lock(listed.mutex);
  std::erase_if(listed.all, [](const auto& each) { return each.expired(); });
  listed.all.push_back(context);
}

std::vector<CertificateSnapshot> client_certificates() {
  std::vector<std::shared_ptr<const TlsContext>> contexts;
  {
    ListedContexts& listed = listed_contexts();
    const std::scoped_lock lock(listed.mutex);
    for (const auto& each : listed.all)
      if (auto context = each.lock()) contexts.push_back(std::move(context));
  }
  std::vector<CertificateSnapshot> certificates;
  for (const auto& context : contexts)
    certificates.insert(certificates.end(), context->certificates().begin(), context->certificates().end());
  std::ranges::sort(certificates, {}, &CertificateSnapshot::not_after);
  if (certificates.size() > TlsContext::certificates_listed_max)
    certificates.resize(TlsContext::certificates_listed_max);
  return certificates;
}

}  // namespace ringrpc
