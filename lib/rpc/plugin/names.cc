#include "names.h"

#include <algorithm>
#include <array>
#include <google/protobuf/compiler/cpp/names.h>
#include <string_view>

namespace ringrpc::plugin {

namespace pb = google::protobuf;
namespace cpp = google::protobuf::compiler::cpp;

namespace {

// Members of the struct of a service.
constexpr std::array<std::string_view, 4> service_members = {"Service", "Stub", "StubInterface", "name"};

// Members of Service, Stub and StubInterface, including those of their bases.
constexpr std::array<std::string_view, 7> function_members = {
    "Service",         "Stub",        "StubInterface", "channel_", "keeps_unknown_fields",
    "service_methods", "service_name"};

constexpr std::array<std::string_view, 92> keywords = {
    "alignas",     "alignof",  "and",        "and_eq",    "asm",       "auto",         "bitand",
    "bitor",       "bool",     "break",      "case",      "catch",     "char",         "char16_t",
    "char32_t",    "char8_t",  "class",      "co_await",  "co_return", "co_yield",     "compl",
    "concept",     "const",    "const_cast", "consteval", "constexpr", "constinit",    "continue",
    "decltype",    "default",  "delete",     "do",        "double",    "dynamic_cast", "else",
    "enum",        "explicit", "export",     "extern",    "false",     "float",        "for",
    "friend",      "goto",     "if",         "inline",    "int",       "long",         "mutable",
    "namespace",   "new",      "noexcept",   "not",       "not_eq",    "nullptr",      "operator",
    "or",          "or_eq",    "private",    "protected", "public",    "register",     "reinterpret_cast",
    "requires",    "return",   "short",      "signed",    "sizeof",    "static",       "static_assert",
    "static_cast", "struct",   "switch",     "template",  "this",      "thread_local", "throw",
    "true",        "try",      "typedef",    "typeid",    "typename",  "union",        "unsigned",
    "using",       "virtual",  "void",       "volatile",  "wchar_t",   "while",        "xor",
    "xor_eq"};

// Macros of the compiler and of the headers that generated code includes.
constexpr std::array<std::string_view, 9> macros = {"EOF",    "NULL",  "assert", "errno", "linux",
                                                    "stderr", "stdin", "stdout", "unix"};

bool contains(const auto& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool is_reserved(std::string_view name) { return contains(keywords, name) || contains(macros, name); }

}  // namespace

std::string file_stem(const pb::FileDescriptor& file) { return cpp::StripProto(file.name()); }

std::string namespace_of(const pb::FileDescriptor& file) {
  std::string space;
  for (const char c : file.package()) space.append(c == '.' ? 2 : 1, c == '.' ? ':' : c);
  return space;
}

std::string class_name(const pb::ServiceDescriptor& service) {
  std::string name = service.name();
  const pb::DescriptorPool& pool = *service.file()->pool();
  const std::string& package = service.file()->package();
  const auto taken = [&] {
    const std::string full_name = package.empty() ? name : package + "." + name;
    return name != service.name() && pool.FindFileContainingSymbol(full_name) != nullptr;
  };
  while (contains(service_members, name) || is_reserved(name) || taken()) name += '_';
  return name;
}

std::string function_name(const pb::MethodDescriptor& method) {
  const pb::ServiceDescriptor& service = *method.service();
  std::string name = method.name();
  const auto taken = [&] { return name != method.name() && service.FindMethodByName(name) != nullptr; };
  while (contains(function_members, name) || is_reserved(name) || taken()) name += '_';
  return name;
}

std::string type_name(const pb::Descriptor& message) { return cpp::QualifiedClassName(&message); }

std::string path(const pb::MethodDescriptor& method) {
  return "/" + method.service()->full_name() + "/" + method.name();
}

}  // namespace ringrpc::plugin
