#include "common/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <sstream>
#include <utility>

#include "common/exit_code.h"
#include "common/nearest.h"
#include "common/text_file.h"
#include "common/toml.h"

namespace ringrpc::apps {
namespace {

constexpr std::size_t help_columns = 80;
constexpr std::size_t help_left_columns = 30;

/// Breaks `text` at spaces into lines of at most `columns`.
std::string wrap(std::string_view text, std::size_t columns) {
  std::istringstream words{std::string(text)};
  std::string wrapped;
  std::size_t used = 0;
  for (std::string word; words >> word; used += word.size()) {
    if (used > 0 && used + 1 + word.size() > columns) {
      wrapped.push_back('\n');
      used = 0;
    } else if (used > 0) {
      wrapped.push_back(' ');
      ++used;
    }
    wrapped.append(word);
  }
  return wrapped;
}

/// A flag as the help shows it, such as "-d,--data JSON", with its description beside it. CLI11 writes no help, because
/// its layout changes with its versions.
std::string help_entry(const std::string& flag, const std::string& placeholder,
                       const std::string& description) {
  std::string left = "  " + flag + (placeholder.empty() ? "" : " ") + placeholder;
  std::string entry;
  if (left.size() >= help_left_columns) entry = std::exchange(left, "") + "\n";
  std::istringstream paragraphs(description);
  for (std::string paragraph; std::getline(paragraphs, paragraph);) {
    std::istringstream lines(wrap(paragraph, help_columns - help_left_columns));
    for (std::string line; std::getline(lines, line); left.clear()) {
      left.resize(help_left_columns, ' ');
      entry.append(left).append(line).push_back('\n');
    }
  }
  return entry;
}

/// A flag that every program has.
struct CommonFlag {
  const char* flag;
  const char* placeholder;
  const char* description;
};
constexpr CommonFlag config_flag{"--config", "FILE", "TOML file to read settings from\n[default: none]"};
constexpr CommonFlag help_flag{"-h,--help", "", "Show this help and exit"};
constexpr CommonFlag version_flag{"--version", "", "Show the version and exit"};
constexpr std::string_view common_group = "General";
constexpr std::string_view precedence =
    "A flag overrides the environment, the environment overrides the file, and the file overrides the "
    "default. Keys in the file are the flags without their dashes.";

/// "-d,--data"; with its dashes, as CLI11 takes it and the help shows it.
std::string flag_of(const Setting& setting) {
  return (setting.letter.empty() ? "" : "-" + setting.letter + ",") + "--" + setting.name;
}

std::string describe(const Setting& setting) {
  if (setting.file_type == FileType::boolean && setting.fallback == "false") return setting.help;
  std::string text = setting.help + "\n[default: " + setting.fallback;
  if (!setting.environment.empty()) text += "; env: " + setting.environment;
  if (!setting.also_read.empty()) text += " or " + setting.also_read;
  return text + "]";
}

std::unexpected<Status> wrong(std::string_view where, std::string_view what) {
  return fail(Code::INVALID_ARGUMENT, std::string(where).append(": ").append(what));
}

/// A value of the file as the texts that a flag would give.
Result<std::vector<std::string>> texts_of(const TomlValue& value, FileType type) {
  const auto* text = std::get_if<std::string>(&value);
  const auto* number = std::get_if<std::int64_t>(&value);
  const auto* array = std::get_if<std::vector<std::string>>(&value);
  const auto* truth = std::get_if<bool>(&value);
  const auto expected = [&](std::string_view what) {
    return fail(Code::INVALID_ARGUMENT,
                std::string(type_name(value)) + " is the wrong type; write " + std::string(what));
  };
  switch (type) {
    case FileType::number:
      if (number) return std::vector{std::to_string(*number)};
      return expected("a number, without quotes");
    case FileType::number_or_text:
      if (number) return std::vector{std::to_string(*number)};
      if (text) return std::vector{*text};
      return expected("a number, or a string with a unit");
    case FileType::text:
      if (text) return std::vector{*text};
      return expected("a string, in quotes");
    case FileType::texts:
      if (text) return std::vector{*text};
      if (array) return *array;
      return expected("a string or an array of strings, in quotes");
    case FileType::boolean:
      if (truth) return std::vector<std::string>{*truth ? "true" : "false"};
      return expected("true or false, without quotes");
  }
  return expected("something else");
}

Result<std::string> read_config(const std::string& path) {
  std::expected<std::string, int> text = read_text(path);
  if (text) return std::move(*text);
  if (text.error() == EFBIG) return wrong(path, "larger than 1M; --config takes a TOML file of settings");
  return wrong(path,
               std::string(std::strerror(text.error())) + "; --config takes a TOML file that can be read");
}

}  // namespace

CommandLine::CommandLine(std::string program, std::string summary)
    : app_(std::make_unique<CLI::App>(std::move(summary), std::move(program))) {
  app_->set_help_flag();
  app_->allow_extras();
}

CommandLine::~CommandLine() = default;

void CommandLine::add(Setting setting) {
  const std::string flag = flag_of(setting);
  CLI::Option* option =
      setting.file_type == FileType::boolean ? app_->add_flag(flag) : app_->add_option(flag)->expected(1);
  option->allow_extra_args(false)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  settings_.push_back(std::move(setting));
}

void CommandLine::take_words(std::string usage) { usage_ = std::move(usage); }

void CommandLine::explain(std::string before, std::string after) {
  help_before_ = std::move(before);
  help_after_ = std::move(after);
}

void CommandLine::settle(std::function<Status(const Origins&)> settle) { settle_ = std::move(settle); }

Result<Action> CommandLine::read(std::span<const std::string> arguments, Environment environment) {
  const Result<Action> action = parse_flags(arguments);
  if (!action || *action != Action::run) return action;
  // In ascending order of precedence: each overwrites what came before.
  Status status = at_run_time(apply_file());
  if (status.ok()) status = apply_environment(environment);
  if (status.ok()) status = apply_flags();
  if (status.ok() && settle_) status = settle_(origins_);
  if (!status.ok()) return std::unexpected(std::move(status));
  return Action::run;
}

std::string CommandLine::help() const {
  std::vector<std::pair<std::string_view, std::string>> groups;  // headings in the order of their first flags
  const auto add = [&groups](std::string_view heading, const std::string& entry) {
    auto group = std::ranges::find(groups, heading, [](const auto& each) { return each.first; });
    if (group == groups.end()) group = groups.insert(group, {heading, ""});
    group->second.append(entry);
  };
  for (const Setting& setting : settings_)
    add(setting.group, help_entry(flag_of(setting), setting.placeholder, describe(setting)));
  for (const CommonFlag& each : {config_flag, help_flag, version_flag})
    add(common_group, help_entry(each.flag, each.placeholder, each.description));

  std::string help = wrap(app_->get_description(), help_columns) + "\n\nUsage: " + app_->get_name();
  if (!usage_.empty()) help.append(" ").append(usage_);
  help.append(" [flags]\n\n");
  if (!help_before_.empty()) help.append(help_before_).append("\n");
  for (const auto& [heading, entries] : groups)
    help.append(heading).append(":\n").append(entries).append("\n");
  help.append(wrap(precedence, help_columns)).append("\n");
  if (!help_after_.empty()) help.append("\n").append(help_after_);
  return help;
}

Result<Action> CommandLine::parse_flags(std::span<const std::string> arguments) {
  const CLI::Option* const config =
      app_->add_option(config_flag.flag, config_path_)->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  const CLI::Option* const help = app_->add_flag(help_flag.flag);
  const CLI::Option* const version = app_->add_flag(version_flag.flag);
  try {
    app_->parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::ArgumentMismatch& mismatch) {
    const std::string_view flag(mismatch.what());
    return wrong(flag.substr(0, flag.find(':')), "a value is missing; --help shows what it takes");
  } catch (const CLI::ParseError& error) {
    return fail(Code::INVALID_ARGUMENT, error.what());
  }
  for (const CLI::Option* const flag : {help, version})
    for (const std::string& value : flag->results())
      if (value != "true")
        return wrong("--" + flag->get_lnames().front(), "takes no value; leave out '=" + value + "'");
  if (help->count() > 0) return Action::show_help;
  if (version->count() > 0) return Action::show_version;
  if (config->count() > 0 && config_path_.empty())
    return wrong("--config", "the path is empty; give the path of a file");
  if (Status status = sort_remaining(); !status.ok()) return std::unexpected(std::move(status));
  return Action::run;
}

Status CommandLine::sort_remaining() {
  for (const std::string& word : app_->remaining()) {
    if (word.size() > 1 && word.front() == '-') return unknown_flag(word);
    if (usage_.empty()) return wrong(word, app_->get_name() + " takes only flags; --help lists them");
    words_.push_back(word);
  }
  return Status();
}

Status CommandLine::unknown_flag(const std::string& word) const {
  std::vector<std::string> flags{"--config", "--help", "--version"};
  for (const std::string& name : names()) flags.push_back("--" + name);
  const std::string name = word.substr(0, word.find('='));
  const bool named = name.find_first_not_of('-') != std::string::npos;
  const std::string meant = named ? did_you_mean(name, flags) : "";
  return wrong(word, "not a flag of " + app_->get_name() + (meant.empty() ? "; --help lists them" : meant))
      .error();
}

/// Lists the keys if they are few, and else refers to the help.
Status CommandLine::unknown_key(std::string_view where, std::string_view key) const {
  const std::string meant = suggest(key, names());
  return wrong(where, "unknown key" + (meant.empty() ? "; --help lists the keys, as flags" : meant)).error();
}

std::vector<std::string> CommandLine::flag_values(const Setting& setting) const {
  return app_->get_option("--" + setting.name)->results();
}

Status CommandLine::apply_flags() {
  for (const Setting& setting : settings_) {
    const std::vector<std::string> values = flag_values(setting);
    if (values.empty()) continue;
    if (const Status status = setting.assign(values); !status.ok())
      return wrong("--" + setting.name, status.message());
    origins_.note(setting.name, "--" + setting.name, Source::flag);
  }
  return Status();
}

Status CommandLine::apply_environment(Environment environment) {
  for (const Setting& setting : settings_) {
    if (!flag_values(setting).empty()) continue;
    for (const std::string& name : {setting.environment, setting.also_read}) {
      const char* value = name.empty() ? nullptr : environment(name.c_str());
      if (!value || *value == '\0') continue;  // an empty variable is how scripts unset one
      if (const Status status = setting.assign({value}); !status.ok())
        return wrong("environment: " + name, status.message());
      origins_.note(setting.name, "environment: " + name, Source::environment);
      break;
    }
  }
  return Status();
}

Status CommandLine::apply_file() {
  if (config_path_.empty()) return Status();
  const Result<std::string> text = read_config(config_path_);
  if (!text) return text.error();
  const Result<std::vector<TomlEntry>> entries = parse_toml(*text);
  if (!entries)
    return fail(Code::INVALID_ARGUMENT, config_path_ + ":" + std::string(entries.error().message()));

  for (const TomlEntry& entry : *entries) {
    const std::string where = config_path_ + ":" + std::to_string(entry.line) + ": " + entry.key;
    const auto setting = std::ranges::find(settings_, entry.key, &Setting::name);
    if (setting == settings_.end()) return unknown_key(where, entry.key);
    const Result<std::vector<std::string>> values = texts_of(entry.value, setting->file_type);
    if (!values) return wrong(where, values.error().message());
    if (const Status status = setting->assign(*values); !status.ok()) return wrong(where, status.message());
    origins_.note(setting->name, where, Source::file);
  }
  return Status();
}

std::vector<std::string> CommandLine::names() const {
  std::vector<std::string> names;
  for (const Setting& setting : settings_) names.push_back(setting.name);
  return names;
}

}  // namespace ringrpc::apps
