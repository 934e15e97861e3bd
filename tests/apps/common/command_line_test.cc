#include "common/command_line.h"

#include <array>
#include <chrono>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <map>
#include <sstream>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

#include "apps/scratch_file.h"
#include "apps/scratch_folder.h"
#include "base/unique_fd.h"

namespace ringrpc::apps {
namespace {

using namespace std::chrono_literals;

using Variables = std::map<std::string, std::string>;

enum class Colour { red, green };

/// A program with a setting of each kind.
struct Program {
  std::vector<std::string> listen{"here"};
  std::uint32_t shards = 0;
  std::size_t limit_bytes = 4 << 20;
  std::chrono::milliseconds timeout = 30s;
  Colour colour = Colour::red;
  CommandLine line{"prog", "Does what a program does."};

  Program() {
    line.add(texts(
        {.name = "listen", .environment = "ADDR", .group = "Net", .placeholder = "ADDR", .help = "Where"},
        listen));
    line.add(number(
        {.name = "shards", .environment = "THREADS", .group = "Net", .placeholder = "N", .help = "Threads"},
        shards, {0, 64}));
    line.add(size({.name = "limit", .group = "Limits", .placeholder = "BYTES", .help = "Most"}, limit_bytes,
                  {1, 1 << 30}));
    line.add(
        duration({.name = "timeout", .group = "Limits", .placeholder = "TIME", .help = "Wait"}, timeout, 1h));
    line.add(choice<Colour>(
        {.name = "colour", .environment = "COLOUR", .group = "Looks", .placeholder = "NAME", .help = "Paint"},
        colour, {{"red", Colour::red}, {"green", Colour::green}}));
  }

  Result<Action> read(std::vector<std::string> arguments) {
    return line.read(arguments, [](const char* name) -> const char* {
      const auto found = variables.find(name);
      return found == variables.end() ? nullptr : found->second.c_str();
    });
  }

  static inline Variables variables;
};

struct Environment {
  explicit Environment(Variables variables) { Program::variables = std::move(variables); }
  Environment(const Environment&) = delete;
  ~Environment() { Program::variables.clear(); }
};

std::string refusal(const std::vector<std::string>& arguments, Code code = Code::INVALID_ARGUMENT) {
  Program program;
  const Result<Action> action = program.read(arguments);
  if (action) return "taken";
  CHECK(action.error().code() == code);
  return std::string(action.error().message());
}

TEST_CASE("without any source every setting has its default") {
  Program program;
  CHECK(program.read({}) == Action::run);
  CHECK(program.listen == std::vector<std::string>{"here"});
  CHECK(program.limit_bytes == 4 << 20);
  CHECK(program.line.config_path().empty());
}

TEST_CASE("flags set every kind, apart or with an equals sign") {
  Program program;
  REQUIRE(program.read({"--listen", "a", "--shards=3", "--limit", "64K", "--timeout", "2m", "--colour=green",
                        "--listen", "b"}) == Action::run);
  CHECK(program.listen == std::vector<std::string>{"a", "b"});
  CHECK(program.shards == 3);
  CHECK(program.limit_bytes == 65536);
  CHECK(program.timeout == 2min);
  CHECK(program.colour == Colour::green);
}

TEST_CASE("an address in brackets is one text and the last of two flags counts") {
  Program program;
  REQUIRE(program.read({"--listen", "[::1]:1", "--shards", "1", "--shards", "2"}) == Action::run);
  CHECK(program.listen == std::vector<std::string>{"[::1]:1"});
  CHECK(program.shards == 2);
}

TEST_CASE("a flag beats the environment, the environment the file, the file the default") {
  const ScratchFile file("listen = ['file']\nshards = 1\ncolour = 'green'\ntimeout = 5\nlimit = '1K'\n");
  const Environment environment(Variables{{"ADDR", "environment"}, {"THREADS", "2"}});
  Program program;
  REQUIRE(program.read({"--config", file.path(), "--listen", "flag"}) == Action::run);
  CHECK(program.listen == std::vector<std::string>{"flag"});
  CHECK(program.shards == 2);
  CHECK(program.colour == Colour::green);
  CHECK(program.timeout == 5s);
  CHECK(program.limit_bytes == 1024);
  CHECK(program.line.config_path() == file.path());
}

TEST_CASE("an empty variable counts as unset") {
  const Environment environment(Variables{{"THREADS", ""}});
  Program program;
  CHECK(program.read({}) == Action::run);
  CHECK(program.shards == 0);
}

TEST_CASE("a variable is ignored when its flag is given") {
  const Environment environment(Variables{{"THREADS", "many"}});
  CHECK(refusal({"--shards", "1"}) == "taken");
  CHECK(refusal({}) == "environment: THREADS: 'many' is not a whole number, 0 or more");
}

TEST_CASE("a wrong flag is refused with its name, the error and the remedy") {
  CHECK(refusal({"--shards", "65"}) == "--shards: 65 is out of range; choose 0 to 64");
  CHECK(refusal({"--shards=-1"}) == "--shards: '-1' is not a whole number, 0 or more");
  CHECK(refusal({"--limit", "0"}) == "--limit: 0 is out of range; choose 1 to 1G");
  CHECK(refusal({"--timeout", "2h"}) == "--timeout: 2h is out of range; choose 0s to 1h");
  CHECK(refusal({"--colour", "blue"}) == "--colour: 'blue' is unknown; choose red or green");
  CHECK(refusal({"--listen", ""}) == "--listen: a value is empty; give a text");
  CHECK(refusal({"--shards"}) == "--shards: a value is missing; --help shows what it takes");
  CHECK(refusal({"--shards", "--limit"}) == "--shards: '--limit' is not a whole number, 0 or more");
  CHECK(refusal({"--shard", "1"}) == "--shard: not a flag of prog; did you mean --shards?");
  CHECK(refusal({"--confg=x"}) == "--confg=x: not a flag of prog; did you mean --config?");
  CHECK(refusal({"--bogus", "1"}) == "--bogus: not a flag of prog; --help lists them");
  CHECK(refusal({"--"}) == "--: not a flag of prog; --help lists them");
  CHECK(refusal({"--=x"}) == "--=x: not a flag of prog; --help lists them");
  CHECK(refusal({"-x"}) == "-x: not a flag of prog; --help lists them");
  CHECK(refusal({"stray"}) == "stray: prog takes only flags; --help lists them");
}

TEST_CASE("a value for a flag that takes none is refused by the flag's name") {
  CHECK(refusal({"--help=x"}) == "--help: takes no value; leave out '=x'");
  CHECK(refusal({"--version=1.0"}) == "--version: takes no value; leave out '=1.0'");
}

TEST_CASE("a wrong file is refused with its path, line and key, the error and the remedy") {
  const auto with = [](const std::string& text) {
    const ScratchFile file(text);
    std::string message = refusal({"--config", file.path()}, Code::FAILED_PRECONDITION);
    REQUIRE(message.starts_with(file.path()));
    return message.substr(file.path().size());
  };
  CHECK(with("\nshard = 1") == ":2: shard: unknown key; did you mean shards?");
  CHECK(with("config = 'x'") ==
        ":1: config: unknown key; there are listen, shards, limit, timeout and colour");
  CHECK(with("shards = '1'") == ":1: shards: a string is the wrong type; write a number, without quotes");
  CHECK(with("shards = true") ==
        ":1: shards: true or false is the wrong type; write a number, without quotes");
  CHECK(with("limit = ['1K']") ==
        ":1: limit: an array is the wrong type; write a number, or a string with a unit");
  CHECK(with("colour = 1") == ":1: colour: a number is the wrong type; write a string, in quotes");
  CHECK(with("listen = 1") ==
        ":1: listen: a number is the wrong type; write a string or an array of strings, in quotes");
  CHECK(with("listen = []") == ":1: listen: the list is empty; give at least one value");
  CHECK(with("shards = 65") == ":1: shards: 65 is out of range; choose 0 to 64");
  CHECK(with("shards = -1") == ":1: shards: '-1' is not a whole number, 0 or more");
  CHECK(with("shards 1")
            .starts_with(":1: Error while parsing key-value pair: expected '=', saw '1', in 'shards 1'; "));
  CHECK(with(std::string(1024 * 1024 + 1, '#')) ==
        ": larger than 1M; --config takes a TOML file of settings");
}

TEST_CASE("with many keys, the error for an unknown key refers to the help") {
  Program program;
  std::array<bool, 6> more{};
  for (std::size_t at = 0; at < more.size(); ++at)
    program.line.add(
        toggle({.name = "more-" + std::to_string(at), .group = "More", .help = "One more"}, more[at]));
  const ScratchFile file("unlike = 1");
  const Result<Action> action = program.read({"--config", file.path()});
  REQUIRE_FALSE(action);
  CHECK(action.error().message() == file.path() + ":1: unlike: unknown key; --help lists the keys, as flags");
}

TEST_CASE("a file is checked even if flags override it") {
  const ScratchFile file("shards = 65");
  CHECK(refusal({"--config", file.path(), "--shards", "1"}, Code::FAILED_PRECONDITION)
            .ends_with("shards: 65 is out of range; choose 0 to 64"));
}

TEST_CASE("a file that cannot be read is refused with the cause") {
  const ScratchFolder folder;
  const std::string absent = folder.file("prog.toml");
  CHECK(refusal({"--config", absent}, Code::FAILED_PRECONDITION) ==
        absent + ": No such file or directory; --config takes a TOML file that can be read");
  CHECK(refusal({"--config", "/"}, Code::FAILED_PRECONDITION) ==
        "/: Is a directory; --config takes a TOML file that can be read");
  const std::string pipe = folder.file("pipe");  // it has no writer; the program must not wait for one
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  CHECK(refusal({"--config", pipe}, Code::FAILED_PRECONDITION) ==
        pipe + ": No data available; --config takes a TOML file that can be read");
}

TEST_CASE("a file may be a pipe, such as that of a shell's <(command)") {
  std::array<int, 2> ends;
  REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
  const UniqueFd reader(ends[0]);
  std::jthread slow([writer = UniqueFd(ends[1])] {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    for (const std::string_view part : {"listen = ", "\"there\"\n"})
      CHECK(::write(writer.get(), part.data(), part.size()) == static_cast<ssize_t>(part.size()));
  });
  Program program;
  CHECK(program.read({"--config", "/dev/fd/" + std::to_string(reader.get())}) == Action::run);
  CHECK(program.listen == std::vector<std::string>{"there"});
}

TEST_CASE("an empty path of a file is an error, not an unset value") {
  CHECK(refusal({"--config", ""}) == "--config: the path is empty; give the path of a file");
  CHECK(refusal({"--config="}) != "taken");
  CHECK(refusal({"--config", "there", "--config", ""}) ==
        "--config: the path is empty; give the path of a file");
  CHECK(refusal({}) == "taken");
}

TEST_CASE("each value has its origin") {
  const ScratchFile file("\nlimit = '1K'\nshards = 2\nlisten = 'x'\n");
  const Environment environment(Variables{{"ADDR", "y"}});
  Program program;
  REQUIRE(program.read({"--config", file.path(), "--shards", "1"}) == Action::run);
  CHECK(program.line.origins().of("limit") == file.path() + ":2: limit");
  CHECK(program.line.origins().of("shards") == "--shards");
  CHECK(program.line.origins().of("listen") == "environment: ADDR");
  CHECK(program.line.origins().of("colour") == "--colour");
}

TEST_CASE("help and version are recognized beside any other arguments") {
  CHECK(Program().read({"--help"}) == Action::show_help);
  CHECK(Program().read({"-h", "--bogus"}) == Action::show_help);
  CHECK(Program().read({"--version"}) == Action::show_version);
}

TEST_CASE("the help shows every setting with its default and variable, within 80 columns") {
  Program program;
  REQUIRE(program.read({"--help"}) == Action::show_help);
  const std::string help = program.line.help();
  CHECK(help.starts_with("Does what a program does.\n\nUsage: prog [flags]\n"));
  CHECK(help.find("  --listen ADDR               Where\n                              [default: here; "
                  "env: ADDR]\n") != std::string::npos);
  CHECK(help.find("  --limit BYTES               Most\n                              [default: 4M]\n") !=
        std::string::npos);
  CHECK(help.find("  --timeout TIME              Wait\n                              [default: 30s]\n") !=
        std::string::npos);
  CHECK(help.find("\nLooks:\n") != std::string::npos);
  std::istringstream lines(help);
  for (std::string line; std::getline(lines, line);) CHECK_MESSAGE(line.size() <= 80, line);
}

/// A program that takes words, a flag with a letter, and one without a value.
struct Wordy {
  std::vector<std::string> names{"none"};
  bool loud = false;
  CommandLine line{"wordy", "Takes words."};

  Wordy() {
    line.take_words("[WORD]...");
    line.explain("Before.\n", "After.\n");
    line.add(
        texts({.name = "name", .letter = "n", .group = "All", .placeholder = "NAME", .help = "Who"}, names));
    line.add(toggle({.name = "loud", .letter = "l", .group = "All", .help = "Shouts"}, loud));
  }

  Result<Action> read(std::vector<std::string> arguments) {
    return line.read(arguments, [](const char*) -> const char* { return nullptr; });
  }
};

TEST_CASE("words may come between flags, a letter is a flag, and a toggle takes no value") {
  Wordy program;
  REQUIRE(program.read({"one", "-l", "two", "-n", "a", "-", "--name=b"}) == Action::run);
  CHECK(program.line.words() == std::vector<std::string>{"one", "two", "-"});
  CHECK(program.names == std::vector<std::string>{"a", "b"});
  CHECK(program.loud);
}

TEST_CASE("an unknown flag is not taken for a positional argument") {
  Wordy program;
  const Result<Action> action = program.read({"one", "--two"});
  REQUIRE_FALSE(action);
  CHECK(action.error().message() == "--two: not a flag of wordy; --help lists them");
}

TEST_CASE("a toggle is true or false in the file") {
  const ScratchFile yes("loud = true\n");
  Wordy program;
  REQUIRE(program.read({"--config", yes.path()}) == Action::run);
  CHECK(program.loud);
  const ScratchFile text("loud = 'yes'\n");
  Wordy refused;
  const Result<Action> action = refused.read({"--config", text.path()});
  REQUIRE_FALSE(action);
  CHECK(action.error().message() == text.path() +
                                        ":1: loud: a string is the wrong type; write true or false, "
                                        "without quotes");
}

TEST_CASE("the help begins with the usage, and explains the words around the flags") {
  Wordy program;
  REQUIRE(program.read({"--help"}) == Action::show_help);
  const std::string help = program.line.help();
  CHECK(help.starts_with("Takes words.\n\nUsage: wordy [WORD]... [flags]\n\nBefore.\n\nAll:\n"));
  CHECK(help.find("-l,--loud ") != std::string::npos);
  CHECK(help.ends_with("\n\nAfter.\n"));
}

TEST_CASE("the help has the layout that man pages and completions are made from") {
  bool odd = false, even = false;
  std::string path = "none";
  CommandLine line("layout", "Shows a layout.");
  line.add(toggle({.name = "odd", .letter = "o", .group = "Numbers", .help = "Counts 1, 3, 5"}, odd));
  line.add(
      text({.name = "path-of-the-directory", .group = "Places", .placeholder = "DIRECTORY", .help = "Where"},
           path));
  line.add(toggle({.name = "even",
                   .group = "Numbers",
                   .help = "Counts 2, 4, 6 and more, until there are no numbers left"},
                  even));
  CHECK(line.help() == R"(Shows a layout.

Usage: layout [flags]

Numbers:
  -o,--odd                    Counts 1, 3, 5
  --even                      Counts 2, 4, 6 and more, until there are no
                              numbers left

Places:
  --path-of-the-directory DIRECTORY
                              Where
                              [default: none]

General:
  --config FILE               TOML file to read settings from
                              [default: none]
  -h,--help                   Show this help and exit
  --version                   Show the version and exit

A flag overrides the environment, the environment overrides the file, and the
file overrides the default. Keys in the file are the flags without their dashes.
)");
}

}  // namespace
}  // namespace ringrpc::apps
