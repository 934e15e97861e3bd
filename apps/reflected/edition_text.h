/// .proto files in protobuf's editions, for a parser that knows only proto2 and proto3.
///
///   EditionTree tree(directories);                   // a source tree for protobuf's importer
///   std::optional<std::string> edition = tree.edition("a.proto");   // once the importer has read it: "2023"
///
/// The parser gets such a file as proto3, with all lines in their places: `reserved` has strings in place of names, and the
/// words that edition 2024 has brought are left out. Features are options, which `lower_edition` reads.
#pragma once

#include <google/protobuf/compiler/importer.h>
#include <map>
#include <optional>
#include <string>

namespace ringrpc::reflected {

/// A text in an edition, as proto3.
struct EditionText {
  std::string text;
  std::string edition;  ///< "2023"
};

/// Nothing if the text does not begin with an edition.
std::optional<EditionText> as_proto3(const std::string& text);

class EditionTree final : public google::protobuf::compiler::SourceTree {
 public:
  /// `disk` must outlive it.
  explicit EditionTree(google::protobuf::compiler::DiskSourceTree& disk) : disk_(disk) {}

  /// The stream must not outlive the tree.
  google::protobuf::io::ZeroCopyInputStream* Open(const std::string& name) override;
  std::string GetLastErrorMessage() override { return disk_.GetLastErrorMessage(); }

  /// The edition of a file that was opened; nothing if it has none.
  std::optional<std::string> edition(const std::string& name) const;

 private:
  google::protobuf::compiler::DiskSourceTree& disk_;
  std::map<std::string, EditionText> texts_;
};

}  // namespace ringrpc::reflected
