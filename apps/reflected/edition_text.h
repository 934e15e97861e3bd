/// .proto files in protobuf's editions, for a parser that knows only proto2 and proto3.
///
///   EditionTree tree(folders);                       // a source tree for protobuf's importer
///   std::optional<std::string> edition = tree.edition("a.proto");   // once the importer has read it: "2023"
///
/// The parser gets such a file as proto3, with all lines in their places: `reserved` has strings in place of names, and the
/// words that edition 2024 has brought are left out. Features are options, which `lower_edition` reads.
#pragma once

#include <expected>
#include <google/protobuf/compiler/importer.h>
#include <map>
#include <optional>
#include <string>

#include "reflected/proto_folders.h"

namespace ringrpc::reflected {

/// A text in an edition, as proto3.
struct EditionText {
  std::string text;
  std::string edition{};  ///< "2023"; empty if it has none and the text is unchanged
};

/// Nothing if the text does not begin with an edition.
std::optional<EditionText> as_proto3(const std::string& text);

/// Reads a file once, so that it may be a pipe, and at most 64 MiB of it.
class EditionTree final : public google::protobuf::compiler::SourceTree {
 public:
  /// Why a file cannot be parsed.
  struct Fault {
    std::string message;
    int line = -1;  ///< from 0, as the column; -1 for all of the file
    int column = 0;
  };

  /// `folders` must outlive it.
  explicit EditionTree(const ProtoFolders& folders) : folders_(folders) {}

  /// The stream must not outlive the tree. Null for a file that does not exist or has a fault.
  google::protobuf::io::ZeroCopyInputStream* Open(const std::string& name) override;
  std::string GetLastErrorMessage() override { return error_; }

  /// The edition of a file that was opened; nothing if it has none.
  std::optional<std::string> edition(const std::string& name) const;
  /// The fault of a file that exists and could not be opened.
  std::optional<Fault> fault(const std::string& name) const;

 private:
  using File = std::expected<EditionText, Fault>;

  static File read(const std::string& path);

  const ProtoFolders& folders_;
  std::map<std::string, File> files_;
  std::string error_;
};

}  // namespace ringrpc::reflected
