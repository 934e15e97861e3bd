#include "services/html_text.h"

#include <doctest/doctest.h>

namespace ringrpc {

TEST_CASE("text never becomes markup") {
  HtmlText html;
  html.add("<p title=\"");
  html.text("\"><script>&");
  html.add("\">");
  html.text(std::string_view("a\0b\x1b[31m", 8));
  html.add("</p>");
  CHECK(std::move(html).finish() == "<p title=\"&quot;&gt;&lt;script&gt;&amp;\">a\\x00b\\x1b[31m</p>");
}

TEST_CASE("long text is cut") {
  HtmlText html;
  html.text(std::string(100'000, 'x'));
  CHECK(std::move(html).finish().size() < 600);
}

TEST_CASE("a table has its cells in rows") {
  HtmlText html;
  html.begin_table({{"peer", Align::left}, {"says", Align::wrapped}, {"calls"}});
  html.begin_row();
  html.cell("<a>");
  html.cell("b");
  html.cell("7");
  html.end_table();
  CHECK(std::move(html).finish() ==
        "<div class=\"wide\"><table><thead><tr><th class=\"text\">peer</th><th class=\"text\">says</th>"
        "<th>calls</th></tr></thead><tbody>\n"
        "<tr><td class=\"text\">&lt;a&gt;</td><td class=\"long\">b</td><td>7</td></tr>\n"
        "</tbody></table></div>\n");
}

TEST_CASE("numbers are grouped") {
  CHECK(grouped(0) == "0");
  CHECK(grouped(999) == "999");
  CHECK(grouped(1'000) == "1,000");
  CHECK(grouped(1'234'567) == "1,234,567");
}

}  // namespace ringrpc
