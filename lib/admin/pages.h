/// The pages of an admin server, by path.
///
/// Belongs to the admin server's shard.
#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "ringrpc/admin_server.h"

#include "admin/page_runner.h"
#include "reactor/shard.h"

namespace ringrpc::admin {

/// INVALID_ARGUMENT for a path that does not begin with '/', or that two pages have.
Status check_pages(const std::vector<AdminPage>& pages);

class Pages {
 public:
  /// The pages must have passed `check_pages`. Adds the index if no page has the path `/`.
  Pages(Shard& shard, std::vector<AdminPage> pages);
  Pages(const Pages&) = delete;
  Pages& operator=(const Pages&) = delete;

  /// Null if there is none.
  PageRunner* find(std::string_view path) noexcept;

  /// The body of a response to a path without a page: all paths, one a line.
  const std::string& list() const noexcept { return list_; }

 private:
  std::deque<PageRunner> runners_;
  std::string list_;
};

}  // namespace ringrpc::admin
