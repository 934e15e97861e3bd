#include "reflected/proto_folders.h"

#include <algorithm>
#include <ranges>
#include <string_view>
#include <sys/stat.h>

namespace ringrpc::reflected {
namespace {

/// The path without empty parts and "."; ".." stays, because a directory may be a link.
std::string normal(std::string_view path) {
  std::string text(path.starts_with('/') ? "/" : "");
  for (const auto range : path | std::views::split('/')) {
    const std::string_view part(range.begin(), range.end());
    if (part.empty() || part == ".") continue;
    if (!text.empty() && !text.ends_with('/')) text.push_back('/');
    text.append(part);
  }
  return text;
}

bool leaves(std::string_view path) {
  return std::ranges::any_of(path | std::views::split('/'), [](const auto part) {
    return std::string_view(part.begin(), part.end()) == "..";
  });
}

/// The directory as the begin of the paths in it.
std::string with_slash(const std::string& folder) {
  return folder.empty() || folder.ends_with('/') ? folder : folder + "/";
}

bool is_file(const std::string& path) {
  struct stat found{};
  return ::stat(path.c_str(), &found) == 0 && !S_ISDIR(found.st_mode);
}

}  // namespace

void ProtoFolders::add(const std::string& path) { folders_.push_back(normal(path)); }

std::optional<std::string> ProtoFolders::path_of(const std::string& name) const {
  if (name.empty() || name.starts_with('/') || name != normal(name) || leaves(name)) return std::nullopt;
  for (const std::string& folder : folders_)
    if (std::string path = with_slash(folder) + name; is_file(path)) return path;
  return std::nullopt;
}

std::optional<ProtoFolders::Name> ProtoFolders::name_of(const std::string& path) const {
  const std::string whole = normal(path);
  for (const std::string& folder : folders_) {
    const std::string begin = with_slash(folder);
    if (!whole.starts_with(begin) || (folder.empty() && whole.starts_with('/'))) continue;
    Name found{whole.substr(begin.size())};
    if (leaves(found.name)) continue;
    if (const std::optional<std::string> first = path_of(found.name); first && *first != whole)
      found.shadow = *first;
    return found;
  }
  return std::nullopt;
}

}  // namespace ringrpc::reflected
