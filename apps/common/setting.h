/// One thing that a user may set: its name, its words for people, and how a text becomes its value.
///
///   std::uint32_t calls = 100;
///   Setting setting = number({.name = "max-calls", .placeholder = "N", .help = "Calls in flight"}, calls,
///   {1, 1000}); Status wrong = setting.assign({"5000"});    // "5000 is out of range; choose 1 to 1000"
///
/// A setting writes to the variable it was made with, which must outlive it. Values that it refuses change
/// nothing.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ringrpc/status.h"

namespace ringrpc::apps {

/// What a setting's value is in the configuration file; flags and the environment always give text.
enum class FileType : std::uint8_t {
  number,
  number_or_text,  ///< a plain number, or a string with a unit
  text,
  texts,  ///< a string, or an array of them
  truth,  ///< true or false; its flag takes no value
};

struct Setting {
  std::string name;         ///< "max-calls": the key in the file, and the flag without its dashes
  std::string letter;       ///< "d" where "-d" is its flag too
  std::string environment;  ///< "MAX_CALLS"; empty where no variable is read
  std::string also_read;    ///< another variable, which counts where the first is not set; empty for none
  std::string group;        ///< the heading in the help
  std::string placeholder;  ///< "N"
  std::string help;
  std::string fallback;  ///< the default as the help shows it
  FileType file_type = FileType::text;

  /// Takes one text, or several for FileType::texts. INVALID_ARGUMENT says what is wrong and what would be
  /// right.
  std::function<Status(const std::vector<std::string>&)> assign;
  /// The present value as `assign` takes it.
  std::function<std::string()> show;
};

/// Both ends belong to it.
struct Range {
  std::uint64_t least;
  std::uint64_t most;
};

// Each completes `words`; without a fallback it shows the variable's present value as the default.

Setting number(Setting words, std::uint32_t& target, Range range);
Setting size(Setting words, std::size_t& target, Range range);
/// 0, or from `least` to `most`.
Setting duration(Setting words, std::chrono::milliseconds& target, std::chrono::milliseconds most,
                 std::chrono::milliseconds least = {});
/// How long something may take: from 1 ms to `most`.
Setting timeout(Setting words, std::chrono::milliseconds& target, std::chrono::milliseconds most);
/// One text; empty where none was given.
Setting text(Setting words, std::string& target);
Setting texts(Setting words, std::vector<std::string>& target);
/// The path of a file; empty, which is no path, until it is given.
Setting path(Setting words, std::string& target);
Setting toggle(Setting words, bool& target);

/// "a, b or c", for texts that say what would be right.
std::string one_of(const std::vector<std::string>& names);

/// Exactly one of a few words.
template <class E>
Setting choice(Setting words, E& target, const std::vector<std::pair<std::string, E>>& choices);

/// The last steps of every kind; for the kinds above and others like them.
Setting with_fallback(Setting setting);
Status not_among(std::string_view text, const std::vector<std::string>& names);

template <class E>
Setting choice(Setting words, E& target, const std::vector<std::pair<std::string, E>>& choices) {
  words.file_type = FileType::text;
  words.assign = [&target, choices](const std::vector<std::string>& texts) -> Status {
    std::vector<std::string> names;
    for (const auto& [name, value] : choices) {
      if (name == texts.back()) {
        target = value;
        return Status();
      }
      names.push_back(name);
    }
    return not_among(texts.back(), names);
  };
  words.show = [&target, choices]() -> std::string {
    for (const auto& [name, value] : choices) {
      if (value == target) return name;
    }
    return {};
  };
  return with_fallback(std::move(words));
}

}  // namespace ringrpc::apps
