/// The directories of .proto files. A file has a name, by which others import it, and a path.
///
///   ProtoFolders folders;
///   folders.add("protos");
///   folders.path_of("a/b.proto");                    // "protos/a/b.proto", or none if no directory has the file
///   folders.name_of("protos/a/b.proto");             // "a/b.proto"
///
/// It opens no file: protobuf's DiskSourceTree does, and so waits for the writer of a pipe.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace ringrpc::reflected {

class ProtoFolders {
 public:
  struct Name {
    std::string name;
    std::string shadow{};  ///< the file of this name in an earlier directory; empty if there is none
  };

  /// Adds a directory, which is searched after those before it.
  void add(const std::string& path);

  /// The path of the file, in the first directory that has it.
  std::optional<std::string> path_of(const std::string& name) const;

  /// The name of the file at `path`, whether it exists or not; nothing if it is in none of the directories.
  std::optional<Name> name_of(const std::string& path) const;

 private:
  std::vector<std::string> folders_;  // "" is the current one
};

}  // namespace ringrpc::reflected
