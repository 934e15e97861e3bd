/// The methods that a server serves, by path.
///
///   MethodTable table;
///   if (Status status = table.add(service); !status.ok()) return status;
///   const RegisteredMethod* method = table.find("/echo.v1.EchoService/Echo");
///
/// Filled before the server starts, then read by all shards at once.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "ringrpc/service.h"
#include "ringrpc/status.h"

#include "rpc/message/message_work.h"

namespace ringrpc {

struct RegisteredMethod {
  std::string path;
  Service* service;
  const Method* method;
  RequestForm form;
};

class MethodTable {
 public:
  /// ALREADY_EXISTS when a service of that name is there.
  Status add(Service& service);

  /// Null when there is none. Paths compare as they are: there is one spelling of each.
  const RegisteredMethod* find(std::string_view path) const noexcept {
    const auto found = methods_.find(path);
    return found == methods_.end() ? nullptr : found->second.get();
  }

  /// Why `find` gave nothing, for the caller: the service or the method that is unknown, or what a path looks
  /// like.
  Status unknown(std::string_view path) const;

 private:
  std::vector<std::string> services_;
  std::unordered_map<std::string_view, std::unique_ptr<RegisteredMethod>> methods_;
};

}  // namespace ringrpc
