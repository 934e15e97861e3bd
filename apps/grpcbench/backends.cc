#include "grpcbench/backends.h"

namespace ringrpc::grpcbench {

std::size_t Backends::find(std::string_view address) {
  if (address.empty()) address = no_server;
  if (const auto found = indices_.find(address); found != indices_.end()) return found->second;
  const bool special = address == no_server || address == others;
  if (!special && rows_.size() >= addresses_max) return find(others);
  rows_.emplace_back().address = address;
  return indices_[std::string(address)] = rows_.size() - 1;
}

void Backends::merge(const Backends& other) {
  for (const Backend& from : other.rows_) {
    Backend& to = rows_[index_of(from.address)];
    to.latency.merge(from.latency);
    to.succeeded += from.succeeded;
    to.failed += from.failed;
    to.open += from.open;
    to.messages += from.messages;
  }
}

}  // namespace ringrpc::grpcbench
