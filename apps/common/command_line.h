/// A program's settings from its flags, its environment and its configuration file, in that order of
/// precedence.
///
///   CommandLine line("grpcd", "Serves …");
///   line.add(number({.name = "shards", .environment = "WORKER_THREADS", …}, options.shards, {0, 1024}));
///   Result<Action> action = line.read(arguments, getenv);
///   if (!action) return refuse("grpcd", action.error());
///
/// `--config FILE`, `--help` and `--version` come with it. A failure is one line that names the flag, the
/// variable, or the file with line and key, then what is wrong and what would be right: INVALID_ARGUMENT for
/// a mistake of usage, another code for what is wrong with the file. A variable is not looked at when its
/// flag is given; the file is always checked whole.
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

/// What the user wants of the program.
enum class Action : std::uint8_t { run, show_help, show_version };

class CommandLine {
 public:
  using Environment = const char* (*)(const char* name);

  CommandLine(std::string program, std::string summary);
  CommandLine(const CommandLine&) = delete;
  CommandLine& operator=(const CommandLine&) = delete;
  ~CommandLine();

  void add(Setting setting);

  /// The program takes words beside its flags, which `usage` shows: "[COMMAND] [ADDR]". Without this they are
  /// refused.
  void take_words(std::string usage);

  /// What `--help` says before and after the list of flags, as it is laid out here.
  void explain(std::string before, std::string after);

  /// Called by `read` once all is set: decides between values that do not go together, or refuses them.
  void settle(std::function<Status(const Origins&)> settle);

  /// Sets everything; call once. `arguments` without the program's name.
  Result<Action> read(std::span<const std::string> arguments, Environment environment);

  /// What `--help` prints: lines of at most 80 columns.
  std::string help() const;

  /// The words, in their order; after `read`.
  const std::vector<std::string>& words() const noexcept { return words_; }

  /// The file that was read; empty when none was asked for.
  const std::string& config_path() const noexcept { return config_path_; }

  const std::vector<Setting>& settings() const noexcept { return settings_; }

  /// Where each value that was given came from; after `read`.
  const Origins& origins() const noexcept { return origins_; }

 private:
  Result<Action> parse_flags(std::span<const std::string> arguments);
  Status sort_remaining();
  Status apply_flags();
  Status apply_environment(Environment environment);
  Status apply_file();

  /// What the setting's flag was given; empty when it was not.
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
