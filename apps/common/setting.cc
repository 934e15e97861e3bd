#include "common/setting.h"

#include <optional>
#include <utility>

#include "common/units.h"

namespace ringrpc::apps {
namespace {

Status out_of_range(const std::string& text, const std::string& least, const std::string& most) {
  return fail(Code::INVALID_ARGUMENT, text + " is out of range; choose " + least + " to " + most);
}

std::string join(const std::vector<std::string>& texts) {
  std::string joined;
  for (const std::string& text : texts) joined.append(joined.empty() ? "" : " ").append(text);
  return joined;
}

/// A time that is `allowed` and at most `most`; `from` describes the lower end in errors.
template <class Allowed>
Setting time(Setting words, std::chrono::milliseconds& target, std::string from,
             std::chrono::milliseconds most, const Allowed& allowed) {
  words.file_type = FileType::number_or_text;
  words.assign = [&target, from = std::move(from), most,
                  allowed](const std::vector<std::string>& texts) -> Status {
    const Result<std::chrono::milliseconds> value = parse_duration(texts.back());
    if (!value) return value.error();
    if (*value > most || !allowed(*value)) return out_of_range(texts.back(), from, format_duration(most));
    target = *value;
    return Status();
  };
  words.show = [&target] { return format_duration(target); };
  return with_fallback(std::move(words));
}

/// `set` and `get` use the value as a std::uint64_t.
template <class Set, class Get>
Setting whole_number(Setting words, Range range, Set set, Get get) {
  words.file_type = FileType::number;
  words.assign = [set, range](const std::vector<std::string>& texts) -> Status {
    const std::optional<std::uint64_t> value = parse_count(texts.back());
    const std::string least = std::to_string(range.least);
    if (!value)
      return fail(Code::INVALID_ARGUMENT,
                  "'" + texts.back() + "' is not a whole number, " + least + " or more");
    if (*value < range.least || *value > range.most)
      return out_of_range(texts.back(), least, std::to_string(range.most));
    set(*value);
    return Status();
  };
  words.show = [get] { return std::to_string(get()); };
  return with_fallback(std::move(words));
}

}  // namespace

Setting with_fallback(Setting setting) {
  if (setting.fallback.empty()) setting.fallback = setting.show();
  return setting;
}

std::string one_of(const std::vector<std::string>& names) {
  std::string listed;
  for (std::size_t i = 0; i < names.size(); ++i) {
    listed.append(i == 0 ? "" : i + 1 == names.size() ? " or " : ", ").append(names[i]);
  }
  return listed;
}

Status not_among(std::string_view text, const std::vector<std::string>& names) {
  return fail(Code::INVALID_ARGUMENT, "'" + std::string(text) + "' is unknown; choose " + one_of(names));
}

Setting number(Setting words, std::uint32_t& target, Range range) {
  return whole_number(
      std::move(words), range, [&target](std::uint64_t value) { target = static_cast<std::uint32_t>(value); },
      [&target] { return target; });
}

Setting number(Setting words, std::chrono::microseconds& target, Range range) {
  return whole_number(
      std::move(words), range, [&target](std::uint64_t value) { target = std::chrono::microseconds(value); },
      [&target] { return target.count(); });
}

Setting size(Setting words, std::size_t& target, Range range) {
  words.file_type = FileType::number_or_text;
  words.assign = [&target, range](const std::vector<std::string>& texts) -> Status {
    const Result<std::uint64_t> bytes = parse_size(texts.back());
    if (!bytes) return bytes.error();
    if (*bytes < range.least || *bytes > range.most) {
      return out_of_range(texts.back(), format_size(range.least), format_size(range.most));
    }
    target = *bytes;
    return Status();
  };
  words.show = [&target] { return format_size(target); };
  return with_fallback(std::move(words));
}

Setting duration(Setting words, std::chrono::milliseconds& target, std::chrono::milliseconds most,
                 std::chrono::milliseconds least) {
  const std::string from = least.count() == 0 ? "0s" : "0s, or " + format_duration(least);
  return time(std::move(words), target, from, most,
              [least](std::chrono::milliseconds value) { return value.count() == 0 || value >= least; });
}

Setting timeout(Setting words, std::chrono::milliseconds& target, std::chrono::milliseconds most) {
  return time(std::move(words), target, "1ms", most,
              [](std::chrono::milliseconds value) { return value.count() > 0; });
}

Setting text(Setting words, std::string& target) {
  words.file_type = FileType::text;
  words.assign = [&target](const std::vector<std::string>& given) -> Status {
    if (given.back().empty()) return fail(Code::INVALID_ARGUMENT, "the value is empty; give a text");
    target = given.back();
    return Status();
  };
  words.show = [&target] { return target; };
  return with_fallback(std::move(words));
}

Setting texts(Setting words, std::vector<std::string>& target) {
  words.file_type = FileType::texts;
  words.assign = [&target](const std::vector<std::string>& given) -> Status {
    if (given.empty()) return fail(Code::INVALID_ARGUMENT, "the list is empty; give at least one value");
    for (const std::string& text : given) {
      if (text.empty()) return fail(Code::INVALID_ARGUMENT, "a value is empty; give a text");
    }
    target = given;
    return Status();
  };
  words.show = [&target] { return join(target); };
  return with_fallback(std::move(words));
}

Setting path(Setting words, std::string& target) {
  words.file_type = FileType::text;
  if (words.fallback.empty()) words.fallback = "none";
  words.assign = [&target](const std::vector<std::string>& texts) -> Status {
    if (texts.back().empty())
      return fail(Code::INVALID_ARGUMENT, "the path is empty; give the path of a file");
    target = texts.back();
    return Status();
  };
  words.show = [&target] { return target.empty() ? "none" : target; };
  return with_fallback(std::move(words));
}

Setting toggle(Setting words, bool& target) {
  words.file_type = FileType::boolean;
  words.assign = [&target](const std::vector<std::string>& texts) -> Status {
    if (texts.back() != "true" && texts.back() != "false") return not_among(texts.back(), {"true", "false"});
    target = texts.back() == "true";
    return Status();
  };
  words.show = [&target] { return target ? "true" : "false"; };
  return with_fallback(std::move(words));
}

}  // namespace ringrpc::apps
