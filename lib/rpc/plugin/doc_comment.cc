#include "doc_comment.h"

#include <string>
#include <string_view>

namespace ringrpc::plugin {

namespace pb = google::protobuf;

namespace {

void print_line(pb::io::Printer& printer, std::string_view text) {
  text = text.substr(0, text.find_last_not_of(" \t\r\v\f") + 1);
  std::string line = "///";
  if (!text.empty() && text.front() != ' ') line += ' ';
  line += text;
  // A backslash at the end would continue the comment on the next line.
  if (line.ends_with('\\')) line += '.';
  printer.Print("$line$\n", "line", line);
}

void print_lines(pb::io::Printer& printer, std::string_view text) {
  while (text.ends_with('\n')) text.remove_suffix(1);
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    print_line(printer, text.substr(0, end));
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  }
}

template <class Descriptor>
void print_leading_comment(pb::io::Printer& printer, const Descriptor& descriptor) {
  pb::SourceLocation location;
  if (!descriptor.GetSourceLocation(&location)) return;
  // Without a comment above, use the comment on the same line.
  print_lines(printer,
              location.leading_comments.empty() ? location.trailing_comments : location.leading_comments);
}

}  // namespace

void print_doc_comment(pb::io::Printer& printer, const pb::ServiceDescriptor& service) {
  print_leading_comment(printer, service);
}

void print_doc_comment(pb::io::Printer& printer, const pb::MethodDescriptor& method) {
  print_leading_comment(printer, method);
}

}  // namespace ringrpc::plugin
