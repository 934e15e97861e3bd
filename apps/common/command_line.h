/// Reads a program's settings from its flags, its environment and its configuration file, in that order of
/// precedence.
///
///   CommandLine line("grpcd", "Serves …");
///   line.add(number({.name = "shards", .environment = "WORKER_THREADS", …}, options.shards, {0, 1024}));
///   Result<Action> action = line.read(arguments, getenv);
///   if (!action) return refuse("grpcd", action.error());
///
/// Every command line has `--config FILE`, `--help` and `--version`. An error is one line: it names the flag,
/// the variable, or the file with line and key, then says what is wrong and what would be right. Its code is
/// INVALID_ARGUMENT for a flag or a variable and another one for the file. A variable is not read when its
/// flag is given; the file is always checked completely.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ringrpc/status.h"

#include "common/origins.h"
#include "common/setting.h"

namespace CLI {
class App;
}

namespace ringrpc::apps {

/// The action that the command line asks for.
enum class Action : std::uint8_t { run, show_help, show_version };

class CommandLine {
 public:
  using Environment = const char* (*)(const char* name);

  CommandLine(std::string program, std::string summary);
  CommandLine(const CommandLine&) = delete;
  CommandLine& operator=(const CommandLine&) = delete;
  ~CommandLine();

  void add(Setting setting);

  /// Accepts positional arguments, which `usage` shows: "[COMMAND] [ADDR]". Without this call they are
  /// an error.
  void take_words(std::string usage);

  /// Text that `--help` prints, unwrapped, before and after the list of flags.
  void explain(std::string before, std::string after);

  /// `read` calls `settle` when everything is set: it resolves settings that contradict each other, or
  /// returns an error.
  void settle(std::function<Status(const Origins&)> settle);

  /// Sets everything. Call once. `arguments` excludes the program's name.
  Result<Action> read(std::span<const std::string> arguments, Environment environment);

  /// The text of `--help`: lines of at most 80 columns.
  std::string help() const;

  /// The positional arguments in their order. Valid after `read`.
  const std::vector<std::string>& words() const noexcept { return words_; }

  /// The path given with `--config`; empty without one.
  const std::string& config_path() const noexcept { return config_path_; }

  const std::vector<Setting>& settings() const noexcept { return settings_; }

  /// The origin of each value. Valid after `read`.
  const Origins& origins() const noexcept { return origins_; }

 private:
  Result<Action> parse_flags(std::span<const std::string> arguments);
  Status sort_remaining();
  Status unknown_flag(const std::string& word) const;
  Status unknown_key(std::string_view where, std::string_view key) const;
  Status apply_flags();
  Status apply_environment(Environment environment);
  Status apply_file();

  /// The values of the setting's flag; empty when the flag was not given.
  std::vector<std::string> flag_values(const Setting& setting) const;
  std::vector<std::string> names() const;

  std::unique_ptr<CLI::App> app_;
  std::vector<Setting> settings_;
  std::string usage_;
  std::vector<std::string> words_;
  std::string help_before_;
  std::string help_after_;
  std::string config_path_;
  Origins origins_;
  std::function<Status(const Origins&)> settle_;
};

}  // namespace ringrpc::apps
