#include "reflected/edition_text.h"

#include <algorithm>
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <ranges>
#include <utility>
#include <vector>

#include "ringrpc/status.h"

#include "common/text_file.h"
#include "reflected/descriptor_limits.h"
#include "reflected/silent_errors.h"

namespace ringrpc::reflected {

namespace pb = google::protobuf;
using Token = pb::io::Tokenizer::Token;

namespace {

constexpr std::size_t proto_bytes_max = 64 * 1024 * 1024;
/// The tokenizer counts a tab as blanks up to the next multiple.
constexpr std::size_t tab_columns = 8;

/// A part of the text, and its replacement.
struct Edit {
  std::size_t at;
  std::size_t bytes;
  std::string text;
};

/// Finds the parts of a text to replace.
class Editor {
 public:
  explicit Editor(const std::string& text) : text_(text) {
    lines_.push_back(0);
    for (std::size_t at = 0; at < text.size(); ++at)
      if (text[at] == '\n') lines_.push_back(at + 1);
  }

  /// Nothing if the text has no edition.
  std::optional<std::string> read() {
    pb::io::ArrayInputStream bytes(text_.data(), static_cast<int>(text_.size()));
    SilentErrors silent;
    pb::io::Tokenizer tokens(&bytes, &silent);
    tokens.Next();
    std::optional<std::string> edition = read_edition(tokens);
    if (!edition) return std::nullopt;
    std::string before = ";";
    while (tokens.Next()) {
      if (before == "=" && tokens.current().text == "{") skip_value(tokens);
      const bool begins = before == ";" || before == "{" || before == "}";
      if (begins) read_statement(tokens);
      before = tokens.current().text;
    }
    return edition;
  }

  std::string edited() const {
    std::string text = text_;
    for (const Edit& edit : edits_ | std::views::reverse) text.replace(edit.at, edit.bytes, edit.text);
    return text;
  }

 private:
  std::optional<std::string> read_edition(pb::io::Tokenizer& tokens) {
    const Token first = tokens.current();
    if (first.text != "edition" || !tokens.Next() || tokens.current().text != "=" || !tokens.Next() ||
        tokens.current().type != pb::io::Tokenizer::TYPE_STRING)
      return std::nullopt;
    std::string edition;
    pb::io::Tokenizer::ParseString(tokens.current().text, &edition);
    const std::size_t begin = offset(first.line, first.column);
    const std::size_t end = offset(tokens.current().line, tokens.current().end_column);
    edits_.push_back({begin, end - begin, "syntax = \"proto3\""});
    tokens.Next();
    return edition;
  }

  /// Skips the value of an option, whose fields look like statements, up to its last brace.
  static void skip_value(pb::io::Tokenizer& tokens) {
    int depth = 1;
    while (depth > 0 && tokens.Next()) {
      if (tokens.current().text == "{") ++depth;
      if (tokens.current().text == "}") --depth;
    }
  }

  /// Reads as much of a statement as may have to be replaced.
  void read_statement(pb::io::Tokenizer& tokens) {
    const Token first = tokens.current();
    if (first.text == "reserved") {
      while (tokens.Next() && tokens.current().text != ";")
        if (tokens.current().type == pb::io::Tokenizer::TYPE_IDENTIFIER && tokens.current().text != "to" &&
            tokens.current().text != "max")
          replace(tokens.current(), "\"" + tokens.current().text + "\"");
    } else if (first.text == "import") {
      if (tokens.Next() && tokens.current().text == "option") replace(tokens.current(), "");
    } else if (first.text == "export" || first.text == "local") {
      const bool follows =
          tokens.Next() && (tokens.current().text == "message" || tokens.current().text == "enum");
      if (follows && tokens.Next() && tokens.current().type == pb::io::Tokenizer::TYPE_IDENTIFIER)
        replace(first, "");
    }
  }

  void replace(const Token& token, std::string by) {
    const std::size_t at = offset(token.line, token.column);
    edits_.push_back({at, offset(token.line, token.end_column) - at, std::move(by)});
  }

  /// The byte at a position that the tokenizer gave.
  std::size_t offset(int line, int column) const {
    std::size_t at = lines_[std::min(static_cast<std::size_t>(line), lines_.size() - 1)];
    for (std::size_t passed = 0; at < text_.size() && passed < static_cast<std::size_t>(column); ++at)
      passed += text_[at] == '\t' ? tab_columns - passed % tab_columns : 1;
    return at;
  }

  const std::string& text_;
  std::vector<std::size_t> lines_;  // where each begins
  std::vector<Edit> edits_;         // in their order
};

/// "file too large".
std::string reason(int error) { return std::string(from_errno("", error).message().substr(2)); }

/// The bracket that is inside too many others. protobuf recurses into the messages of a file, and into those of an option.
std::optional<EditionTree::Fault> find_deep_bracket(const std::string& text) {
  pb::io::ArrayInputStream bytes(text.data(), static_cast<int>(text.size()));
  SilentErrors silent;
  pb::io::Tokenizer tokens(&bytes, &silent);
  int depth = 0;
  while (tokens.Next()) {
    const Token& token = tokens.current();
    if (token.text == "}" || token.text == "]" || token.text == ">") depth = std::max(0, depth - 1);
    if (token.text == "{" || token.text == "[" || token.text == "<") ++depth;
    if (depth > bracket_depth_max)
      return EditionTree::Fault{
          "brackets are nested more than " + std::to_string(bracket_depth_max) + " deep", token.line,
          token.column};
  }
  return std::nullopt;
}

}  // namespace

std::optional<EditionText> as_proto3(const std::string& text) {
  Editor editor(text);
  std::optional<std::string> edition = editor.read();
  if (!edition) return std::nullopt;
  return EditionText{editor.edited(), std::move(*edition)};
}

EditionTree::File EditionTree::read(const std::string& path) {
  auto text = apps::read_text(path, proto_bytes_max);
  if (!text) return std::unexpected(Fault{reason(text.error())});
  if (std::optional<Fault> fault = find_deep_bracket(*text)) return std::unexpected(std::move(*fault));
  if (std::optional<EditionText> edited = as_proto3(*text)) return std::move(*edited);
  return EditionText{std::move(*text)};
}

pb::io::ZeroCopyInputStream* EditionTree::Open(const std::string& name) {
  auto found = files_.find(name);
  if (found == files_.end()) {
    const std::optional<std::string> path = folders_.path_of(name);
    if (!path) {
      error_ = "there is no such file";
      return nullptr;
    }
    found = files_.emplace(name, read(*path)).first;
  }
  if (!found->second) {
    error_ = found->second.error().message;
    return nullptr;
  }
  const std::string& text = found->second->text;
  return new pb::io::ArrayInputStream(text.data(), static_cast<int>(text.size()));
}

std::optional<std::string> EditionTree::edition(const std::string& name) const {
  const auto found = files_.find(name);
  if (found == files_.end() || !found->second || found->second->edition.empty()) return std::nullopt;
  return found->second->edition;
}

std::optional<EditionTree::Fault> EditionTree::fault(const std::string& name) const {
  const auto found = files_.find(name);
  if (found == files_.end() || found->second) return std::nullopt;
  return found->second.error();
}

}  // namespace ringrpc::reflected
