/// One setting of a program: its name, its help, and how to parse its value.
///
///   std::uint32_t calls = 100;
///   Setting setting = number({.name = "max-calls", .placeholder = "N", .help = "Calls in flight"}, calls,
///                            {1, 1000});
///   Status wrong = setting.assign({"5000"});    // "5000 is out of range; choose 1 to 1000"
///
/// A setting writes to the variable that it was made with, which must outlive it. An invalid value does not
/// change the variable.
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

/// The type of a setting's value in the configuration file. Flags and the environment always give text.
enum class FileType : std::uint8_t {
  number,
  number_or_text,  ///< a plain number, or a string with a unit
  text,
  texts,    ///< a string, or an array of strings
  boolean,  ///< true or false; the flag takes no value
};

struct Setting {
  std::string name{};         ///< "max-calls": the key in the file, and the flag without its dashes
  std::string letter{};       ///< "d" for the short flag "-d"; empty for none
  std::string environment{};  ///< the variable, "MAX_CALLS"; empty for none
  std::string also_read{};    ///< a second variable, read when the first is not set; empty for none
  std::string group{};        ///< the heading in the help
  std::string placeholder{};  ///< "N"
  std::string help{};
  std::string fallback{};  ///< the default, as the help shows it
  FileType file_type = FileType::text;

  /// Sets the value from one text, or from several for FileType::texts. INVALID_ARGUMENT says what is wrong
  /// and what would be right.
  std::function<Status(const std::vector<std::string>&)> assign{};
  /// The current value, in the form that `assign` takes.
  std::function<std::string()> show{};
};

/// Both ends are included.
struct Range {
  std::uint64_t least;
  std::uint64_t most;
};

// Each function completes `words`. Without a fallback, the variable's current value is shown as the default.

Setting number(Setting words, std::uint32_t& target, Range range);
/// A number of microseconds.
Setting number(Setting words, std::chrono::microseconds& target, Range range);
Setting size(Setting words, std::size_t& target, Range range);
/// 0, or from `least` to `most`.
Setting duration(Setting words, std::chrono::milliseconds& target, std::chrono::milliseconds most,
                 std::chrono::milliseconds least = {});
/// From 1 ms to `most`.
Setting timeout(Setting words, std::chrono::milliseconds& target, std::chrono::milliseconds most);
/// One text that is not empty.
Setting text(Setting words, std::string& target);
Setting texts(Setting words, std::vector<std::string>& target);
/// The path of a file. `target` stays empty until a path is given; an empty path is an error.
Setting path(Setting words, std::string& target);
Setting toggle(Setting words, bool& target);

/// "a, b or c".
std::string one_of(const std::vector<std::string>& names);

/// One of several names.
template <class E>
Setting choice(Setting words, E& target, const std::vector<std::pair<std::string, E>>& choices);

// For kinds of settings that a program defines itself.

/// Shows the current value as the default when `fallback` is empty.
Setting with_fallback(Setting setting);
/// "'blue' is unknown; choose red or green".
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
