#include "services/html_text.h"

#include <cassert>

#include "base/escape.h"

namespace ringrpc {
namespace {

constexpr std::size_t text_bytes_max = 500;

constexpr std::string_view class_of(Align align) noexcept {
  if (align == Align::right) return "";
  return align == Align::left ? " class=\"text\"" : " class=\"long\"";
}

}  // namespace

void HtmlText::text(std::string_view text) { html_ += escape_html(escape_controls(text, text_bytes_max)); }

void HtmlText::begin_table(std::initializer_list<Column> columns) {
  columns_.clear();
  html_ += "<div class=\"wide\"><table><thead><tr>";
  for (const Column& column : columns) {
    columns_.push_back(column.align);
    html_.append("<th").append(column.align == Align::right ? "" : " class=\"text\"").append(">");
    html_.append(column.title.html()).append("</th>");
  }
  html_ += "</tr></thead><tbody>\n";
  column_ = columns_.size();
}

void HtmlText::begin_row() {
  assert(column_ == columns_.size());
  html_ += "<tr>";
  column_ = 0;
}

void HtmlText::cell(std::string_view value) {
  html_.append("<td").append(class_of(columns_[column_++])).append(">");
  text(value);
  html_ += column_ == columns_.size() ? "</td></tr>\n" : "</td>";
}

void HtmlText::end_table() {
  assert(column_ == columns_.size());
  html_ += "</tbody></table></div>\n";
}

std::string grouped(std::uint64_t number) {
  std::string digits = std::to_string(number);
  for (std::size_t at = digits.size(); at > 3;) digits.insert(at -= 3, ",");
  return digits;
}

}  // namespace ringrpc
