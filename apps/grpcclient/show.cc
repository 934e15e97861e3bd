#include "grpcclient/show.h"

#include <utility>
#include <vector>

namespace ringrpc::grpcclient {

namespace pb = google::protobuf;

Task<Outcome<bool>> list(Session& session, std::string service) {
  std::string lines;
  if (service.empty()) {
    Outcome<std::vector<std::string>> names = co_await session.catalogue.services();
    if (!names) co_return std::unexpected(std::move(names).error());
    for (const std::string& name : *names) lines.append(name).push_back('\n');
  } else {
    Outcome<const pb::ServiceDescriptor*> found = co_await session.catalogue.service(std::move(service));
    if (!found) co_return std::unexpected(std::move(found).error());
    for (int i = 0; i < (*found)->method_count(); ++i)
      lines.append((*found)->method(i)->full_name()).push_back('\n');
  }
  co_return print(lines);
}

Task<Outcome<bool>> describe(Session& session, std::string symbol) {
  std::vector<std::string> symbols{std::move(symbol)};
  if (symbols.front().empty()) {
    Outcome<std::vector<std::string>> services = co_await session.catalogue.services();
    if (!services) co_return std::unexpected(std::move(services).error());
    symbols = std::move(*services);
  }
  std::string all;
  for (const std::string& each : symbols) {
    Outcome<std::string> text = co_await session.catalogue.proto_text(each);
    if (!text) co_return std::unexpected(std::move(text).error());
    all.append(all.empty() ? "" : "\n").append(*text);
  }
  co_return print(all);
}

}  // namespace ringrpc::grpcclient
