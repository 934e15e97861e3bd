/// Suggestions for a mistyped name.
///
///   suggest("Ecko", {"Echo", "Check"});      // "; did you mean Echo?"
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ringrpc::apps {

/// The end of an error message: up to three names close to `wrong`, the closest first. Empty when none is
/// close.
std::string did_you_mean(std::string_view wrong, const std::vector<std::string>& names);

/// The same; when no name is close, all names if there are at most ten.
std::string suggest(std::string_view wrong, const std::vector<std::string>& names);

}  // namespace ringrpc::apps
