/// The methods that a server serves, by path.
///
///   MethodTable table;
///   if (Status status = table.add(services); !status.ok()) return status;
///   const RegisteredMethod* method = table.find("/echo.v1.EchoService/Echo");
///
/// Filled while the server starts, then read by all shards at the same time.
#pragma once

#include <cstddef>
#include <memory>
#include <ranges>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "ringrpc/service.h"
#include "ringrpc/status.h"

#include "base/testing_export.h"
#include "rpc/message/message_work.h"

namespace ringrpc {

struct RegisteredMethod {
  std::size_t index;  ///< in the order of registration; that of all unknown methods is behind these
  std::string path;
  std::string logged_path;  ///< of an unknown method, an excerpt
  Service* service;
  const Method* method;
  RequestForm form;
};

/// In place of the path of an unknown method where that would have to outlive its call, or where each path would
/// count: clients could make any number of them.
inline const std::string unknown_method = "unknown";

/// The part of a peer's text that responses and logs repeat.
std::string excerpt(std::string_view text);

class MethodTable {
 public:
  /// Adds all services of a server and tells each that the server starts (Service::on_start).
  /// INVALID_ARGUMENT if one is null, ALREADY_EXISTS if two have the same name, or the failure
  /// of `on_start`. Call once.
  RINGRPC_TESTING_EXPORT Status add(std::span<Service* const> services);
  /// Serves the calls to all other methods. Call at most once.
  void add(Fallback& fallback);

  std::size_t size() const noexcept { return methods_.size(); }
  const RegisteredMethod& at(std::size_t index) const noexcept { return *in_order_[index]; }
  /// In no particular order.
  auto all() const {
    return std::views::transform(methods_, [](const auto& entry) { return std::to_address(entry.second); });
  }

  /// Null if there is none. Paths compare byte by byte: gRPC has one spelling of each.
  const RegisteredMethod* find(std::string_view path) const noexcept {
    const auto found = methods_.find(path);
    return found == methods_.end() ? nullptr : found->second.get();
  }

  /// The method of a single call, to a path that `find` does not know. Null if there is no fallback, or the
  /// path has no service or no method.
  std::unique_ptr<const RegisteredMethod> unregistered(std::string_view path) const;

  /// The status for a path that `find` does not know. It names the unknown service or
  /// method, or the form of a path.
  Status unknown(std::string_view path) const;

 private:
  Status add(Service& service);

  std::unique_ptr<Service> fallback_;  // null if there is none
  std::vector<std::string> services_;
  std::unordered_map<std::string_view, std::unique_ptr<RegisteredMethod>> methods_;
  std::vector<const RegisteredMethod*> in_order_;  // by their indices
};

}  // namespace ringrpc
