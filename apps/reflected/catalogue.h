/// The services, methods and messages that a server or files describe, fetched on demand.
///
///   Catalogue catalogue(source);
///   Outcome<const pb::MethodDescriptor*> echo = co_await catalogue.method({"echo.v1.EchoService", "Echo"});
///   Outcome<std::string> text = co_await catalogue.proto_text("echo.v1.EchoRequest");
///
/// An unknown name is exit_not_found, and the message suggests similar names. Descriptors live as long as the
/// catalogue. Make one request at a time, on the shard of the source's channel if it has one.
#pragma once

#include <google/protobuf/descriptor.h>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "ringrpc/service.h"
#include "ringrpc/task.h"

#include "reflected/descriptor_limits.h"
#include "reflected/descriptor_source.h"
#include "reflected/failure.h"
#include "reflected/method_name.h"

namespace ringrpc::reflected {

class Catalogue {
 public:
  /// `source` must outlive it.
  explicit Catalogue(DescriptorSource& source) : source_(source) {}
  Catalogue(const Catalogue&) = delete;
  Catalogue& operator=(const Catalogue&) = delete;

  /// The full names of all services, sorted.
  Task<Outcome<std::vector<std::string>>> services() { return source_.services(); }
  Task<Outcome<const google::protobuf::ServiceDescriptor*>> service(std::string name);
  Task<Outcome<const google::protobuf::MethodDescriptor*>> method(MethodName name);

  /// The declaration of `symbol` as in a .proto file, preceded by a comment with its kind and file.
  Task<Outcome<std::string>> proto_text(std::string symbol);

  /// Fetches the file that declares `symbol`, and its imports.
  Task<Outcome<bool>> load(std::string symbol);

  /// The subject of an error, as that of the source: "the server describes".
  std::string describes() const { return std::string(source_.describes()); }

  /// Everything fetched so far.
  const google::protobuf::DescriptorPool& pool() const noexcept { return *pool_; }
  /// The same, to outlive the catalogue.
  std::shared_ptr<const google::protobuf::DescriptorPool> share_pool() const noexcept { return pool_; }

 private:
  /// A file whose imports are not all fetched.
  struct Unread {
    std::string file;
    int import = 0;  // the first that may be missing
  };

  Outcome<bool> add(DescriptorSource::Files&& files);
  Task<Outcome<bool>> fetch_imports();
  Task<Outcome<bool>> fetch_import(std::string import);
  Outcome<bool> build(const std::string& file, unsigned depth);
  Outcome<bool> check(const google::protobuf::FileDescriptorProto& file);
  Outcome<bool> link(const google::protobuf::FileDescriptorProto& file);
  Task<Failure> unknown(std::string what, std::string name);
  std::vector<std::string> declared_names() const;

  DescriptorSource& source_;
  std::shared_ptr<google::protobuf::DescriptorPool> pool_ =
      std::make_shared<google::protobuf::DescriptorPool>();
  std::map<std::string, google::protobuf::FileDescriptorProto> files_;  // by name; empty if built
  std::vector<Unread> unread_;
  DescriptorLimits limits_;
  std::map<std::string, int> editions_;  // years, by the names of files in editions
};

/// The kind of the method: which directions of its calls are streams.
MethodKind kind_of(const google::protobuf::MethodDescriptor& method);

}  // namespace ringrpc::reflected
