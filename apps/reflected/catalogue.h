/// The services, methods and messages of a server, fetched by reflection as they are asked for.
///
///   Catalogue catalogue(reflection);
///   Outcome<const pb::MethodDescriptor*> echo = co_await catalogue.method({"echo.v1.EchoService", "Echo"});
///   Outcome<std::string> text = co_await catalogue.proto_text("echo.v1.EchoRequest");
///
/// What is not there is exit_not_found and names what comes close. Descriptors live as long as the catalogue.
/// Belongs to the shard of its channel; one request at a time.
#pragma once

#include <google/protobuf/descriptor.h>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "ringrpc/service.h"
#include "ringrpc/task.h"

#include "reflected/failure.h"
#include "reflected/method_name.h"
#include "reflected/reflection_client.h"

namespace ringrpc::reflected {

class Catalogue {
 public:
  /// `reflection` must outlive it.
  explicit Catalogue(ReflectionClient& reflection) : reflection_(reflection) {}
  Catalogue(const Catalogue&) = delete;
  Catalogue& operator=(const Catalogue&) = delete;

  /// The full names of all services, sorted.
  Task<Outcome<std::vector<std::string>>> services() { return reflection_.services(); }
  Task<Outcome<const google::protobuf::ServiceDescriptor*>> service(std::string name);
  Task<Outcome<const google::protobuf::MethodDescriptor*>> method(MethodName name);

  /// How a .proto file declares `symbol`, behind a comment that says what and where it is.
  Task<Outcome<std::string>> proto_text(std::string symbol);

  /// Takes in the file that declares `symbol` and what that imports.
  Task<Outcome<bool>> load(std::string symbol);

  /// All that has been fetched.
  const google::protobuf::DescriptorPool& pool() const noexcept { return pool_; }

 private:
  Task<Outcome<bool>> fetch_imports();
  Outcome<bool> build(const std::string& file, unsigned depth);
  Task<Failure> unknown(std::string what, std::string name);
  std::vector<std::string> type_names() const;

  ReflectionClient& reflection_;
  google::protobuf::DescriptorPool pool_;
  std::map<std::string, google::protobuf::FileDescriptorProto> files_;  // by name, those not built yet too
};

/// Which sides of the method's calls are streams.
MethodKind kind_of(const google::protobuf::MethodDescriptor& method);

}  // namespace ringrpc::reflected
