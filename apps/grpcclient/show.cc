#include "grpcclient/show.h"

#include <utility>
#include <vector>

#include "base/escape.h"

namespace ringrpc::grpcclient {

namespace pb = google::protobuf;

namespace {

/// The server chose the name, so it may contain anything, even a line break.
void add_line(std::string& lines, const std::string& name) {
  lines.append(escape_controls(name)).push_back('\n');
}

}  // namespace

Task<Outcome<bool>> list(Session& session, std::string service) {
  std::string lines;
  if (service.empty()) {
    Outcome<std::vector<std::string>> names = co_await session.catalogue.services();
    if (!names) co_return std::unexpected(std::move(names).error());
    for (const std::string& name : *names) add_line(lines, name);
  } else {
    Outcome<const pb::ServiceDescriptor*> found = co_await session.catalogue.service(std::move(service));
    if (!found) co_return std::unexpected(std::move(found).error());
    for (int i = 0; i < (*found)->method_count(); ++i) add_line(lines, (*found)->method(i)->full_name());
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
