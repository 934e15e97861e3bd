/// Descriptors from files, for servers without reflection: .proto files, and sets of compiled descriptors.
///
///   DescriptorPaths paths;
///   add_descriptor_files(line, "Descriptors", paths);      // --proto, --proto-path and --protoset
///   Outcome<std::unique_ptr<DescriptorFiles>> files = DescriptorFiles::open(paths);
///   Catalogue catalogue(**files);
///
/// A .proto file may import files of a set. The files of google/protobuf are built in.
#pragma once

#include <google/protobuf/descriptor.h>
#include <memory>
#include <string>
#include <vector>

#include "common/command_line.h"
#include "reflected/descriptor_source.h"

namespace ringrpc::reflected {

struct DescriptorPaths {
  std::vector<std::string> protos{};       ///< .proto files: paths, or names in one of the directories
  std::vector<std::string> proto_paths{};  ///< directories to search for them and their imports
  std::vector<std::string> protosets{};    ///< files with a google.protobuf.FileDescriptorSet

  bool any() const noexcept { return !protos.empty() || !protosets.empty(); }
};

/// Adds `--proto`, `--proto-path` and `--protoset`.
void add_descriptor_files(apps::CommandLine& line, const std::string& group, DescriptorPaths& paths);

class DescriptorFiles final : public DescriptorSource {
 public:
  /// Reads and checks all files; null if no file is given. exit_usage if a flag lacks another; exit_system if a file cannot be read or
  /// is invalid: the message has the place of the first fault. A file has at most 64 MiB, and a chain of its
  /// imports at most 200 files.
  static Outcome<std::unique_ptr<DescriptorFiles>> open(const DescriptorPaths& paths,
                                                        const apps::Origins& origins = {});

  DescriptorFiles(const DescriptorFiles&) = delete;
  DescriptorFiles& operator=(const DescriptorFiles&) = delete;
  ~DescriptorFiles() override;

  Task<Outcome<std::vector<std::string>>> services() override;
  Task<Outcome<Files>> files_with_symbol(std::string symbol) override;
  Task<Outcome<Files>> file_named(std::string name) override;
  Task<> end() override { co_return; }
  std::string_view describes() const noexcept override { return "the given files describe"; }

 private:
  class Loader;
  explicit DescriptorFiles(std::unique_ptr<Loader> loader);

  std::unique_ptr<Loader> loader_;
};

}  // namespace ringrpc::reflected
