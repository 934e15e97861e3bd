/// The resolver of the targets that the library knows: looks up the names among their places by DNS, and has the rest as
/// it is.
#pragma once

#include <vector>

#include "ringrpc/resolver.h"

#include "rpc/naming/target.h"

namespace ringrpc {

class DnsResolver final : public Resolver {
 public:
  /// `places` is not empty.
  explicit DnsResolver(std::vector<Target::Place> places) : places_(std::move(places)) {}

  /// Looks all names up at the same time. Fails if no place has an address, with the failure of the first. A failure of
  /// one name among several is logged.
  Task<Result<Resolution>> resolve(ResolveRequest request) override;

 private:
  const std::vector<Target::Place> places_;
};

}  // namespace ringrpc
