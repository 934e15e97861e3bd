/// Parses the name of a method.
///
///   Outcome<MethodName> name = parse_method("echo.v1.EchoService/Echo");
#pragma once

#include <string>
#include <utility>

#include "reflected/failure.h"

namespace ringrpc::reflected {

/// A method's service and name.
struct MethodName {
  MethodName(std::string of, std::string name) noexcept : service(std::move(of)), method(std::move(name)) {}

  std::string service;
  std::string method;
};

/// From "package.Service/Method" or "package.Service.Method".
Outcome<MethodName> parse_method(const std::string& text);

}  // namespace ringrpc::reflected
