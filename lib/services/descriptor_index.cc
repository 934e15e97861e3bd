#include "services/descriptor_index.h"

#include <algorithm>
#include <utility>

namespace ringrpc {

namespace pb = google::protobuf;

DescriptorIndex::DescriptorIndex(std::vector<std::string> services, const pb::DescriptorPool& pool)
    : pool_(pool), services_(std::move(services)) {
  std::sort(services_.begin(), services_.end());
  // The generated pool builds a file when it is looked up, and finds some symbols, such as values of enums,
  // only in files that are built. So all files that the services use are built now.
  SentFiles built;
  for (const std::string& name : services_)
    if (const pb::ServiceDescriptor* const service = pool_.FindServiceByName(name))
      built.add(*service->file());
}

Result<const pb::FileDescriptor*> DescriptorIndex::file_named(const std::string& name) const {
  const pb::FileDescriptor* const file = pool_.FindFileByName(name);
  if (!file) return fail(Code::NOT_FOUND, "no file \"" + name + "\"");
  return file;
}

Result<const pb::FileDescriptor*> DescriptorIndex::file_with_symbol(const std::string& symbol) const {
  const pb::FileDescriptor* const file = pool_.FindFileContainingSymbol(symbol);
  // For the name of a package, the pool returns one of its files.
  const bool declared = file && (file->package().empty() || symbol.starts_with(file->package() + "."));
  if (!declared) return fail(Code::NOT_FOUND, "no symbol \"" + symbol + "\"");
  return file;
}

Result<const pb::FileDescriptor*> DescriptorIndex::file_with_extension(const std::string& extended_type,
                                                                       int number) const {
  const Result<const pb::Descriptor*> extended = message(extended_type);
  if (!extended) return std::unexpected(extended.error());
  const pb::FieldDescriptor* const extension = pool_.FindExtensionByNumber(*extended, number);
  if (!extension)
    return fail(Code::NOT_FOUND, "no extension " + std::to_string(number) + " of \"" + extended_type + "\"");
  return extension->file();
}

Result<std::vector<int>> DescriptorIndex::extension_numbers(const std::string& extended_type) const {
  const Result<const pb::Descriptor*> extended = message(extended_type);
  if (!extended) return std::unexpected(extended.error());
  std::vector<const pb::FieldDescriptor*> extensions;
  pool_.FindAllExtensions(*extended, &extensions);
  std::vector<int> numbers;
  for (const pb::FieldDescriptor* const extension : extensions) numbers.push_back(extension->number());
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

Result<const pb::Descriptor*> DescriptorIndex::message(const std::string& name) const {
  const pb::Descriptor* const found = pool_.FindMessageTypeByName(name);
  if (!found) return fail(Code::NOT_FOUND, "no message type \"" + name + "\"");
  return found;
}

std::vector<const pb::FileDescriptor*> SentFiles::add(const pb::FileDescriptor& file) {
  std::vector<const pb::FileDescriptor*> files = {&file};
  sent_.insert(&file);
  for (std::size_t at = 0; at < files.size(); ++at) {
    for (int i = 0; i < files[at]->dependency_count(); ++i) {
      const pb::FileDescriptor* const import = files[at]->dependency(i);
      if (import && sent_.insert(import).second) files.push_back(import);
    }
  }
  return files;
}

}  // namespace ringrpc
