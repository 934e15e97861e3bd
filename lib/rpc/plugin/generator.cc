#include "generator.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/io/printer.h>
#include <google/protobuf/io/zero_copy_stream.h>
#include <map>
#include <memory>
#include <string_view>

#include "doc_comment.h"
#include "names.h"

namespace ringrpc::plugin {

namespace pb = google::protobuf;

namespace {

using Printer = pb::io::Printer;
using Variables = std::map<std::string, std::string>;

// The differences between the four kinds of methods. Every name is qualified from the root, because a package
// may be called `ringrpc` or `std`.
struct Shape {
  std::string_view handler_result;
  std::string_view handler_parameters;
  std::string_view stub_result;
  std::string_view stub_parameters;  // the last one has a default
  std::string_view stub_body;
};

constexpr Shape unary = {
    "::ringrpc::Task<::ringrpc::Result<$response$>>",
    "::ringrpc::Call& call, $unused$$request$ request",
    "::ringrpc::Task<::ringrpc::CallResult<$response$>>",
    "$unused$$request$ request, $unused$::ringrpc::CallOptions options",
    "return channel_.unary<$request$, $response$>(\n"
    "    \"$path$\", ::std::move(request), ::std::move(options));\n",
};
constexpr Shape server_streaming = {
    "::ringrpc::Task<::ringrpc::Status>",
    "::ringrpc::Call& call, $unused$$request$ request,\n"
    "    $unused$::ringrpc::Writer<$response$>& out",
    "::ringrpc::ClientReader<$response$>",
    "$unused$const $request$& request,\n"
    "    $unused$const ::ringrpc::CallOptions& options",
    "return channel_.server_streaming<$request$, $response$>(\n"
    "    \"$path$\", request, options);\n",
};
constexpr Shape client_streaming = {
    "::ringrpc::Task<::ringrpc::Result<$response$>>",
    "::ringrpc::Call& call, $unused$::ringrpc::Reader<$request$>& in",
    "::ringrpc::ClientWriter<$request$, $response$>",
    "$unused$const ::ringrpc::CallOptions& options",
    "return channel_.client_streaming<$request$, $response$>(\n"
    "    \"$path$\", options);\n",
};
constexpr Shape bidirectional = {
    "::ringrpc::Task<::ringrpc::Status>",
    "::ringrpc::Call& call, $unused$::ringrpc::Reader<$request$>& in,\n"
    "    $unused$::ringrpc::Writer<$response$>& out",
    "::ringrpc::ClientStream<$request$, $response$>",
    "$unused$const ::ringrpc::CallOptions& options",
    "return channel_.bidirectional<$request$, $response$>(\n"
    "    \"$path$\", options);\n",
};

const Shape& shape_of(const pb::MethodDescriptor& method) {
  if (method.client_streaming()) return method.server_streaming() ? bidirectional : client_streaming;
  return method.server_streaming() ? server_streaming : unary;
}

Variables variables_of(const pb::MethodDescriptor& method) {
  return {
      {"class", class_name(*method.service())},
      {"function", function_name(method)},
      {"method", method.name()},
      {"path", path(method)},
      {"request", type_name(*method.input_type())},
      {"response", type_name(*method.output_type())},
      {"unused", ""},
  };
}

// Prints the parts one after the other.
template <class... Parts>
void print(Printer& printer, const Variables& variables, Parts... parts) {
  std::string text;
  (text.append(parts), ...);
  printer.Print(variables, text.c_str());
}

void for_each_method(const pb::ServiceDescriptor& service, auto visit) {
  for (int i = 0; i < service.method_count(); ++i)
    visit(*service.method(i), shape_of(*service.method(i)), variables_of(*service.method(i)));
}

void print_stub_methods(Printer& printer, const pb::ServiceDescriptor& service, std::string_view before,
                        std::string_view after) {
  printer.Indent();
  for_each_method(service, [&](const auto& method, const Shape& shape, const Variables& of_method) {
    printer.Print("\n");
    print_doc_comment(printer, method);
    if (method.options().deprecated()) printer.Print("[[deprecated]]\n");
    print(printer, of_method, before, shape.stub_result, " $function$(\n    ", shape.stub_parameters,
          " = {}) const", after, ";\n");
  });
  printer.Outdent();
}

void print_stubs(Printer& printer, const pb::ServiceDescriptor& service) {
  printer.Print(
      "\n"
      "/// The methods of a stub. Code that takes a `const StubInterface&` can be tested with a mock, which\n"
      "/// derives from it. A method that is not overridden fails with UNIMPLEMENTED.\n"
      "class StubInterface {\n"
      " public:\n"
      "  virtual ~StubInterface() = default;\n");
  print_stub_methods(printer, service, "virtual ", "");
  printer.Print(
      "};\n"
      "\n"
      "/// Makes calls over a channel. The tasks of its unary methods must not outlive it.\n"
      "class Stub final : public StubInterface {\n"
      " public:\n"
      "  explicit Stub(::ringrpc::Channel channel) noexcept : channel_(::std::move(channel)) {}\n");
  print_stub_methods(printer, service, "", " override");
  printer.Print(
      "\n"
      " private:\n"
      "  $unused$::ringrpc::Channel channel_;\n"
      "};\n",
      "unused", service.method_count() == 0 ? "[[maybe_unused]] " : "");
}

void print_class(Printer& printer, const pb::ServiceDescriptor& service) {
  const Variables variables = {{"class", class_name(service)}, {"service", service.full_name()}};
  printer.Print("\n");
  print_doc_comment(printer, service);
  printer.Print(variables,
                "struct $class$ {\n"
                "  static constexpr ::std::string_view name = \"$service$\";\n"
                "\n"
                "  /// Derive from it to serve. A method that is not overridden ends with UNIMPLEMENTED.\n"
                "  class Service : public ::ringrpc::Service {\n"
                "   public:\n"
                "    ::std::string_view service_name() const noexcept override;\n"
                "    ::std::span<const ::ringrpc::Method> service_methods() const noexcept override;\n");
  printer.Indent();
  printer.Indent();
  for_each_method(service, [&](const auto& method, const Shape& shape, const Variables& of_method) {
    printer.Print("\n");
    print_doc_comment(printer, method);
    print(printer, of_method, "virtual ", shape.handler_result, " $function$(\n    ",
          shape.handler_parameters, ");\n");
  });
  printer.Outdent();
  printer.Print("};\n");
  print_stubs(printer, service);
  printer.Outdent();
  printer.Print("};\n");
}

void print_method_table(Printer& printer, const pb::ServiceDescriptor& service) {
  const Variables variables = {{"class", class_name(service)}, {"service", service.full_name()}};
  printer.Print(
      variables,
      "\n"
      "::std::string_view $class$::Service::service_name() const noexcept { return \"$service$\"; }\n"
      "\n"
      "::std::span<const ::ringrpc::Method> $class$::Service::service_methods() const noexcept {\n");
  if (service.method_count() == 0) {
    printer.Print("  return {};\n}\n");
    return;
  }
  printer.Print("  static constexpr ::ringrpc::Method methods[] = {\n");
  for_each_method(service, [&](const auto&, const Shape&, const Variables& of_method) {
    printer.Print(of_method, "      ::ringrpc::method<&Service::$function$>(\"$method$\"),\n");
  });
  printer.Print("  };\n  return methods;\n}\n");
}

void print_bodies(Printer& printer, const pb::ServiceDescriptor& service) {
  print_method_table(printer, service);
  for_each_method(service, [&](const auto&, const Shape& shape, Variables of_method) {
    of_method["unused"] = "[[maybe_unused]] ";
    print(printer, of_method, "\n", shape.handler_result, " $class$::Service::$function$(\n    ",
          shape.handler_parameters, ") {\n");
    printer.Print("  co_return ::ringrpc::unimplemented(call);\n}\n");
  });
  for_each_method(service, [&](const auto&, const Shape& shape, Variables of_method) {
    of_method["unused"] = "[[maybe_unused]] ";
    print(printer, of_method, "\n", shape.stub_result, " $class$::StubInterface::$function$(\n    ",
          shape.stub_parameters, ") const {\n");
    constexpr std::string_view failure = "::ringrpc::unimplemented(\"$path$\")";
    if (&shape == &unary) {
      print(printer, of_method, "  co_return ", failure, ";\n}\n");
    } else {
      print(printer, of_method, "  return ", shape.stub_result, "(\n      ::ringrpc::failed_call(", failure,
            "));\n}\n");
    }
  });
  for_each_method(service, [&](const auto&, const Shape& shape, const Variables& of_method) {
    print(printer, of_method, "\n", shape.stub_result, " $class$::Stub::$function$(\n    ",
          shape.stub_parameters, ") const {\n");
    printer.Indent();
    print(printer, of_method, shape.stub_body);
    printer.Outdent();
    printer.Print("}\n");
  });
}

// Calls `print_service` for each service, inside the file's namespace.
void print_services(Printer& printer, const pb::FileDescriptor& file,
                    void (*print_service)(Printer&, const pb::ServiceDescriptor&)) {
  if (file.service_count() == 0) return;
  const std::string space = namespace_of(file);
  if (!space.empty()) printer.Print("\nnamespace $space$ {\n", "space", space);
  for (int i = 0; i < file.service_count(); ++i) print_service(printer, *file.service(i));
  if (!space.empty()) printer.Print("\n}  // namespace $space$\n", "space", space);
}

void print_header(Printer& printer, const pb::FileDescriptor& file) {
  printer.Print(
      "// Written by protoc-gen-ringrpc from $file$.\n"
      "#pragma once\n"
      "\n"
      "#include <span>\n"
      "#include <string_view>\n"
      "#include <utility>\n"
      "\n"
      "#include \"ringrpc/channel.h\"\n"
      "#include \"ringrpc/service.h\"\n"
      "\n"
      "#include \"$stem$.pb.h\"\n",
      "file", file.name(), "stem", file_stem(file));
  print_services(printer, file, print_class);
}

void print_source(Printer& printer, const pb::FileDescriptor& file) {
  printer.Print(
      "// Written by protoc-gen-ringrpc from $file$.\n"
      "#include \"$stem$.ringrpc.h\"\n",
      "file", file.name(), "stem", file_stem(file));
  print_services(printer, file, print_bodies);
}

void write(pb::compiler::GeneratorContext& context, const pb::FileDescriptor& file,
           std::string_view extension, void (*print_file)(Printer&, const pb::FileDescriptor&)) {
  const std::unique_ptr<pb::io::ZeroCopyOutputStream> output(context.Open(file_stem(file).append(extension)));
  Printer printer(output.get(), '$');
  print_file(printer, file);
}

}  // namespace

bool Generator::Generate(const pb::FileDescriptor* file, const std::string& parameter,
                         pb::compiler::GeneratorContext* context, std::string* error) const {
  if (!parameter.empty()) {
    *error = "no such parameter: " + parameter;
    return false;
  }
  if (file->service_count() > 0 && file->options().cc_generic_services()) {
    *error = file->name() +
             ": with cc_generic_services protoc writes classes of the same names; remove the option";
    return false;
  }
  write(*context, *file, ".ringrpc.h", print_header);
  write(*context, *file, ".ringrpc.cc", print_source);
  return true;
}

}  // namespace ringrpc::plugin
