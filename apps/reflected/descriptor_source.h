/// A source of descriptors for a catalogue: a server's reflection, or files.
///
///   Outcome<std::vector<std::string>> services = co_await source.services();
///   Outcome<DescriptorSource::Files> files = co_await source.files_with_symbol("echo.v1.EchoService");
#pragma once

#include <google/protobuf/descriptor.pb.h>
#include <string>
#include <string_view>
#include <vector>

#include "ringrpc/task.h"

#include "reflected/failure.h"

namespace ringrpc::reflected {

class DescriptorSource {
 public:
  using Files = std::vector<google::protobuf::FileDescriptorProto>;

  virtual ~DescriptorSource() = default;

  /// The full names of the services, sorted.
  virtual Task<Outcome<std::vector<std::string>>> services() = 0;

  // The requested file, perhaps with some of its imports. An unknown name is exit_not_found.

  virtual Task<Outcome<Files>> files_with_symbol(std::string symbol) = 0;
  virtual Task<Outcome<Files>> file_named(std::string name) = 0;

  /// Ends what the requests have begun. The next request begins anew.
  virtual Task<> end() = 0;

  /// The subject of an error: "the server describes", as in "the server describes no service 'a.B'".
  virtual std::string_view describes() const noexcept = 0;
};

}  // namespace ringrpc::reflected
