#include "reflected/descriptor_files.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <google/protobuf/compiler/importer.h>
#include <google/protobuf/descriptor_database.h>
#include <map>
#include <set>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include "base/escape.h"
#include "common/text_file.h"
#include "reflected/descriptor_limits.h"
#include "reflected/edition_text.h"
#include "reflected/editions.h"
#include "reflected/named_types.h"
#include "reflected/proto_folders.h"

namespace ringrpc::reflected {

namespace pb = google::protobuf;

namespace {

constexpr std::size_t set_bytes_max = 64 * 1024 * 1024;
/// protobuf links a file after the files that it imports, by recursion.
constexpr std::size_t import_chain_max = 200;
constexpr std::string_view built_in_folder = "google/protobuf/";

std::string joined(const std::vector<std::string>& paths) {
  std::string text;
  for (const std::string& path : paths) text.append(text.empty() ? "" : ", ").append(path);
  return text;
}

/// The directory of `path`, as DiskSourceTree takes it.
std::string directory_of(const std::string& path) {
  const std::string parent = std::filesystem::path(path).parent_path().string();
  return parent.empty() ? "." : parent;
}

std::unexpected<Failure> unreadable(const std::string& what, int error) {
  return fail_with(exit_system, std::string(from_errno(what, error).message()));
}

/// An errno if `path` is not a directory.
int directory_error(const std::string& path) {
  struct stat found{};
  if (::stat(path.c_str(), &found) != 0) return errno;
  return S_ISDIR(found.st_mode) ? 0 : ENOTDIR;
}

/// The files of descriptor sets by name, and protobuf's own.
class CompiledFiles final : public pb::DescriptorDatabase {
 public:
  struct File {
    pb::FileDescriptorProto proto;
    std::string set;  ///< the path of the set that has it
  };

  bool FindFileByName(const std::string& name, pb::FileDescriptorProto* output) override {
    if (const auto found = files_.find(name); found != files_.end()) {
      *output = found->second.proto;
      return true;
    }
    if (!name.starts_with(built_in_folder)) return false;
    const pb::FileDescriptor* const own = pb::DescriptorPool::generated_pool()->FindFileByName(name);
    if (own) own->CopyTo(output);
    return own != nullptr;
  }
  bool FindFileContainingSymbol(const std::string&, pb::FileDescriptorProto*) override { return false; }
  bool FindFileContainingExtension(const std::string&, int, pb::FileDescriptorProto*) override {
    return false;
  }

  /// Adds the files of a set. The same file may be in several sets.
  Outcome<bool> add(const std::string& set, pb::FileDescriptorSet files) {
    for (pb::FileDescriptorProto& file : *files.mutable_file()) {
      const auto [at, fresh] = files_.try_emplace(file.name(), File{file, set});
      if (!fresh && bare(at->second.proto) != bare(file))
        return fail_with(exit_system, "--protoset: " + set + " has another '" + escape_controls(file.name()) +
                                          "' than " + at->second.set);
    }
    return true;
  }

  Outcome<bool> check() const {
    if (Outcome<bool> imports = check_imports(); !imports) return imports;
    DescriptorLimits limits;
    std::set<std::string> checked;
    for (const auto& [name, file] : files_)
      if (Outcome<bool> fit = check(name, limits, checked); !fit) return fit;
    return true;
  }

  Outcome<bool> check_imports() const {
    std::map<std::string, std::size_t> lengths;
    for (const auto& [name, file] : files_)
      if (chain(name, 0, lengths) > import_chain_max)
        return fail_with(exit_system, "--protoset: " + file.set + ": '" + escape_controls(name) +
                                          "' is part of an import cycle, or imports more than " +
                                          std::to_string(import_chain_max) + " files in a chain");
    return true;
  }

  const std::map<std::string, File>& files() const noexcept { return files_; }

 private:
  /// Checks the file after those that it imports, whose chains are short.
  Outcome<bool> check(const std::string& name, DescriptorLimits& limits,
                      std::set<std::string>& checked) const {
    const auto found = files_.find(name);
    if (found == files_.end() || !checked.insert(name).second) return true;
    for (const std::string& import : found->second.proto.dependency())
      if (Outcome<bool> fit = check(import, limits, checked); !fit) return fit;
    const std::string fault = limits.fault_of_compiled(found->second.proto);
    if (fault.empty()) return true;
    return fail_with(exit_system,
                     "--protoset: " + found->second.set + ": '" + escape_controls(name) + "': " + fault);
  }

  /// The file without its comments, which one set may have and another not.
  static std::string bare(pb::FileDescriptorProto file) {
    file.clear_source_code_info();
    return file.SerializeAsString();
  }

  /// The number of files in the longest chain of imports from `name`, or a larger number than is allowed.
  std::size_t chain(const std::string& name, std::size_t depth,
                    std::map<std::string, std::size_t>& lengths) const {
    const auto found = files_.find(name);
    if (found == files_.end()) return 1;
    if (depth > import_chain_max) return depth;
    if (const auto known = lengths.find(name); known != lengths.end()) return known->second;
    std::size_t longest = 0;
    for (const std::string& import : found->second.proto.dependency())
      longest = std::max(longest, chain(import, depth + 1, lengths));
    return lengths[name] = longest + 1;
  }

  std::map<std::string, File> files_;
};

/// The files of another database, without editions.
class LoweredFiles final : public pb::DescriptorDatabase {
 public:
  /// All must outlive it. `imports` has the same files as `from`, and reports no errors.
  LoweredFiles(pb::DescriptorDatabase& from, pb::DescriptorDatabase& imports, const EditionTree& texts,
               pb::compiler::MultiFileErrorCollector& errors, Lowering lowering)
      : from_(from), types_(imports), texts_(texts), errors_(errors), lowering_(lowering) {}

  bool FindFileByName(const std::string& name, pb::FileDescriptorProto* output) override {
    if (!from_.FindFileByName(name, output)) return false;
    if (const std::string excess = limits_.exceeded_by(*output); !excess.empty()) {
      errors_.AddError(name, -1, 0, excess);
      return false;
    }
    if (const std::optional<std::string> edition = texts_.edition(name)) set_edition(*output, *edition);
    if (output->syntax() == "editions" || lowering_ == Lowering::proto2) types_.fill_in(*output);
    const Status lowered = lower_edition(*output, lowering_);
    if (!lowered.ok()) errors_.AddError(name, -1, 0, std::string(lowered.message()));
    if (const int year = edition_of(*output); year != 0) editions_[name] = year;
    return lowered.ok();
  }
  bool FindFileContainingSymbol(const std::string&, pb::FileDescriptorProto*) override { return false; }
  bool FindFileContainingExtension(const std::string&, int, pb::FileDescriptorProto*) override {
    return false;
  }

  /// The years of the editions of the files that have one.
  const std::map<std::string, int>& editions() const noexcept { return editions_; }

 private:
  pb::DescriptorDatabase& from_;
  NamedTypes types_;
  const EditionTree& texts_;
  pb::compiler::MultiFileErrorCollector& errors_;
  const Lowering lowering_;
  DescriptorLimits limits_;
  std::map<std::string, int> editions_;
};

}  // namespace

/// Parses and links all files. It owns their descriptors.
class DescriptorFiles::Loader final : private pb::compiler::MultiFileErrorCollector {
 public:
  explicit Loader(Lowering lowering) : lowered_(database_, imports_, texts_, *this, lowering) {
    database_.RecordErrorsTo(this);
  }
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  Outcome<bool> load(const DescriptorPaths& paths);

  /// True if the files cannot be linked, but may be as proto2.
  bool may_be_proto2() const { return !lowered_.editions().empty() && wants_proto2_; }

  const pb::DescriptorPool& pool() const noexcept { return pool_; }
  const std::map<std::string, int>& editions() const noexcept { return lowered_.editions(); }
  /// All files, with their imports.
  const std::map<std::string, const pb::FileDescriptor*>& files() const noexcept { return files_; }

 private:
  Outcome<bool> add_set(const std::string& path);
  Outcome<bool> search(const DescriptorPaths& paths);
  Outcome<std::string> name_of(const std::string& path);
  Outcome<bool> link(const std::string& name);
  void add_with_imports(const pb::FileDescriptor& file);
  void AddError(const std::string& name, int line, int column, const std::string& message) override;
  void add_error(std::string error);
  std::string place(const std::string& name, int line, int column);
  std::string missing_import(const std::string& name, const std::string& place, const std::string& import);

  std::vector<std::string> searched_;  // directories
  CompiledFiles compiled_;
  ProtoFolders folders_;
  EditionTree texts_{folders_};
  pb::compiler::SourceTreeDescriptorDatabase database_{&texts_, &compiled_};
  pb::compiler::SourceTreeDescriptorDatabase imports_{&texts_, &compiled_};
  LoweredFiles lowered_;
  pb::DescriptorPool pool_{&lowered_, database_.GetValidationErrorCollector()};
  std::map<std::string, const pb::FileDescriptor*> files_;
  std::set<std::string> missing_;  // imports that no directory has
  std::string first_error_;        // with its place
  std::size_t errors_ = 0;
  bool wants_proto2_ = false;
};

Outcome<bool> DescriptorFiles::Loader::load(const DescriptorPaths& paths) {
  for (const std::string& path : paths.protosets)
    if (Outcome<bool> added = add_set(path); !added) return added;
  if (Outcome<bool> checked = compiled_.check(); !checked) return checked;
  if (Outcome<bool> found = search(paths); !found) return found;
  for (const std::string& path : paths.protos) {
    Outcome<std::string> name = name_of(path);
    if (!name) return std::unexpected(std::move(name).error());
    if (Outcome<bool> linked = link(*name); !linked) return linked;
  }
  for (const auto& [name, file] : compiled_.files())
    if (Outcome<bool> linked = link(name); !linked) return linked;
  return true;
}

Outcome<bool> DescriptorFiles::Loader::add_set(const std::string& path) {
  const auto bytes = apps::read_text(path, set_bytes_max);
  if (!bytes) return unreadable("--protoset: " + path, bytes.error());
  pb::FileDescriptorSet set;
  const bool named = set.ParseFromString(*bytes) &&
                     std::ranges::none_of(set.file(), [](const auto& file) { return file.name().empty(); });
  if (!named || set.file().empty())
    return fail_with(exit_system, "--protoset: " + path +
                                      " is not a descriptor set; protoc --include_imports "
                                      "--descriptor_set_out=FILE makes one" +
                                      (path.ends_with(".proto") ? ", and --proto reads .proto files" : ""));
  return compiled_.add(path, std::move(set));
}

/// Settles the directories to search: none without a .proto file, because a set is complete.
Outcome<bool> DescriptorFiles::Loader::search(const DescriptorPaths& paths) {
  if (paths.protos.empty()) return true;
  searched_ = paths.proto_paths;
  if (searched_.empty()) {
    for (const std::string& path : paths.protos) searched_.push_back(directory_of(path));
    searched_.emplace_back(".");
  }
  std::set<std::string> seen;
  std::erase_if(searched_, [&](const std::string& path) { return !seen.insert(path).second; });
  for (const std::string& path : searched_) {
    const int error = directory_error(path);
    if (error != 0 && !paths.proto_paths.empty()) return unreadable("--proto-path: " + path, error);
    folders_.add(path);
  }
  return true;
}

/// The name by which other files import the file at `path`. The path may be such a name itself.
Outcome<std::string> DescriptorFiles::Loader::name_of(const std::string& path) {
  if (directory_error(path) == 0) return unreadable("--proto: " + path, EISDIR);
  const int error = ::access(path.c_str(), R_OK) == 0 ? 0 : errno;
  const std::optional<ProtoFolders::Name> found = folders_.name_of(path);
  if (found && !found->shadow.empty())
    return fail_with(exit_system, "--proto: " + path + " cannot be told from " + found->shadow +
                                      ", which --proto-path finds first by the same name");
  if (found && error == 0) return found->name;
  if (folders_.path_of(path)) return path;
  if (error == 0)
    return fail_with(exit_system, "--proto: " + path +
                                      " is in none of the directories of --proto-path: " + joined(searched_));
  return unreadable("--proto: " + path, error);
}

Outcome<bool> DescriptorFiles::Loader::link(const std::string& name) {
  const pb::FileDescriptor* const file = pool_.FindFileByName(name);
  if (file) {
    add_with_imports(*file);
    return true;
  }
  if (errors_ == 0) add_error(place(name, -1, 0) + ": the file is invalid");
  const std::size_t more = errors_ - 1;
  std::string rest;
  if (more > 0) rest = " (and " + std::to_string(more) + (more == 1 ? " more error)" : " more errors)");
  return fail_with(exit_system, first_error_ + rest);
}

void DescriptorFiles::Loader::add_with_imports(const pb::FileDescriptor& file) {
  if (!files_.try_emplace(file.name(), &file).second) return;
  for (int i = 0; i < file.dependency_count(); ++i) add_with_imports(*file.dependency(i));
}

void DescriptorFiles::Loader::AddError(const std::string& name, int line, int column,
                                       const std::string& message) {
  static constexpr std::string_view import_begin = "Import \"";
  static constexpr std::string_view import_end = "\" was not found or had errors.";
  if (const auto fault = texts_.fault(name)) {
    add_error(place(name, fault->line, fault->column) + ": " + fault->message);
    return;
  }
  if (line < 0 && !folders_.path_of(name) && !compiled_.files().contains(name)) {
    missing_.insert(name);
    return;
  }
  const std::string where = place(name, line, column);
  if (!message.starts_with(import_begin) || !message.ends_with(import_end)) {
    add_error(where + ": " + escape_controls(message));
    return;
  }
  const std::string import(message, import_begin.size(),
                           message.size() - import_begin.size() - import_end.size());
  // The import's own errors are reported already.
  if (missing_.contains(import)) add_error(missing_import(name, where, import));
}

/// Keeps the first one, because a file may have millions.
void DescriptorFiles::Loader::add_error(std::string error) {
  wants_proto2_ = wants_proto2_ || wants_proto2(error);
  if (++errors_ == 1) first_error_ = std::move(error);
}

/// "a.proto:5:1", or the set and the name of a compiled file.
std::string DescriptorFiles::Loader::place(const std::string& name, int line, int column) {
  if (const std::optional<std::string> path = folders_.path_of(name)) {
    std::string text = "--proto: " + *path;
    if (line >= 0) text.append(":" + std::to_string(line + 1) + ":" + std::to_string(column + 1));
    return text;
  }
  const auto compiled = compiled_.files().find(name);
  if (compiled == compiled_.files().end()) return escape_controls(name);
  return "--protoset: " + compiled->second.set + ": '" + escape_controls(name) + "'";
}

std::string DescriptorFiles::Loader::missing_import(const std::string& name, const std::string& place,
                                                    const std::string& import) {
  const std::string quoted = "'" + escape_controls(import) + "'";
  if (!folders_.path_of(name))
    return place + " imports " + quoted + ", which the set lacks; protoc --include_imports adds it";
  return place + ": " + quoted + " is in none of the searched directories: " + joined(searched_) +
         "; --proto-path DIR names those to search";
}

void add_descriptor_files(apps::CommandLine& line, const std::string& group, DescriptorPaths& paths) {
  line.add(apps::texts({.name = "proto",
                        .group = group,
                        .placeholder = "FILE",
                        .help = "File in protobuf's language that describes the services, in place of the "
                                "server's reflection. Repeat the flag for more.",
                        .fallback = "none"},
                       paths.protos));
  line.add(
      apps::texts({.name = "proto-path",
                   .group = group,
                   .placeholder = "DIR",
                   .help = "Directory to search for the files of --proto and their imports. Repeat the flag "
                           "for more.",
                   .fallback = "the directories of the files, then the current one"},
                  paths.proto_paths));
  line.add(apps::texts({.name = "protoset",
                        .group = group,
                        .placeholder = "FILE",
                        .help = "Compiled descriptors in place of reflection, from protoc --include_imports "
                                "--descriptor_set_out=FILE. Repeat the flag for more.",
                        .fallback = "none"},
                       paths.protosets));
}

Outcome<std::unique_ptr<DescriptorFiles>> DescriptorFiles::open(const DescriptorPaths& paths,
                                                                const apps::Origins& origins) {
  if (!paths.proto_paths.empty() && paths.protos.empty())
    return fail_with(exit_usage, origins.of("proto-path") + " is only for --proto");
  if (!paths.any()) return nullptr;
  auto loader = std::make_unique<Loader>(Lowering::closest);
  Outcome<bool> loaded = loader->load(paths);
  if (!loaded && loader->may_be_proto2()) {
    loader = std::make_unique<Loader>(Lowering::proto2);
    loaded = loader->load(paths);
  }
  if (!loaded) return std::unexpected(std::move(loaded).error());
  return std::unique_ptr<DescriptorFiles>(new DescriptorFiles(std::move(loader)));
}

DescriptorFiles::DescriptorFiles(std::unique_ptr<Loader> loader) : loader_(std::move(loader)) {}

DescriptorFiles::~DescriptorFiles() = default;

Task<Outcome<std::vector<std::string>>> DescriptorFiles::services() {
  std::vector<std::string> names;
  for (const auto& [name, file] : loader_->files())
    for (int i = 0; i < file->service_count(); ++i) names.push_back(file->service(i)->full_name());
  std::ranges::sort(names);
  co_return names;
}

Task<Outcome<DescriptorSource::Files>> DescriptorFiles::files_with_symbol(std::string symbol) {
  const pb::FileDescriptor* const file = loader_->pool().FindFileContainingSymbol(symbol);
  if (!file) co_return fail_with(exit_not_found, "there is no '" + symbol + "'");
  co_return co_await file_named(file->name());
}

Task<Outcome<DescriptorSource::Files>> DescriptorFiles::file_named(std::string name) {
  const auto found = loader_->files().find(name);
  if (found == loader_->files().end()) co_return fail_with(exit_not_found, "there is no '" + name + "'");
  Files files(1);
  found->second->CopyTo(&files.front());
  found->second->CopyJsonNameTo(&files.front());
  found->second->CopySourceCodeInfoTo(&files.front());
  const auto edition = loader_->editions().find(name);
  if (edition != loader_->editions().end()) keep_edition(files.front(), edition->second);
  co_return files;
}

}  // namespace ringrpc::reflected
