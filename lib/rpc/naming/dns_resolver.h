/// The resolver of the targets that the library knows: looks up the names among their places by
/// DNS, and has the rest as it is.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ringrpc/clock.h"
#include "ringrpc/resolver.h"

#include "rpc/naming/config_choice.h"
#include "rpc/naming/target.h"

namespace ringrpc {

class DnsResolver final : public Resolver {
 public:
  /// `places` is not empty. `config_reader` is the client for which the service config of the first name is
  /// chosen; none if it is not looked up. `timeout` is that of each name, at each look-up.
  DnsResolver(std::vector<Target::Place> places, std::optional<ConfigReader> config_reader,
              Nanoseconds timeout)
      : places_(std::move(places)), config_reader_(std::move(config_reader)), timeout_(timeout) {}

  /// Looks all names up at the same time. Fails if no place has an address, with the failure of the first. A
  /// failure of one name among several is logged.
  Task<Result<Resolution>> resolve(ResolveRequest request) override;

 private:
  Result<std::string> config_in(const Result<std::string>& configs) const;

  const std::vector<Target::Place> places_;
  const std::optional<ConfigReader> config_reader_;
  const Nanoseconds timeout_;
};

}  // namespace ringrpc
