#include "reflected/method_name.h"

namespace ringrpc::reflected {

Outcome<MethodName> parse_method(const std::string& text) {
  std::size_t cut = text.find('/', 1);
  if (cut == std::string::npos) cut = text.rfind('.');
  const std::size_t begin = text.starts_with('/') ? 1 : 0;
  if (cut == std::string::npos || cut <= begin || cut + 1 == text.size() ||
      text.find('/', cut + 1) != std::string::npos)
    return fail_with(exit_usage, "'" + text + "' is not a method; write package.Service/Method");
  return MethodName{text.substr(begin, cut - begin), text.substr(cut + 1)};
}

}  // namespace ringrpc::reflected
