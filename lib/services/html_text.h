/// Writes HTML for pages. Only literals of the program become markup; everything else is escaped, so that a
/// peer's name or a message of an error is shown as text whatever it contains.
///
///   HtmlText html;
///   html.add("<p>");
///   html.text(peer);                               // "<b>" becomes "&lt;b&gt;"
///   html.begin_table({{"peer", Align::left}, {"calls"}});
///   html.begin_row();
///   html.cell(peer);
///   html.cell(grouped(calls));
///   html.end_table();
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ringrpc {

/// A constant of the program.
class Markup {
 public:
  consteval Markup(const char* html) noexcept : html_(html) {}
  consteval Markup(std::string_view html) noexcept : html_(html) {}
  constexpr std::string_view html() const noexcept { return html_; }

 private:
  std::string_view html_;
};

enum class Align : std::uint8_t {
  right,
  left,
  wrapped,  ///< left, in as many lines as it takes
};

struct Column {
  Markup title;
  Align align = Align::right;
};

class HtmlText {
 public:
  void add(Markup markup) { html_ += markup.html(); }
  /// Adds `text`, escaped and with its control characters made visible. Cuts a long text.
  void text(std::string_view text);

  /// A table may be wider than its page and scrolls then.
  void begin_table(std::initializer_list<Column> columns);
  void begin_row();
  /// The next cell of the row.
  void cell(std::string_view text);
  void end_table();

  std::string finish() && { return std::move(html_); }

 private:
  std::string html_;
  std::vector<Align> columns_;  ///< of the table
  std::size_t column_ = 0;      ///< of the next cell
};

/// "1,234,567".
std::string grouped(std::uint64_t number);

}  // namespace ringrpc
