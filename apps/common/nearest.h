/// What a mistyped name may have been meant as.
///
///   suggest("Ecko", {"Echo", "Check"});      // "; did you mean Echo?"
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ringrpc::apps {

/// To stand behind an error: the names that are close to `wrong`, the closest first, else all of them where
/// they are few; empty when there are none.
std::string suggest(std::string_view wrong, const std::vector<std::string>& names);

}  // namespace ringrpc::apps
