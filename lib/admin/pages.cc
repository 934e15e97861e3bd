#include "admin/pages.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "base/escape.h"

namespace ringrpc::admin {
namespace {

std::string index_of(const std::vector<AdminPage>& pages) {
  std::string html =
      "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n"
      "<meta name=\"color-scheme\" content=\"light dark\">\n<title>Admin pages</title>\n<h1>Admin "
      "pages</h1>\n<ul>\n";
  for (const AdminPage& page : pages) {
    const std::string path = escape_html(page.path());
    html.append("<li><a href=\"").append(path).append("\">").append(path).append("</a> ");
    html.append(escape_html(page.title())).append("\n");
  }
  return html + "</ul>\n";
}

}  // namespace

Status check_pages(const std::vector<AdminPage>& pages) {
  const auto invalid = [](const AdminPage& page, std::string_view why) {
    return Status(Code::INVALID_ARGUMENT, "admin page \"" + page.path() + "\": " + std::string(why),
                  Initiator::application);
  };
  for (auto at = pages.begin(); at != pages.end(); ++at) {
    if (!at->path().starts_with('/')) return invalid(*at, "the path must begin with '/'");
    if (std::ranges::count(pages.begin(), at, at->path(), &AdminPage::path) > 0)
      return invalid(*at, "another page has this path");
  }
  return {};
}

Pages::Pages(Shard& shard, std::vector<AdminPage> pages)
    : list_("There is no such page. These are served:\n") {
  assert(check_pages(pages).ok());
  if (std::ranges::count(pages, "/", &AdminPage::path) == 0)
    pages.insert(pages.begin(), AdminPage("/", "Index", [html = index_of(pages)](const PageRequest&) {
                   return PageResponse{.content_type = "text/html; charset=utf-8", .body = html};
                 }));
  for (AdminPage& page : pages) {
    list_ += page.path() + '\n';
    runners_.emplace_back(shard, std::move(page));
  }
}

PageRunner* Pages::find(std::string_view path) noexcept {
  const auto found = std::ranges::find(
      runners_, path, [](const PageRunner& runner) -> std::string_view { return runner.page().path(); });
  return found == runners_.end() ? nullptr : &*found;
}

}  // namespace ringrpc::admin
