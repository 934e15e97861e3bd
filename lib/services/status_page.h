/// The status page with links to the other pages of its admin server.
#pragma once

#include <string>
#include <vector>

#include "ringrpc/admin_pages.h"

namespace ringrpc {

/// `pages` are the paths that it links to.
AdminPage status_page(const Server& server, StatusPageOptions options, std::vector<std::string> pages);

}  // namespace ringrpc
