#include "reflected/catalogue.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/escape.h"
#include "common/nearest.h"
#include "reflected/editions.h"

namespace ringrpc::reflected {

namespace pb = google::protobuf;

namespace {

constexpr unsigned import_depth_max = 200;
constexpr std::size_t files_max = 10'000;
constexpr std::size_t compared_services_max = 50;

/// Keeps the first error that protobuf reports for a file.
class FirstError final : public pb::DescriptorPool::ErrorCollector {
 public:
  void AddError(const std::string&, const std::string& element, const pb::Message*, ErrorLocation,
                const std::string& message) override {
    if (text.empty()) text = element + ": " + message;
    may_be_proto2 = may_be_proto2 || wants_proto2(message);
  }

  std::string text;
  bool may_be_proto2 = false;
};

/// Adds the names of the delimited fields of a declaration.
void add_delimited(const pb::FieldDescriptor& field, std::string& names) {
  if (delimited(field)) names.append(names.empty() ? "" : ", ").append(field.full_name());
}

void add_delimited(const pb::OneofDescriptor& oneof, std::string& names) {
  for (int i = 0; i < oneof.field_count(); ++i) add_delimited(*oneof.field(i), names);
}

void add_delimited(const pb::Descriptor& message, std::string& names) {
  for (int i = 0; i < message.field_count(); ++i) add_delimited(*message.field(i), names);
  for (int i = 0; i < message.extension_count(); ++i) add_delimited(*message.extension(i), names);
  for (int i = 0; i < message.nested_type_count(); ++i) add_delimited(*message.nested_type(i), names);
}

/// Others have none.
template <class Descriptor>
void add_delimited(const Descriptor&, std::string&) {}

template <class Descriptor>
std::string declared(const char* kind, const Descriptor* descriptor, const pb::FileDescriptor* file) {
  pb::DebugStringOptions options;
  options.include_comments = true;
  std::string text =
      "// " + descriptor->full_name() + ", " + kind + " in " + escape_controls(file->name()) + "\n";
  std::string groups;
  add_delimited(*descriptor, groups);
  if (!groups.empty()) text.append("// Delimited on the wire, as groups: ").append(groups).append("\n");
  return text.append(descriptor->DebugStringWithOptions(options));
}

/// The declaration of `name`; empty when `pool` has none.
std::string declaration(const pb::DescriptorPool& pool, const std::string& name) {
  if (const auto* service = pool.FindServiceByName(name))
    return declared("a service", service, service->file());
  if (const auto* method = pool.FindMethodByName(name))
    return declared("a method", method, method->service()->file());
  if (const auto* message = pool.FindMessageTypeByName(name))
    return declared("a message", message, message->file());
  if (const auto* type = pool.FindEnumTypeByName(name)) return declared("an enum", type, type->file());
  if (const auto* field = pool.FindFieldByName(name)) return declared("a field", field, field->file());
  if (const auto* field = pool.FindExtensionByName(name))
    return declared("an extension", field, field->file());
  if (const auto* value = pool.FindEnumValueByName(name))
    return declared("a value", value, value->type()->file());
  if (const auto* oneof = pool.FindOneofByName(name))
    return declared("a oneof", oneof, oneof->containing_type()->file());
  return {};
}

/// "a.b.Service.Method" for "a.b.Service/Method".
std::string dotted(std::string symbol) {
  if (symbol.starts_with('.') || symbol.starts_with('/')) symbol.erase(0, 1);
  if (const std::size_t slash = symbol.find('/'); slash != std::string::npos) symbol[slash] = '.';
  return symbol;
}

/// The default JSON name of a field, as protoc derives it: "request_id" becomes "requestId".
std::string usual_json_name(std::string_view field) {
  std::string name;
  bool begins_word = false;
  for (const char c : field) {
    if (c != '_') name.push_back(begins_word && c >= 'a' && c <= 'z' ? static_cast<char>(c - 0x20) : c);
    begins_word = c == '_';
  }
  return name;
}

/// Drops default JSON names: servers send one for every field, and each line of a declaration would show it.
template <class Fields>
void drop_usual_json_names(Fields& fields) {
  for (pb::FieldDescriptorProto& field : fields)
    if (field.json_name() == usual_json_name(field.name())) field.clear_json_name();
}

void drop_usual_json_names(pb::DescriptorProto& message) {
  drop_usual_json_names(*message.mutable_field());
  drop_usual_json_names(*message.mutable_extension());
  for (pb::DescriptorProto& nested : *message.mutable_nested_type()) drop_usual_json_names(nested);
}

void drop_usual_json_names(pb::FileDescriptorProto& file) {
  drop_usual_json_names(*file.mutable_extension());
  for (pb::DescriptorProto& message : *file.mutable_message_type()) drop_usual_json_names(message);
}

void add_type_names(const pb::Descriptor& message, std::vector<std::string>& names) {
  if (message.options().map_entry()) return;
  names.push_back(message.full_name());
  for (int i = 0; i < message.enum_type_count(); ++i) names.push_back(message.enum_type(i)->full_name());
  for (int i = 0; i < message.nested_type_count(); ++i) add_type_names(*message.nested_type(i), names);
}

std::vector<std::string> method_names(const pb::ServiceDescriptor& service, bool full = false) {
  std::vector<std::string> names;
  for (int i = 0; i < service.method_count(); ++i)
    names.push_back(full ? service.method(i)->full_name() : service.method(i)->name());
  return names;
}

}  // namespace

Task<Outcome<const pb::ServiceDescriptor*>> Catalogue::service(std::string name) {
  Outcome<bool> loaded = co_await load(name);
  if (!loaded && loaded.error().exit_status != exit_not_found)
    co_return std::unexpected(std::move(loaded).error());
  const pb::ServiceDescriptor* const found = pool_->FindServiceByName(name);
  if (!found) co_return std::unexpected(co_await unknown("service", name));
  co_return found;
}

Task<Outcome<const pb::MethodDescriptor*>> Catalogue::method(MethodName name) {
  Outcome<const pb::ServiceDescriptor*> service = co_await this->service(name.service);
  if (!service && service.error().exit_status != exit_not_found)
    co_return std::unexpected(std::move(service).error());
  if (!service) {
    const std::string whole = name.service + '.' + name.method;  // perhaps a service without a method
    if (const Outcome<bool> loaded = co_await load(whole); loaded) {
      if (const pb::ServiceDescriptor* const meant = pool_->FindServiceByName(whole))
        co_return fail_with(exit_not_found,
                            whole + " is a service, not a method" + apps::suggest("", method_names(*meant)));
    }
    co_return std::unexpected(std::move(service).error());
  }
  const pb::MethodDescriptor* const found = (*service)->FindMethodByName(name.method);
  if (!found)
    co_return fail_with(exit_not_found, name.service + " has no method '" + name.method + "'" +
                                            apps::suggest(name.method, method_names(**service)));
  co_return found;
}

Task<Outcome<std::string>> Catalogue::proto_text(std::string symbol) {
  symbol = dotted(std::move(symbol));
  Outcome<bool> loaded = co_await load(symbol);
  // Some servers do not find the file of a method or a field.
  const std::size_t dot = symbol.rfind('.');
  if (!loaded && loaded.error().exit_status == exit_not_found && dot != std::string::npos)
    loaded = co_await load(symbol.substr(0, dot));
  if (!loaded && loaded.error().exit_status != exit_not_found)
    co_return std::unexpected(std::move(loaded).error());
  std::string text = declaration(*pool_, symbol);
  if (text.empty()) co_return std::unexpected(co_await unknown("symbol", symbol));
  const pb::FileDescriptor& file = *pool_->FindFileContainingSymbol(symbol);
  if (const auto edition = editions_.find(file.name()); edition != editions_.end())
    text.insert(text.find('\n'), " of edition " + std::to_string(edition->second) + ", written as " +
                                     pb::FileDescriptor::SyntaxName(file.syntax()));
  co_return text;
}

Task<Failure> Catalogue::unknown(std::string what, std::string name) {
  Outcome<std::vector<std::string>> names = co_await source_.services();
  if (!names) co_return std::move(names).error();
  if (what != "service") {
    const std::size_t services = std::min(names->size(), compared_services_max);
    for (std::size_t i = 0; i < services; ++i) {
      std::string service = (*names)[i];
      [[maybe_unused]] Outcome<bool> loaded =
          co_await load(std::move(service));  // a service that fails is not suggested
    }
    std::ranges::move(declared_names(), std::back_inserter(*names));
  }
  std::string hint = apps::suggest(name, *names);
  if (hint.empty()) hint = "; grpcclient list and grpcclient describe show what there is";
  co_return Failure(exit_not_found, describes() + " no " + what + " '" + name + "'" + hint);
}

std::vector<std::string> Catalogue::declared_names() const {
  std::vector<std::string> names;
  for (const auto& [name, proto] : files_) {
    const pb::FileDescriptor* const file = pool_->FindFileByName(name);
    for (int i = 0; file && i < file->message_type_count(); ++i)
      add_type_names(*file->message_type(i), names);
    for (int i = 0; file && i < file->enum_type_count(); ++i)
      names.push_back(file->enum_type(i)->full_name());
    for (int i = 0; file && i < file->service_count(); ++i)
      std::ranges::move(method_names(*file->service(i), true), std::back_inserter(names));
  }
  return names;
}

Task<Outcome<bool>> Catalogue::load(std::string symbol) {
  if (!declaration(*pool_, symbol).empty()) co_return true;
  Outcome<DescriptorSource::Files> files = co_await source_.files_with_symbol(symbol);
  if (!files) co_return std::unexpected(std::move(files).error());
  std::vector<std::string> names;
  for (const pb::FileDescriptorProto& file : *files) names.push_back(file.name());
  if (Outcome<bool> added = add(std::move(*files)); !added) co_return added;
  Outcome<bool> fetched = co_await fetch_imports();
  if (!fetched) co_return std::unexpected(std::move(fetched).error());
  for (const std::string& name : names) {
    Outcome<bool> built = build(name, 0);
    if (!built) co_return std::unexpected(std::move(built).error());
  }
  co_return true;
}

/// Keeps the files that it does not have yet.
Outcome<bool> Catalogue::add(DescriptorSource::Files&& files) {
  for (pb::FileDescriptorProto& file : files) {
    const auto [at, fresh] = files_.try_emplace(file.name(), std::move(file));
    if (fresh) unread_.push_back({at->first});
  }
  if (files_.size() > files_max)
    return fail_with(exit_protocol, "reflection returned more than " + std::to_string(files_max) + " files");
  return true;
}

/// Requests the imported files that the server has not sent, and theirs.
Task<Outcome<bool>> Catalogue::fetch_imports() {
  while (!unread_.empty()) {
    Unread& next = unread_.back();
    const auto& imports = files_.at(next.file).dependency();
    while (next.import < imports.size() && files_.contains(imports[next.import])) ++next.import;
    if (next.import == imports.size()) {
      unread_.pop_back();
      continue;
    }
    Outcome<bool> fetched = co_await fetch_import(imports[next.import]);
    if (!fetched) co_return fetched;
  }
  co_return true;
}

/// protobuf's own files are compiled in.
Task<Outcome<bool>> Catalogue::fetch_import(std::string import) {
  Outcome<DescriptorSource::Files> files = co_await source_.file_named(import);
  const pb::FileDescriptor* known = pb::DescriptorPool::generated_pool()->FindFileByName(import);
  if (!files && known) {
    files = DescriptorSource::Files(1);
    known->CopyTo(&files->front());
  }
  if (!files && files.error().exit_status == exit_not_found)
    co_return fail_with(exit_protocol, "reflection has no file '" + import + "', which another file imports");
  if (!files) co_return std::unexpected(std::move(files).error());
  if (Outcome<bool> added = add(std::move(*files)); !added) co_return added;
  if (!files_.contains(import))
    co_return fail_with(exit_protocol, "reflection returned other files than the requested '" + import + "'");
  co_return true;
}

Outcome<bool> Catalogue::build(const std::string& name, unsigned depth) {
  if (pool_->FindFileByName(name)) return true;
  if (depth > import_depth_max)
    return fail_with(exit_protocol, "'" + name + "' is part of an import cycle, or imported too deeply");
  pb::FileDescriptorProto& file = files_.at(name);
  drop_usual_json_names(file);
  for (const std::string& import : file.dependency()) {
    if (Outcome<bool> built = build(import, depth + 1); !built) return built;
  }
  if (Outcome<bool> fit = check(file); !fit) return fit;
  if (Outcome<bool> linked = link(file); !linked) return linked;
  pb::FileDescriptorProto().Swap(&file);  // only its name is needed from now on
  return true;
}

/// Refuses what protobuf takes too long to link, or recurses into.
Outcome<bool> Catalogue::check(const pb::FileDescriptorProto& file) {
  const std::string fault = limits_.fault_of_compiled(file);
  if (fault.empty()) return true;
  return fail_with(exit_protocol, "reflection returned an invalid file '" + file.name() + "': " + fault);
}

Outcome<bool> Catalogue::link(const pb::FileDescriptorProto& file) {
  for (const Lowering lowering : {Lowering::closest, Lowering::proto2}) {
    pb::FileDescriptorProto lowered = file;
    FirstError error;
    if (const Status status = lower_edition(lowered, lowering); !status.ok()) {
      error.text = status.message();
    } else if (pool_->BuildFileCollectingErrors(lowered, &error)) {
      if (const int year = edition_of(file); year != 0) editions_[file.name()] = year;
      return true;
    }
    const bool editions = edition_of(file) != 0 || !editions_.empty();
    if (lowering == Lowering::closest && editions && error.may_be_proto2) continue;
    return fail_with(exit_protocol,
                     "reflection returned an invalid file '" + file.name() + "': " + error.text);
  }
  return true;
}

MethodKind kind_of(const pb::MethodDescriptor& method) {
  if (method.client_streaming())
    return method.server_streaming() ? MethodKind::bidirectional : MethodKind::client_streaming;
  return method.server_streaming() ? MethodKind::server_streaming : MethodKind::unary;
}

}  // namespace ringrpc::reflected
