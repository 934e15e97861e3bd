// Services that .proto files and descriptor sets describe, and all the ways in which such files are wrong.
#include "reflected/descriptor_files.h"

#include <array>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <sys/stat.h>
#include <unistd.h>

#include "ringrpc/block_on.h"

#include "apps/scratch_folder.h"
#include "base/unique_fd.h"
#include "common/command_line.h"
#include "reflected/catalogue.h"

namespace ringrpc::reflected {
namespace {

namespace pb = google::protobuf;

/// The files that the tests read: a service, and a type in another folder.
class ProtoFolder {
 public:
  ProtoFolder() {
    write("finder.proto", R"(syntax = "proto3";
package demo;
import "kinds/thing.proto";
import "google/protobuf/timestamp.proto";
// Finds things.
service Finder { rpc Find(Query) returns (demo.kinds.Thing); }
message Query { int64 item_id = 1; google.protobuf.Timestamp at = 2; }
)");
    write("kinds/thing.proto",
          "syntax = \"proto3\";\npackage demo.kinds;\nmessage Thing { string name = 1; }\n");
  }

  void write(const std::string& name, const std::string& text) const {
    const std::filesystem::path file = path(name);
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary | std::ios::trunc) << text;
  }
  std::string path(const std::string& name) const { return folder_.file(name.c_str()); }
  std::string root() const { return std::filesystem::path(path("x")).parent_path().string(); }

  /// Writes a descriptor set, and gives its path.
  std::string set(const std::string& name, const std::vector<pb::FileDescriptorProto>& files) const {
    pb::FileDescriptorSet set;
    for (const pb::FileDescriptorProto& file : files) *set.add_file() = file;
    write(name, set.SerializeAsString());
    return path(name);
  }

 private:
  apps::ScratchFolder folder_;
};

/// Makes `path` the current directory for a while.
class CurrentFolder {
 public:
  explicit CurrentFolder(const std::string& path) { std::filesystem::current_path(path); }
  CurrentFolder(const CurrentFolder&) = delete;
  CurrentFolder& operator=(const CurrentFolder&) = delete;
  ~CurrentFolder() { std::filesystem::current_path(before_); }

 private:
  const std::filesystem::path before_ = std::filesystem::current_path();
};

pb::FileDescriptorProto file_of(const std::string& name, const std::vector<std::string>& imports,
                                const std::string& message) {
  pb::FileDescriptorProto file;
  file.set_name(name);
  for (const std::string& import : imports) file.add_dependency(import);
  file.add_message_type()->set_name(message);
  return file;
}

/// The declarations of `symbols`, or the first error with its exit status.
Task<Result<std::string>> shown(const DescriptorPaths& paths, const std::vector<std::string>& symbols) {
  auto files = DescriptorFiles::open(paths);
  if (!files) co_return std::to_string(files.error().exit_status) + " " + files.error().message;
  REQUIRE(*files);
  Catalogue catalogue(**files);
  std::string all;
  for (const std::string& symbol : symbols) {
    Outcome<std::string> text = co_await catalogue.proto_text(symbol);
    all += text ? *text : std::to_string(text.error().exit_status) + " " + text.error().message;
  }
  co_return all;
}

std::string show(const DescriptorPaths& paths, const std::vector<std::string>& symbols = {}) {
  return block_on(shown(paths, symbols)).value();
}

Task<Result<std::vector<std::string>>> services_of(const DescriptorPaths& paths) {
  auto files = DescriptorFiles::open(paths);
  REQUIRE_MESSAGE(files, files.error().message);
  auto services = co_await (*files)->services();
  co_return *services;
}

TEST_CASE("a .proto file describes its services and types, with their comments") {
  const ProtoFolder folder;
  const DescriptorPaths paths{.protos = {folder.path("finder.proto")}};
  CHECK(block_on(services_of(paths)).value() == std::vector<std::string>{"demo.Finder"});
  CHECK(show(paths, {"demo.Finder"}) ==
        "// demo.Finder, a service in finder.proto\n// Finds things.\nservice Finder {\n"
        "  rpc Find(.demo.Query) returns (.demo.kinds.Thing);\n}\n");
  CHECK(show(paths, {"demo.Query"}).find("\n  int64 item_id = 1;\n") != std::string::npos);
  CHECK(
      show(paths, {"demo.kinds.Thing"}).starts_with("// demo.kinds.Thing, a message in kinds/thing.proto\n"));
  CHECK(show(paths, {"google.protobuf.Timestamp"}).find("int64 seconds = 1;") != std::string::npos);
}

TEST_CASE("a .proto file is found by its path or by its name in a directory of --proto-path") {
  const ProtoFolder folder;
  const std::string thing = "// demo.kinds.Thing, a message in kinds/thing.proto\n";
  for (const std::string& name : {folder.path("kinds/thing.proto"), std::string("kinds/thing.proto")})
    CHECK(show({.protos = {name}, .proto_paths = {folder.root()}}, {"demo.kinds.Thing"}).starts_with(thing));
  CHECK(show({.protos = {folder.path("finder.proto")}, .proto_paths = {folder.path("kinds")}}) ==
        "71 --proto: " + folder.path("finder.proto") +
            " is in none of the directories of --proto-path: " + folder.path("kinds"));
}

TEST_CASE("an import cannot leave the directories of --proto-path") {
  const ProtoFolder folder;
  folder.write("kinds/importer.proto", "syntax = \"proto3\";\nimport \"thing.proto\";\nmessage A {}\n");
  folder.write("kinds/leaver.proto", "syntax = \"proto3\";\nimport \"../other.proto\";\nmessage A {}\n");
  folder.write("other.proto", "syntax = \"proto3\";\n");
  const auto shown = [&](const std::string& name) {
    return show({.protos = {folder.path("kinds/" + name)}, .proto_paths = {folder.path("kinds")}}, {"A"});
  };
  CHECK(shown("importer.proto").starts_with("// A, a message in importer.proto\n"));
  CHECK(shown("leaver.proto").starts_with("71 --proto: " + folder.path("kinds/leaver.proto") + ":2:1: "));
}

TEST_CASE("an error of a .proto file has its place") {
  const ProtoFolder folder;
  const std::string bad = folder.path("bad.proto");
  const auto error = [&](const std::string& text) {
    folder.write("bad.proto", "syntax = \"proto3\";\n" + text);
    return show({.protos = {bad}});
  };
  CHECK(error("message A { int32 x = 1 }\n") == "71 --proto: " + bad + ":2:25: Expected \";\".");
  CHECK(error("message A { B b = 1; C c = 2; }\n") ==
        "71 --proto: " + bad + ":2:13: \"B\" is not defined. (and 1 more error)");
  CHECK(error("import \"kinds/none.proto\";\n") ==
        "71 --proto: " + bad + ":2:1: 'kinds/none.proto' is in none of the searched directories: " +
            folder.root() + ", .; --proto-path DIR names those to search");
  folder.write("worse.proto", "syntax = \"proto3\";\nmessage {}\n");
  CHECK(error("import \"worse.proto\";\n")
            .starts_with("71 --proto: " + folder.path("worse.proto") + ":2:9: Expected message name."));
  CHECK(error("import \"bad.proto\";\n").find("recursively imports itself") != std::string::npos);
}

TEST_CASE("paths of .proto files may have dots, links and double slashes") {
  const ProtoFolder folder;
  const std::string thing = "// demo.kinds.Thing, a message in kinds/thing.proto\n";
  const auto shown = [&](const std::string& path, const std::string& root) {
    return show({.protos = {path}, .proto_paths = {root}}, {"demo.kinds.Thing"});
  };
  CHECK(shown(folder.path("./kinds//thing.proto"), folder.root() + "/.").starts_with(thing));
  const CurrentFolder current(folder.root());
  CHECK(shown("kinds/thing.proto", ".").starts_with(thing));
  CHECK(shown("./kinds/thing.proto", "./").starts_with(thing));
  CHECK(show({.protos = {"kinds/../finder.proto"}}, {"demo.Query"})
            .starts_with("// demo.Query, a message in "));
  folder.write("other/kinds/thing.proto", "syntax = \"proto3\";\n");
  CHECK(show({.protos = {"kinds/thing.proto"}, .proto_paths = {"other", "."}}) ==
        "71 --proto: kinds/thing.proto cannot be told from other/kinds/thing.proto, which --proto-path finds "
        "first by the same name");
}

TEST_CASE("a file that is absent or a folder is refused by its name") {
  const ProtoFolder folder;
  CHECK(show({.protos = {folder.path("none.proto")}}) ==
        "71 --proto: " + folder.path("none.proto") + ": no such file or directory");
  CHECK(show({.protos = {folder.path("kinds")}}) ==
        "71 --proto: " + folder.path("kinds") + ": is a directory");
  CHECK(show({.protos = {folder.path("finder.proto")}, .proto_paths = {folder.path("none")}}) ==
        "71 --proto-path: " + folder.path("none") + ": no such file or directory");
  CHECK(show({.protosets = {folder.path("none")}}) ==
        "71 --protoset: " + folder.path("none") + ": no such file or directory");
  CHECK(show({.proto_paths = {folder.root()}}) == "64 --proto-path is only for --proto");
}

TEST_CASE("a .proto file that never ends, or a pipe without a writer, is refused at once") {
  const ProtoFolder folder;
  const std::string pipe = folder.path("pipe.proto");
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  folder.write("importer.proto", "syntax = \"proto3\";\nimport \"pipe.proto\";\n");
  const std::string no_data = "71 --proto: " + pipe + ": no data available";
  CHECK(show({.protos = {pipe}}) == no_data);
  CHECK(show({.protos = {folder.path("importer.proto")}}) == no_data);
  CHECK(show({.protos = {"/dev/zero"}}) == "71 --proto: /dev/zero: file too large");
}

TEST_CASE("a .proto file may come through a pipe") {
  std::array<int, 2> ends{};
  REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
  const UniqueFd to_read(ends[0]);
  UniqueFd to_write(ends[1]);
  const std::string text = "syntax = \"proto3\";\nmessage A {}\n";
  REQUIRE(::write(to_write.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  to_write = UniqueFd();
  const std::string path = "/dev/fd/" + std::to_string(to_read.get());
  CHECK(show({.protos = {path}}, {"A"}).starts_with("// A, a message in "));
}

TEST_CASE("two files that declare the same name are refused") {
  const ProtoFolder folder;
  folder.write("other.proto", "syntax = \"proto3\";\npackage demo;\nmessage Query {}\n");
  CHECK(show({.protos = {folder.path("finder.proto"), folder.path("other.proto")}}) ==
        "71 --proto: " + folder.path("other.proto") +
            ":3:9: \"demo.Query\" is already defined in file \"finder.proto\".");
}

TEST_CASE("a descriptor set describes its services, and a .proto file may import from it") {
  const ProtoFolder folder;
  const std::string set =
      folder.set("a.set", {file_of("b.proto", {"a.proto"}, "B"), file_of("a.proto", {}, "A")});
  CHECK(show({.protosets = {set}}, {"B", "A"}) ==
        "// B, a message in b.proto\nmessage B {\n}\n// A, a message in a.proto\nmessage A {\n}\n");
  CHECK(show({.protosets = {set, set}}, {"A"}) == "// A, a message in a.proto\nmessage A {\n}\n");
  folder.write("c.proto", "syntax = \"proto3\";\nimport \"a.proto\";\nmessage C { A a = 1; }\n");
  CHECK(show({.protos = {folder.path("c.proto")}, .protosets = {set}}, {"C"}).find(".A a = 1;") !=
        std::string::npos);
}

TEST_CASE("a descriptor set is not replaced by .proto files of the same names in the current directory") {
  const ProtoFolder folder;
  const std::string set = folder.set("a.set", {file_of("a.proto", {}, "A")});
  const std::string lacking = folder.set("lacking.set", {file_of("b.proto", {"a.proto"}, "B")});
  folder.write("a.proto", "syntax = \"proto3\";\nmessage A { int32 other = 1; }\n");
  const CurrentFolder current(folder.root());
  CHECK(show({.protosets = {set}}, {"A"}) == "// A, a message in a.proto\nmessage A {\n}\n");
  CHECK(show({.protosets = {lacking}}).find("imports 'a.proto', which the set lacks") != std::string::npos);
}

TEST_CASE("a descriptor set that is incomplete, contradictory or none at all is refused") {
  const ProtoFolder folder;
  const std::string lacking = folder.set("lacking.set", {file_of("b.proto", {"a.proto"}, "B")});
  CHECK(show({.protosets = {lacking}}) ==
        "71 --protoset: " + lacking +
            ": 'b.proto' imports 'a.proto', which the set lacks; protoc --include_imports adds it");
  const std::string one = folder.set("one.set", {file_of("a.proto", {}, "A")});
  const std::string other = folder.set("other.set", {file_of("a.proto", {}, "B")});
  CHECK(show({.protosets = {one, other}}) ==
        "71 --protoset: " + other + " has another 'a.proto' than " + one);
  folder.write("none.set", "\xff\xff");
  CHECK(show({.protosets = {folder.path("none.set")}})
            .starts_with("71 --protoset: " + folder.path("none.set") + " is not a descriptor set; "));
  folder.write("empty.set", "");
  CHECK(show({.protosets = {folder.path("empty.set")}}).find(" is not a descriptor set; ") !=
        std::string::npos);
  CHECK(show({.protosets = {folder.path("finder.proto")}}).ends_with(", and --proto reads .proto files"));
}

TEST_CASE("a descriptor set whose imports form a cycle or a long chain is refused") {
  const ProtoFolder folder;
  const std::string cycle =
      folder.set("cycle.set", {file_of("a.proto", {"b.proto"}, "A"), file_of("b.proto", {"a.proto"}, "B")});
  CHECK(show({.protosets = {cycle}}).find("is part of an import cycle") != std::string::npos);
  for (const int length : {200, 201, 100'000}) {
    std::vector<pb::FileDescriptorProto> files;
    for (int at = 0; at < length; ++at) {
      const std::string next = std::to_string(at + 1);
      files.push_back(file_of(std::to_string(at),
                              at + 1 < length ? std::vector{next} : std::vector<std::string>{},
                              "M" + std::to_string(at)));
    }
    const std::string chain = folder.set("chain.set", files);
    const std::string text = show({.protosets = {chain}}, {"M0"});
    CHECK(text.starts_with(length == 200 ? "// M0, a message in 0\n" : "71 --protoset: " + chain));
  }
}

TEST_CASE("an unknown name is refused with similar ones of the files") {
  const ProtoFolder folder;
  const DescriptorPaths paths{.protos = {folder.path("finder.proto")}};
  CHECK(show(paths, {"demo.Finder.Fnd"}) ==
        "66 the given files describe no symbol 'demo.Finder.Fnd'; did you mean demo.Finder.Find?");
  CHECK(show(paths, {"demo.Querry"}) ==
        "66 the given files describe no symbol 'demo.Querry'; did you mean demo.Query?");
}

TEST_CASE("without a file there are no descriptors") {
  const auto files = DescriptorFiles::open({});
  REQUIRE(files);
  CHECK(*files == nullptr);
}

}  // namespace
}  // namespace ringrpc::reflected
